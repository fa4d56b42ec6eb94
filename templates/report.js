// The page: state, what follows from it, and how it is shown. `evaluate` and `starts` are compiled
// from the spec; everything that is counted comes from them.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const QUANTITIES = ["macs", "params", "activations"];
const LABELS = { macs: "MACs", params: "parameters", activations: "activations" };
const UNITS = { k: 3, m: 6, g: 9, t: 12 };
const POINTS = 32;
const SLICE = 8; // milliseconds of work before the page may react again

const factors = data.factors.map((factor, index) => ({
  ...factor,
  index,
  grid: parse(factor.grid),
  low: factor.low === null ? null : parse(factor.low),
  high: factor.high === null ? null : parse(factor.high),
  top: parse(factor.top),
}));

// `given[i]` is the text of a factor's value, or null where it follows from others.
const opened = factors.map((factor) => factor.value);
const state = {
  given: [...opened],
  quantity: "macs",
  convention: data.conventions[0].name,
  limits: Object.fromEntries(QUANTITIES.map((name) => [name, ""])),
};

// Numbers for people.

const grouped = (count) => count.toLocaleString("en-US");

function short(count) {
  const value = Number(count);
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size * 0.99995) return `${Number((value / size).toPrecision(4))} ${unit}`;
  }
  return `${Number(value.toPrecision(4))}`;
}

const percent = (part, whole) => (whole ? `${((100 * Number(part)) / Number(whole)).toFixed(1)} %` : "–");
const brief = (value) => (text(value).length <= 9 ? text(value) : `${Number(toFloat(value).toPrecision(5))}`);

function off(count, other) {
  const change = 100 * (Number(count) / Number(other) - 1);
  return Math.abs(change) < 0.05 ? "±0 %" : `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(1)} %`;
}

// From texts to a network.

class FieldError extends Error {
  constructor(index, message) {
    super(message);
    this.index = index;
  }
}

function outside(factor, value) {
  if (factor.low === null && compare(value, 0n) <= 0) return "must be above 0";
  if (factor.low !== null && compare(value, factor.low) < 0) return `must be at least ${text(factor.low)}`;
  if (factor.high !== null && compare(value, factor.high) > 0) return `must be at most ${text(factor.high)}`;
  return null;
}

// Every factor's exact value, those that follow included.
function complete(given) {
  const values = [];
  for (const factor of factors) {
    const typed = given[factor.index];
    try {
      values.push(typed === null ? starts[factor.index](values)[0] : typeof typed === "string" ? parse(typed) : typed);
    } catch (error) {
      if (!(error instanceof ExactError)) throw error;
      throw new FieldError(factor.index, error.message);
    }
    const wrong = outside(factor, values[factor.index]);
    if (wrong) throw new FieldError(factor.index, `${factor.name} = ${brief(values[factor.index])} ${wrong}`);
  }
  return values;
}

const said = (stage, message) => (stage ? `stage ${stage}: ${message}` : message);

// Why a check fails, or null.
function refusal(check, results) {
  if (results[check.when] !== 1n) return null;
  const values = check.slots.map((slot) => results[slot]);
  const [first, second, third] = values;
  const shown = values.map((value) => brief(value));
  switch (check.kind) {
    case "count":
      if (!whole(first)) return said(check.stage, `${check.what} ${shown[0]} is not a whole number`);
      if (first < 1n) return said(check.stage, `${check.what} ${shown[0]} is not positive`);
      return first > BigInt(check.most) ? said(check.stage, `${check.what} ${shown[0]} is more than ${check.most}`) : null;
    case "condition":
      return first === 0n || first === 1n ? null : said(check.stage, `the condition of ${check.what} is ${shown[0]}`);
    case "fits":
      return first > second + 2n * third ? said(check.stage, `kernel ${shown[0]} is larger than its input, ${shown[1]}`) : null;
    case "divides":
      return second % first ? said(check.stage, `${shown[0]} groups do not divide ${shown[1]} channels`) : null;
    default:
      return equal(first, second) ? null : said(check.stage, `a shortcut gives ${shown[0]} where its branch gives ${shown[1]}`);
  }
}

function problem(results) {
  for (const check of data.checks) {
    const wrong = refusal(check, results);
    if (wrong) return wrong;
  }
  const blocks = data.blocks.slots.reduce((sum, slot) => sum + results[slot], 0n);
  return blocks > BigInt(data.blocks.most) ? `more than ${data.blocks.most} blocks in all` : null;
}

// The network at these factors: its numbers, or a message.
function resolve(given) {
  try {
    const values = complete(given);
    const results = evaluate(values);
    return { values, results, message: problem(results), index: null };
  } catch (error) {
    if (!(error instanceof FieldError || error instanceof ExactError)) throw error;
    return { values: null, results: null, message: error.message, index: error.index ?? null };
  }
}

const convention = () => data.conventions.find((each) => each.name === state.convention);

function operations(tally, results) {
  const { per_mac: perMac, per_norm_element: perNorm } = convention();
  return BigInt(perMac) * results[tally.macs] + BigInt(perNorm) * results[tally.norm_elements];
}

function limit(name) {
  const typed = state.limits[name].trim().toLowerCase().replaceAll(",", "").replaceAll(" ", "");
  if (!typed) return null;
  const unit = UNITS[typed.at(-1)];
  const value = parse(unit ? typed.slice(0, -1) : typed);
  return mul(value, 10n ** BigInt(unit ?? 0));
}

function limits() {
  const found = {};
  for (const name of QUANTITIES) {
    try {
      found[name] = limit(name);
    } catch (error) {
      if (!(error instanceof ExactError)) throw error;
      found[name] = null;
    }
  }
  return found;
}

// Showing it.

function show(id, value) {
  const element = byId(id);
  if (element && element.textContent !== value) element.textContent = value;
}

const extent = (part, results) => {
  if (part.size === null) return "1";
  const side = `${results[part.size]}²`;
  return part.frames === null ? side : `${results[part.frames]} × ${side}`;
};

let current = null; // what is shown, so that charts and texts speak of the same network

function render() {
  const found = resolve(state.given);
  fields(found);
  show("problem", found.message ?? "");
  if (found.message) return;
  current = found;
  totals(found);
  stages(found.results);
  bars(found.results);
  take(found);
  verdicts(found.results);
  later(found);
}

function fields({ values, message, index }) {
  for (const factor of factors) {
    const field = byId(`field${factor.index}`);
    const slider = byId(`slider${factor.index}`);
    const follow = byId(`follow${factor.index}`);
    const given = state.given[factor.index];
    const value = values?.[factor.index];
    field.disabled = slider.disabled = given === null;
    if (follow) follow.checked = given === null;
    const wanted = given ?? (value === undefined ? "" : brief(value));
    if (field.value !== wanted) field.value = wanted;
    field.setAttribute("aria-invalid", String(index === factor.index));
    const saying = byId(`said${factor.index}`);
    saying.classList.toggle("bad", index === factor.index);
    if (index === factor.index) show(saying.id, message);
    else if (saying.dataset.kind !== "range") show(saying.id, "");
    if (value !== undefined) place(slider, factor, value);
  }
}

function place(slider, factor, value) {
  const rung = floor(add(div(value, factor.grid), HALF));
  if (slider.value !== String(rung)) slider.value = String(rung);
  slider.setAttribute("aria-valuetext", brief(value));
}

function totals({ results }) {
  const counted = operations(data.totals, results);
  show("operations-name", unitName());
  show("unit", unitName());
  for (const [name, count] of [["operations", counted], ["params", results[data.totals.params]], ["activations", results[data.totals.activations]]]) {
    show(`total-${name}`, short(count));
    show(`exact-${name}`, grouped(count));
    show(`sum-${name}`, grouped(count));
  }
  const { frames, size, stride } = data.input;
  const square = `${results[size]}²`;
  show("clip", frames === null ? square : `${results[frames]} × ${square}`);
  show("clip-stride", stride === null ? "" : `frame stride ${results[stride]}`);
  show("input-output", extent(data.input, results));
  const near = nearest();
  show("nearest", near ? called(near.preset) : "none");
  show("nearest-off", near ? near.text : "");
}

const unitName = () => (state.convention === data.conventions[0].name ? "MACs" : convention().unit);

// The preset whose factors are, together, the fewest times as large or as small.
function nearest() {
  const { values, results } = current;
  const counts = QUANTITIES.map((name) => results[data.totals[name]]);
  let best = null;
  for (const preset of data.presets) {
    const theirs = complete(factors.map((factor) => preset.values[factor.name] ?? null));
    const distance = factors.reduce((sum, { index }) => sum + apart(toFloat(values[index]), toFloat(theirs[index])), 0);
    if (!best || distance < best.distance) best = { preset, distance };
  }
  if (!best) return null;
  const same = QUANTITIES.every((name, at) => BigInt(best.preset[name]) === counts[at]);
  const [macs, params] = counts;
  best.text = same ? "the same counts" : `MACs ${off(macs, best.preset.macs)}, parameters ${off(params, best.preset.params)}`;
  return best;
}

const called = ({ name, title }) => (title && title.length <= 20 ? title : name);

const apart = (a, b) => (a > 0 && b > 0 ? Math.abs(Math.log(a / b)) : Math.abs(a - b));

function stages(results) {
  data.stages.forEach((stage, index) => {
    const count = operations(stage.cost, results);
    const present = stage.filters.filter((filter) => results[filter.when] === 1n);
    const lines = present.map(({ window: shape, channels }) => (channels === null ? shape : `${shape}, ${results[channels]}`));
    listed(byId(`filters${index}`), lines);
    const repeat = results[stage.repeat];
    show(`times${index}`, repeat === 1n && stage.times === "1" ? "" : `× ${repeat}`);
    show(`output${index}`, extent(stage, results));
    show(`operations${index}`, grouped(count));
    show(`params${index}`, grouped(results[stage.cost.params]));
    show(`activations${index}`, grouped(results[stage.cost.activations]));
  });
  show("convention-doc", `Operations: ${convention().doc}`);
}

function listed(parent, lines) {
  while (parent.children.length > lines.length) parent.lastChild.remove();
  while (parent.children.length < lines.length) parent.append(Object.assign(document.createElement("span"), { className: "filter" }));
  lines.forEach((line, index) => {
    if (parent.children[index].textContent !== line) parent.children[index].textContent = line;
  });
}

function bars(results) {
  for (const [name, parts] of [["stage", data.stages], ["kind", data.kinds]]) {
    const counts = parts.map((part) => Number(results[part.cost[state.quantity]]));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const most = Math.max(...counts, 1);
    counts.forEach((count, index) => {
      byId(`${name}-bar${index}`).style.width = `calc((100% - 3.6rem) * ${count / most})`;
      show(`${name}-share${index}`, percent(count, total));
      show(`${name}-count${index}`, short(count));
      if (name === "kind") byId(`kind-row${index}`).hidden = count === 0;
    });
  }
}

// What can be taken along.

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);

function command() {
  const changed = factors.filter((factor) => state.given[factor.index] !== factor.own);
  const options = changed.map((factor) => {
    const value = text(current.values[factor.index]);
    return `--${factor.name.replaceAll("_", "-")} ${quoted(value)}`;
  });
  return [data.command, ...options].join(" ");
}

function specText() {
  const entries = factors
    .filter((factor) => state.given[factor.index] !== null)
    .map((factor) => [factor.name, text(current.values[factor.index])])
    .map(([name, value]) => `${name}: ${/^\d+(\.\d+)?$/.test(value) ? value : JSON.stringify(value)}`);
  return `${data.spec.before}factors: {${entries.join(", ")}}\n${data.spec.after}`;
}

function fragment() {
  const words = new URLSearchParams();
  for (const factor of factors) {
    const given = state.given[factor.index];
    if (given !== opened[factor.index]) words.set(factor.name, given ?? "");
  }
  for (const name of QUANTITIES) if (state.limits[name].trim()) words.set(`max_${name}`, state.limits[name].trim());
  if (state.quantity !== "macs") words.set("quantity", state.quantity);
  if (state.convention !== data.conventions[0].name) words.set("convention", state.convention);
  return words.toString().replaceAll("%2F", "/");
}

// Only what the page knows is read; the rest of a link is nobody's business.
function restore() {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const factor of factors) {
    const given = words.get(factor.name);
    state.given[factor.index] = given === null ? opened[factor.index] : given === "" && factor.follows !== null ? null : given;
  }
  for (const name of QUANTITIES) state.limits[name] = words.get(`max_${name}`) ?? "";
  state.quantity = QUANTITIES.includes(words.get("quantity")) ? words.get("quantity") : "macs";
  const named = data.conventions.some((each) => each.name === words.get("convention"));
  state.convention = named ? words.get("convention") : data.conventions[0].name;
  for (const name of QUANTITIES) byId(`limit-${name}`).value = state.limits[name];
  byId("quantity").value = state.quantity;
  byId("convention").value = state.convention;
}

function take() {
  show("command", command());
}

function verdicts(results) {
  for (const name of QUANTITIES) {
    const verdict = byId(`verdict-${name}`);
    const field = byId(`limit-${name}`);
    let wrong = false;
    let message = "";
    try {
      const most = limit(name);
      const count = results[data.totals[name]];
      wrong = most !== null && compare(count, most) > 0;
      if (most !== null) message = `${wrong ? "over" : "within"}: ${percent(count, toFloat(most))} of it`;
      field.setAttribute("aria-invalid", "false");
    } catch (error) {
      if (!(error instanceof ExactError)) throw error;
      wrong = true;
      message = "type a count such as 5G or 3.8M";
      field.setAttribute("aria-invalid", "true");
    }
    verdict.classList.toggle("bad", wrong);
    show(verdict.id, message);
  }
}

// What may wait until the hand rests: curves, ranges, the spoken summary, the link.

let waiting = null;

function later(found) {
  clearTimeout(waiting);
  waiting = setTimeout(() => work(found, afterwards(found)), 60);
}

function* afterwards(found) {
  trajectory(found.results);
  const allowed = limits();
  const curves = [];
  for (const factor of factors) {
    const points = yield* sampled(factor, found, allowed);
    curves.push({ factor, points });
    yield* range(factor, found, allowed);
  }
  drawCurves(curves, found, allowed);
  const link = fragment();
  history.replaceState(null, "", link ? `#${link}` : location.pathname + location.search);
  yield* pause();
  speak(found);
}

function* pause() {
  for (let turn = 0; turn < 3; turn++) yield "wait";
}

// Run a generator in slices, unless the network has changed meanwhile.
function work(found, steps) {
  const until = performance.now() + SLICE;
  for (;;) {
    if (found !== current) return;
    const { done, value } = steps.next();
    if (done) return;
    if (value === "wait" || performance.now() > until) {
      waiting = setTimeout(() => work(found, steps), value === "wait" ? 150 : 0);
      return;
    }
  }
}

function speak({ results }) {
  const near = nearest();
  const clip = byId("clip").textContent.replace("²", " squared");
  const counts = `${short(operations(data.totals, results))} ${unitName()}, ${short(results[data.totals.params])} parameters`;
  show("live", `${counts}, ${short(results[data.totals.activations])} activations at ${clip}${near ? `, nearest ${called(near.preset)}` : ""}`);
}

// A copy of what is given, with one factor at another value.
function moved(factor, value) {
  const given = [...state.given];
  given[factor.index] = value;
  return given;
}

function rungs(factor, value) {
  const near = floor(add(div(value, factor.grid), HALF));
  const first = factor.low === null ? 1n : ceil(div(factor.low, factor.grid));
  const last = factor.high === null ? null : floor(div(factor.high, factor.grid));
  const from = near / 2n > first ? near / 2n : first;
  const to = last !== null && near * 2n > last ? last : near * 2n > from + 4n ? near * 2n : from + 4n;
  const step = (to - from) / BigInt(POINTS) + 1n;
  const found = [];
  for (let rung = from; rung <= to; rung += step) found.push(rung);
  return found;
}

function* sampled(factor, found, allowed) {
  const points = [];
  const given = state.given[factor.index];
  const own = found.values[factor.index];
  for (const rung of rungs(factor, own)) {
    const value = mul(rung, factor.grid);
    const other = resolve(moved(factor, value));
    if (!other.message) points.push(pointed(value, other.results, allowed));
    yield;
  }
  points.push(pointed(own, found.results, allowed));
  return points.sort((a, b) => a.x - b.x).map((point) => ({ ...point, given }));
}

const within = (results, allowed) =>
  QUANTITIES.every((name) => allowed[name] === null || compare(results[data.totals[name]], allowed[name]) <= 0);

const pointed = (value, results, allowed) => ({
  value,
  x: toFloat(value),
  y: Number(results[data.totals[state.quantity]]),
  inside: within(results, allowed),
});

// Which values of a factor keep the limits: costs rise with a factor, so halving finds the last.
function* range(factor, found, allowed) {
  const saying = byId(`said${factor.index}`);
  saying.dataset.kind = "range";
  if (QUANTITIES.every((name) => allowed[name] === null)) {
    show(saying.id, "");
    return;
  }
  const fits = (rung) => {
    const other = resolve(moved(factor, mul(rung, factor.grid)));
    return other.results !== null && within(other.results, allowed);
  };
  const first = factor.low === null ? 1n : ceil(div(factor.low, factor.grid));
  let [low, high] = [first, floor(div(factor.top, factor.grid)) + 1n];
  saying.classList.toggle("bad", !fits(low));
  if (!fits(low)) {
    show(saying.id, "no value of it alone keeps the limits");
    return;
  }
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    [low, high] = fits(middle) ? [middle, high] : [low, middle];
    yield;
  }
  const all = low === floor(div(factor.top, factor.grid));
  show(saying.id, all ? "keeps the limits at any value here" : `keeps the limits up to ${text(mul(low, factor.grid))}`);
}

// Charts.

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const line = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function trajectory(results) {
  const parent = byId("trajectory");
  if (!parent) return;
  const { solved, published } = data.trajectory;
  const now = Number(results[data.totals[state.quantity]]);
  const all = [...solved, ...published].map((step) => step[state.quantity]);
  const [low, high] = [Math.log10(Math.min(...all, now)) - 0.08, Math.log10(Math.max(...all, now)) + 0.12];
  const width = Math.max(300, parent.clientWidth);
  const height = Math.round(Math.min(340, Math.max(240, width * 0.42)));
  const [left, right, top, bottom] = [58, 18, 8, width > 560 ? 40 : 24];
  const last = Math.max(solved.length, published.length) - 1;
  const x = (step) => left + ((width - left - right) * step) / Math.max(last, 1);
  const y = (count) => top + (height - top - bottom) * (1 - (Math.log10(count) - low) / (high - low));
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spokenTrajectory(now) });
  for (const tick of ticks(low, high)) {
    chart.append(svg("path", { class: "axis", d: `M${left} ${y(tick).toFixed(1)}H${width - right}` }));
    chart.append(svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
  }
  steps(chart, published.length ? published : solved, x, height - bottom + 16, width > 560);
  const placed = (list) => list.map((step, index) => [x(index), y(step[state.quantity])]);
  chart.append(svg("path", { class: "solved", d: line(placed(solved)) }));
  chart.append(svg("path", { class: "published", d: line(placed(published)) }));
  for (const [cx, cy] of placed(solved)) chart.append(svg("circle", { class: "ring", cx, cy, r: 3 }));
  placed(published).forEach(([cx, cy], index) => chart.append(svg("circle", { class: "dot", cx, cy, r: published[index].name ? 5.5 : 3.5 })));
  named(chart, published, placed(published));
  chart.append(svg("path", { class: "now", d: `M${left} ${y(now).toFixed(1)}H${width - right}` }));
  const aside = y(now) < top + (height - top - bottom) * 0.4;
  const place = aside ? { x: left + 6, y: y(now) + 15 } : { x: width - right, y: y(now) - 6, "text-anchor": "end" };
  chart.append(svg("text", { class: "here", ...place }, `now ${short(now)}`));
  legend(chart, left + 8, top + 8, published.length > 0);
  parent.replaceChildren(chart);
}

function ticks(low, high) {
  const found = [];
  const marks = high - low > 2.5 ? [1] : high - low > 1.2 ? [1, 3] : [1, 2, 5];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const mark of marks) {
      const tick = mark * 10 ** power;
      if (Math.log10(tick) >= low && Math.log10(tick) <= high) found.push(tick);
    }
  }
  return found;
}

function steps(chart, list, x, y, roomy) {
  list.forEach((step, index) => {
    chart.append(svg("text", { x: x(index), y, "text-anchor": "middle" }, index ? `${index}` : roomy ? "" : "0"));
    const anchor = index && index === list.length - 1 ? { x: x(index) + 12, "text-anchor": "end" } : { x: x(index), "text-anchor": "middle" };
    if (roomy) chart.append(svg("text", { ...anchor, y: y + (index ? 16 : 0) }, shortened(step.axis)));
  });
}

const shortened = (axis) => (axis.length > 10 ? `${axis.slice(0, 9)}…` : axis);

function named(chart, list, places) {
  list.forEach((step, index) => {
    if (!step.name) return;
    const [x, y] = places[index];
    const preset = data.presets.find((each) => each.name === step.name);
    const label = preset ? called(preset) : step.name;
    chart.append(svg("text", { class: "name", x: x - 9, y: y - 7, "text-anchor": "end" }, label));
  });
}

function legend(chart, left, top, both) {
  const solved = ["solved", "solved for twice the MACs"];
  const entries = both ? [["published", "published"], solved] : [solved];
  entries.forEach(([kind, label], index) => {
    const y = top + 18 * index;
    chart.append(svg("path", { class: kind, d: `M${left} ${y}h26` }));
    chart.append(svg("text", { x: left + 34, y: y + 4 }, label));
  });
}

function spokenTrajectory(now) {
  const list = data.trajectory.published.length ? data.trajectory.published : data.trajectory.solved;
  const models = list.filter((step) => step.name).map((step) => `${step.name} ${short(step[state.quantity])}`);
  const ends = `${LABELS[state.quantity]} grow from ${short(list[0][state.quantity])} to ${short(list.at(-1)[state.quantity])} in ${list.length - 1} steps`;
  return `${ends}${models.length ? `; ${models.join(", ")}` : ""}; now ${short(now)}`;
}

function drawCurves(curves, found, allowed) {
  const parent = byId("curves");
  if (!parent) return;
  const now = Number(found.results[data.totals[state.quantity]]);
  const most = Math.max(...curves.flatMap(({ points }) => points.map((point) => point.y)), 1);
  const drawn = curves.map(({ factor, points }) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.append(Object.assign(document.createElement("code"), { textContent: factor.name }), ` ${brief(found.values[factor.index])}`);
    figure.append(caption, curve(factor, points, { now, most, most_allowed: allowed[state.quantity] }, found, parent));
    return figure;
  });
  parent.replaceChildren(...drawn);
}

function curve(factor, points, scale, found, parent) {
  const columns = getComputedStyle(parent).gridTemplateColumns.split(" ");
  const width = Math.max(140, Math.round(parseFloat(columns[0]) || 240));
  const height = 132;
  const [left, right, top, bottom] = [46, 10, 8, 20];
  const [from, to] = [points[0].x, points.at(-1).x];
  const x = (value) => left + ((width - left - right) * (value - from)) / (to - from || 1);
  const y = (count) => top + (height - top - bottom) * (1 - count / (scale.most * 1.04));
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spokenCurve(factor, points) });
  for (const tick of [0, scale.most / 2, scale.most]) {
    chart.append(svg("path", { class: "axis", d: `M${left} ${y(tick).toFixed(1)}H${width - right}` }));
    chart.append(svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, tick ? `${Number(Number(short(tick).split(" ")[0]).toPrecision(2))} ${short(tick).split(" ")[1] ?? ""}` : "0"));
  }
  for (const [point, anchor] of [[points[0], "start"], [points.at(-1), "end"]]) {
    chart.append(svg("text", { x: x(point.x), y: height - 4, "text-anchor": anchor }, brief(point.value)));
  }
  for (const inside of [true, false]) {
    chart.append(svg("path", { class: inside ? "curve" : "beyond", d: pieces(points, inside, x, y) }));
  }
  const most = scale.most_allowed === null ? null : toFloat(scale.most_allowed);
  if (most !== null && most <= scale.most * 1.04) chart.append(svg("path", { class: "limit", d: `M${left} ${y(most).toFixed(1)}H${width - right}` }));
  chart.append(svg("circle", { class: "point", cx: x(toFloat(found.values[factor.index])), cy: y(scale.now), r: 5 }));
  return chart;
}

// Runs of points that keep the limits, or that do not; a run begins where the one before ended.
function pieces(points, inside, x, y) {
  let path = "";
  points.forEach((point, index) => {
    if (point.inside !== inside) return;
    const before = points[index - 1];
    const begins = !before || before.inside !== inside;
    if (begins) path += before && !inside ? `M${x(before.x).toFixed(1)} ${y(before.y).toFixed(1)}L` : "M";
    else path += "L";
    path += `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`;
  });
  return path;
}

function spokenCurve(factor, points) {
  const [first, last] = [points[0], points.at(-1)];
  return `${LABELS[state.quantity]} against ${factor.name}: ${short(first.y)} at ${brief(first.value)}, ${short(last.y)} at ${brief(last.value)}`;
}

// What people do.

async function copied(words, what) {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: words });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  show("told", `${what} copied`);
}

function download() {
  const url = URL.createObjectURL(new Blob([specText()], { type: "text/yaml" }));
  Object.assign(document.createElement("a"), { href: url, download: data.spec.file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  show("told", `${data.spec.file} written: put it beside its base, or anywhere if that ships with x3dspec`);
}

function change(index, given) {
  state.given[index] = given;
  if (byId("preset")) byId("preset").value = "";
  render();
}

function listen() {
  for (const factor of factors) {
    const slider = byId(`slider${factor.index}`);
    slider.min = String(factor.low === null ? 1n : ceil(div(factor.low, factor.grid)));
    slider.max = String(floor(div(factor.top, factor.grid)));
    slider.addEventListener("input", () => change(factor.index, text(mul(BigInt(slider.value), factor.grid))));
    byId(`field${factor.index}`).addEventListener("input", (event) => change(factor.index, event.target.value));
    byId(`follow${factor.index}`)?.addEventListener("change", (event) => {
      change(factor.index, event.target.checked ? null : text(current.values[factor.index]));
    });
  }
  for (const name of QUANTITIES) {
    byId(`limit-${name}`).addEventListener("input", (event) => {
      state.limits[name] = event.target.value;
      render();
    });
  }
  for (const name of ["quantity", "convention"]) {
    byId(name).addEventListener("change", (event) => {
      state[name] = event.target.value;
      render();
    });
  }
  byId("preset")?.addEventListener("change", (event) => choose(event.target.value));
  byId("reset").addEventListener("click", reset);
  byId("copy").addEventListener("click", () => copied(command(), "Command"));
  byId("link").addEventListener("click", () => copied(`${location.href.split("#")[0]}#${fragment()}`, "Link"));
  byId("download").addEventListener("click", download);
  window.addEventListener("hashchange", () => {
    restore();
    render();
  });
  const symbolic = byId("symbolic");
  const aside = () => document.querySelector(".stages").classList.toggle("plain", !symbolic.checked);
  symbolic.checked = window.innerWidth > 640;
  symbolic.addEventListener("change", aside);
  aside();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (width !== window.innerWidth && current) later(current);
    width = window.innerWidth;
  });
}

function choose(name) {
  const preset = data.presets.find((each) => each.name === name);
  state.given = preset ? factors.map((factor) => preset.values[factor.name] ?? null) : [...opened];
  render();
}

function reset() {
  history.replaceState(null, "", location.pathname + location.search);
  if (byId("preset")) byId("preset").value = "";
  restore();
  render();
}

listen();
restore();
render();
