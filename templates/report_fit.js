// Fit: the expansion from the base's start until a step goes too far, and as much of that step as fits, by
// exact counts: what `x3dspec budget` does.

const MAX_RUNGS = 256;

// The factors that are given once a budget is spent, or an Error that says why none can.
function fitted(quantity, most) {
  const { states, counts, base } = data.fit;
  const within = (count) => compare(BigInt(count), most) <= 0;
  if (!within(counts[0][quantity])) throw new ExactError(`${base} starts at ${short(counts[0][quantity])}, and expanding only adds`);
  const over = counts.findIndex((count) => !within(count[quantity]));
  if (over < 0) throw new ExactError(`beyond the steps that this page knows: x3dspec budget ${base} goes on`);
  return contracted(states[over - 1], quantity, most);
}

function contracted(before, quantity, most) {
  const factor = factors[before.factor];
  const values = complete(before.given);
  const first = floor(div(values[factor.index], factor.grid)) + 1n;
  const at = (rung) => climbed(before, values, mul(rung, factor.grid));
  const fits = (rung) => {
    const results = counted(at(rung));
    return results !== null && compare(results[data.totals[quantity]], most) <= 0;
  };
  let [low, high] = [first - 1n, ceil(div(parse(before.to), factor.grid))];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    [low, high] = fits(middle) ? [middle, high] : [low, middle];
  }
  const lowest = low - BigInt(MAX_RUNGS) > first ? low - BigInt(MAX_RUNGS) : first;
  while (low >= lowest && resolve(at(low)).message) low--;
  if (low < lowest) return before.given;
  return simplest(before, low, lowest, at, factor) ?? before.given;
}

// What is given at a value of the axis's driving factor.
function climbed(before, values, value) {
  const given = [...before.given];
  axes[before.axis]([...values, value]).forEach((moved, place) => {
    given[data.fit.changed[before.axis][place]] = moved;
  });
  return given;
}

function counted(given) {
  try {
    return evaluate(complete(given));
  } catch (error) {
    if (!(error instanceof FieldError || error instanceof ExactError)) throw error;
    return null;
  }
}

// Of the rungs that build the very same network the one with the simplest value; null where `before` builds it.
function simplest(before, rung, lowest, at, factor) {
  const network = built(at(rung));
  if (network === built(before.given)) return null;
  let best = rung;
  const length = (each) => (whole(mul(each, factor.grid)) || mul(each, factor.grid) instanceof Rational ? denominator(mul(each, factor.grid)) : 1n);
  for (let each = rung - 1n; each >= lowest && built(at(each)) === network; each--) {
    if (length(each) <= length(best)) best = each;
  }
  return at(best).map((value) => (value === null || typeof value === "string" ? value : text(value)));
}

// Everything whole about a network, in one text.
function built(given) {
  const results = counted(given);
  if (results === null) return null;
  const parts = data.stages.flatMap((stage) => [stage.repeat, stage.width, stage.inner, stage.frames, stage.size, ...stage.filters.flatMap((filter) => [filter.channels, filter.when]), ...Object.values(stage.cost)]);
  return [data.input.frames, data.input.size, data.input.stride, ...parts].map((slot) => (slot === null ? "" : text(results[slot]))).join();
}

function fit() {
  try {
    const most = limits()[state.quantity];
    if (most === null) throw new ExactError("type a limit, or drag one in the chart");
    state.given = fitted(state.quantity, most);
    render();
    remember();
    const spent = current.results[data.totals[state.quantity]];
    show("fitted", `${data.fit.base} expanded to ${short(spent)} of ${short(toFloat(most))}: ${percent(spent, toFloat(most))}`);
  } catch (error) {
    if (!(error instanceof ExactError)) throw error;
    show("fitted", error.message);
  }
}
