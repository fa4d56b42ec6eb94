// The page: state, what follows from it, and how it is shown. `evaluate` and `starts` are compiled
// from the spec; everything that is counted comes from them.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const QUANTITIES = ["macs", "params", "activations"];
const LABELS = { macs: "MACs", params: "parameters", activations: "activations" };
const UNITS = { k: 3, m: 6, g: 9, t: 12 };
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
  moved: null, // the index of the factor that was moved last
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

// What people write for roots, powers and products, as the spec writes it.
function typed(words) {
  if (/^\s*\d+,\d+\s*$/.test(words)) throw new ExactError(`write ${words.trim().replace(",", ".")}`);
  return words.replace(/√\s*(\d+(?:\.\d+)?)/g, "sqrt($1)").replaceAll("√", "sqrt").replaceAll("^", "**").replaceAll("×", "*").replaceAll("−", "-");
}

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
    const value = given[factor.index];
    try {
      values.push(value === null ? starts[factor.index](values)[0] : typeof value === "string" ? parse(typed(value)) : value);
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

// Why a constraint does not hold, or null.
function refusal({ stage, message, when, holds, values }, results) {
  if (results[when] !== 1n || results[holds] === 1n) return null;
  return said(stage, message.replace(/\{(\d+)\}/g, (_, place) => brief(results[values[place]])));
}

function problem(results) {
  for (const constraint of data.constraints) {
    const wrong = refusal(constraint, results);
    if (wrong) return wrong;
  }
  return null;
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
  const each = convention();
  const parts = [
    [each.per_mac, tally.macs],
    [each.per_norm_element, tally.norm_elements],
    [each.per_layer_norm_element, tally.layer_norm_elements],
  ];
  return parts.reduce((sum, [per, slot]) => sum + BigInt(per) * results[slot], 0n);
}

// A figure as `budget --target` takes it: 4.7GFLOPs, 4M params, 90,000,000. Its unit, where it has one, must
// be the quantity's own.
const FIGURE = /^([\d.,_]+(?:[eE]\d+)?)\s*([kmgt]?)\s*(flops?|macs?|params?|parameters|acts?|activations)?$/i;
const QUANTITY = { f: "macs", m: "macs", p: "params", a: "activations" };

function limit(name) {
  const words = state.limits[name].trim();
  if (!words) return null;
  const figure = FIGURE.exec(words);
  if (!figure) throw new ExactError("type a count such as 5G or 3.8M");
  const [, digits, unit, noun] = figure;
  if (noun && QUANTITY[noun[0].toLowerCase()] !== name) throw new ExactError(`${noun} are not ${LABELS[name]}`);
  return mul(parse(digits.replace(/[,_]/g, "")), 10n ** BigInt(UNITS[unit.toLowerCase()] ?? 0));
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
  heading(found);
  totals(found);
  stages(found.results);
  bars(found.results);
  take();
  verdicts(found.results);
  glance(found);
  trajectory(found.results);
  later(found);
}

// What differs from the network that the page is of, and what that did.
function changes({ values }) {
  const own = complete(factors.map((factor) => factor.own));
  return factors
    .filter((factor) => text(values[factor.index]) !== text(own[factor.index]))
    .map((factor) => ({ factor, from: own[factor.index], to: values[factor.index] }));
}

function heading(found) {
  const changed = changes(found);
  const options = Object.keys(data.chosen).length;
  const parts = [[changed.length, "factor"], [options, "option"]].filter(([count]) => count);
  const many = parts.map(([count, noun]) => `${count} ${noun}${count > 1 ? "s" : ""}`).join(" and ");
  const own = called(data);
  const title = many ? `${own}, changed in ${many}` : data.title || data.name;
  show("title", title);
  document.title = `${title} · x3dspec`;
  show("source", many ? `derived from ${own}` : data.source);
  const same = data.presets.find((preset) => factors.every(({ name, index }) => text(parse(preset.values[name] ?? text(found.values[index]))) === text(found.values[index])));
  if (byId("preset")) byId("preset").value = same ? same.name : "";
  const words = changed.map(({ factor, from, to }) => [`${factor.name} ${brief(from)} → ${brief(to)}`, ""]);
  if (changed.length && data.counts) {
    for (const name of QUANTITIES) {
      const change = off(found.results[data.totals[name]], data.counts[name]);
      words.push([`${LABELS[name]} ${change}`, change.startsWith("+") ? "up" : "down"]);
    }
  }
  byId("changes").replaceChildren(...words.map(([textContent, className]) => Object.assign(document.createElement("li"), { textContent, className })));
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
    field.setAttribute("aria-invalid", String(message !== null && (index ?? state.moved) === factor.index));
    const saying = byId(`said${factor.index}`);
    const wrong = message !== null && (index ?? state.moved) === factor.index;
    if (message !== null || saying.dataset.kind !== "range") {
      saying.classList.toggle("bad", wrong);
      saying.dataset.kind = "";
      show(saying.id, wrong ? message : "");
    }
    if (value !== undefined) place(slider, factor, value);
  }
}

function place(slider, factor, value) {
  const rung = nearestInteger(div(value, factor.grid));
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
  show("nearest", near ? called(near.preset) : "");
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
    const closer = !best || distance < best.distance || (distance === best.distance && preset.title && !best.preset.title);
    if (closer) best = { preset, distance };
  }
  if (!best) return null;
  const same = QUANTITIES.every((name, at) => BigInt(best.preset[name]) === counts[at]);
  const [macs, params] = counts;
  best.text = same ? "the same counts" : `MACs ${off(macs, best.preset.macs)}, parameters ${off(params, best.preset.params)}`;
  return best;
}

// What a network is called: its title up to the first comma, where that is short.
function called({ name, title }) {
  const short = title.split(",")[0];
  return short && short.length <= 20 ? short : name;
}

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
  const verb = byId("verb").value;
  const most = limits()[state.quantity];
  if (verb === "budget") {
    const unit = { macs: "MACs", params: " params", activations: " activations" }[state.quantity];
    const target = most === null ? current.results[data.totals[state.quantity]] : text(most);
    return `${budgetCommand()} --target ${quoted(target + unit)}`;
  }
  return [data.command.replace("resolve", verb), ...options, ...(verb === "emit" ? ["--out", "."] : [])].join(" ");
}

// An expansion starts from the base, with this page's options.
function budgetCommand() {
  const words = data.command.replace("resolve", "budget").split(" ");
  return data.fit ? words.map((word, index) => (index === 2 ? data.fit.base : word)).join(" ") : words.join(" ");
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
      message = error.message;
      field.setAttribute("aria-invalid", "true");
    }
    verdict.classList.toggle("bad", wrong);
    show(verdict.id, message);
  }
}

// What may wait until the hand rests: curves, ranges, the spoken summary, the link.

let waiting = null;
let turn = 0; // the factor whose curve comes first, so that a hand that never rests sees them all

function later(found) {
  clearTimeout(waiting);
  waiting = setTimeout(() => work(found, afterwards(found)), 0);
}

function* afterwards(found) {
  const allowed = limits();
  for (let count = factors.length; count > 0; count--) {
    const factor = factors[turn % factors.length];
    yield* costCurve(factor, found, allowed);
    turn++;
  }
  for (const factor of factors) yield* range(factor, found, allowed);
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

const within = (results, allowed) =>
  QUANTITIES.every((name) => allowed[name] === null || compare(results[data.totals[name]], allowed[name]) <= 0);

// Which values of a factor keep the limits: costs rise with a factor, so halving finds the last.
function* range(factor, found, allowed) {
  const saying = byId(`said${factor.index}`);
  saying.dataset.kind = "range";
  if (QUANTITIES.every((name) => allowed[name] === null)) {
    show(saying.id, "");
    return;
  }
  const at = (rung) => resolve(moved(factor, mul(rung, factor.grid))).results;
  const fits = (results) => results !== null && within(results, allowed);
  const first = factor.low === null ? 1n : ceil(div(factor.low, factor.grid));
  const last = floor(div(factor.top, factor.grid));
  const [least, most] = [at(first), at(last)];
  const free = least && most && QUANTITIES.every((name) => least[data.totals[name]] === most[data.totals[name]]);
  saying.classList.toggle("bad", !fits(least) && !free);
  if (free) return show(saying.id, "free: it changes no count");
  if (!fits(least)) return show(saying.id, "no value of it alone keeps the limits");
  if (fits(most)) return show(saying.id, "keeps the limits at any value here");
  let [low, high] = [first, last];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    [low, high] = fits(at(middle)) ? [middle, high] : [low, middle];
    yield;
  }
  show(saying.id, `keeps the limits up to ${text(mul(low, factor.grid))}`);
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

function change(index, given) {
  state.given[index] = given;
  state.moved = index;
  render();
}

// What was done is a step back in the browser's history, once the hand has let go.
function remember() {
  const link = fragment();
  if (link === location.hash.slice(1)) return;
  history.pushState(null, "", link ? `#${link}` : location.pathname + location.search);
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
  byId("verb").addEventListener("change", take);
  byId("reset").addEventListener("click", reset);
  byId("fit")?.addEventListener("click", fit);
  byId("copy").addEventListener("click", () => copied(command(), "Command"));
  byId("link").addEventListener("click", () => copied(`${location.href.split("#")[0]}#${fragment()}`, "Link"));
  for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => SAVE[button.dataset.save]());
  document.addEventListener("change", remember);
  window.addEventListener("popstate", () => {
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
    if (width !== window.innerWidth && current) render();
    width = window.innerWidth;
  });
}

function choose(name) {
  const preset = data.presets.find((each) => each.name === name);
  state.given = factors.map((factor) => preset.values[factor.name] ?? null);
  render();
  remember();
}

function reset() {
  state.given = [...opened];
  for (const name of QUANTITIES) byId(`limit-${name}`).value = state.limits[name] = "";
  state.quantity = byId("quantity").value = "macs";
  state.convention = byId("convention").value = data.conventions[0].name;
  render();
  remember();
}

listen();
restore();
render();
