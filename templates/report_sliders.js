// Behind every slider stands what the network costs at each of its places, the others as they are: steps,
// since that is what rounding makes of it. Beyond a limit it is marked; presets are ticks.

const PLACES = 32;
const CURVE = { width: 240, height: 36, pad: 8 };

// Some of the grid's values over the whole slider, the presets' own among them.
function places(factor) {
  const [first, last] = [BigInt(byId(`slider${factor.index}`).min), BigInt(byId(`slider${factor.index}`).max)];
  const step = (last - first) / BigInt(PLACES) + 1n;
  const rungs = [];
  for (let rung = first; rung < last; rung += step) rungs.push(rung);
  return [...rungs, last].map((rung) => mul(rung, factor.grid));
}

function* costCurve(factor, found, allowed) {
  const points = [];
  for (const value of places(factor)) {
    const other = resolve(moved(factor, value));
    if (other.message) continue;
    points.push({ value, x: toFloat(value), y: Number(other.results[data.totals[state.quantity]]), inside: within(other.results, allowed) });
    yield;
  }
  drawCurve(factor, points);
}

function drawCurve(factor, points) {
  const chart = byId(`curve${factor.index}`);
  const { width, height, pad } = CURVE;
  const slider = byId(`slider${factor.index}`);
  const [low, high] = [slider.min, slider.max].map((rung) => toFloat(mul(BigInt(rung), factor.grid)));
  const x = (value) => pad + ((width - 2 * pad) * (value - low)) / (high - low || 1);
  const most = Math.max(...points.map((point) => point.y), 1);
  const y = (count) => height - (height - 5) * Math.sqrt(count / most);
  const path = points.map((point, index) => `${index ? "H" : "M"}${x(point.x).toFixed(1)}${index ? "V" : " "}${y(point.y).toFixed(1)}`).join("");
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.setAttribute("aria-label", points.length ? spokenCurve(factor, points) : `no value of ${factor.name} can be built`);
  const parts = [];
  if (points.length) parts.push(svg("path", { class: "area", d: `${path}V${height}H${x(points[0].x).toFixed(1)}Z` }), svg("path", { class: "stroke", d: path }));
  points.forEach((point, index) => {
    if (point.inside) return;
    const from = x(point.x);
    const to = index + 1 < points.length ? x(points[index + 1].x) : width - pad;
    parts.push(svg("rect", { class: "over", x: from.toFixed(1), y: 0, width: Math.max(to - from, 2).toFixed(1), height }));
  });
  for (const tick of presetTicks(factor, low, high)) parts.push(svg("path", { class: "tick", d: `M${x(tick).toFixed(1)} ${height}v-5` }));
  chart.replaceChildren(...parts);
}

function presetTicks(factor, low, high) {
  const values = data.presets.map((preset) => preset.values[factor.name]).filter((value) => value !== undefined);
  return [...new Set(values)].map((value) => toFloat(parse(value))).filter((value) => value >= low && value <= high);
}

function spokenCurve(factor, points) {
  const [first, last] = [points[0], points.at(-1)];
  return `${LABELS[state.quantity]} against ${factor.name}: ${short(first.y)} at ${brief(first.value)}, ${short(last.y)} at ${brief(last.value)}`;
}
