// The first panel: accuracies that are published against what the networks cost, the network itself,
// and the line of the budget, which is dragged.

const PLOT = { width: 560, height: 292, left: 40, right: 18, top: 30, bottom: 40 };
const AGAINST = { macs: "MACs of a clip", params: "parameters", activations: "activations of a clip" };

function glance({ results }) {
  accuracies(results);
  drawing(results);
}

// A logarithmic axis over all that is shown.
function axis(counts) {
  const { width, left, right } = PLOT;
  const [low, high] = [Math.log10(Math.min(...counts)) - 0.12, Math.log10(Math.max(...counts)) + 0.12];
  const place = (count) => left + ((width - left - right) * (Math.log10(count) - low)) / (high - low);
  const count = (x) => 10 ** (low + ((high - low) * (x - left)) / (width - left - right));
  return { low, high, place, count };
}

function accuracies(results) {
  const parent = byId("accuracies");
  if (!parent) return;
  const { width, height, left, right, top, bottom } = PLOT;
  const measured = data.accuracy.points;
  const now = Number(results[data.totals[state.quantity]]);
  const most = limits()[state.quantity];
  const budget = most === null ? null : toFloat(most);
  const scale = axis([...measured.map((point) => point[state.quantity]), now, ...(budget ? [budget] : [])]);
  const tops = measured.map((point) => point.top1);
  const [least, best] = [Math.floor(Math.min(...tops)) - 1, Math.ceil(Math.max(...tops)) + 1];
  const y = (top1) => top + ((height - top - bottom) * (best - top1)) / (best - least);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": spokenAccuracies(now) });
  const every = best - least > 8 ? 2 : 1;
  for (let top1 = Math.ceil(least / every) * every; top1 <= best; top1 += every) {
    chart.append(svg("path", { class: "axis", d: `M${left} ${y(top1).toFixed(1)}H${width - right}` }));
    chart.append(svg("text", { x: left - 7, y: y(top1) + 4, "text-anchor": "end" }, `${top1}`));
  }
  for (const tick of ticks(scale.low, scale.high)) {
    chart.append(svg("text", { x: scale.place(tick), y: height - bottom + 17, "text-anchor": "middle" }, short(tick)));
  }
  chart.append(svg("text", { x: left - 30, y: 13 }, `${data.accuracy.dataset} top-1, %, as published`));
  chart.append(svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, `${AGAINST[state.quantity]} →`));
  const family = measured.filter((point) => point.family).sort((a, b) => a[state.quantity] - b[state.quantity]);
  chart.append(svg("path", { class: "published", d: line(family.map((point) => [scale.place(point[state.quantity]), y(point.top1)])) }));
  const here = scale.place(now);
  chart.append(svg("path", { class: "now", d: `M${here.toFixed(1)} ${top}V${height - bottom}` }));
  const words = `this network, ${short(now)}`;
  const beside = here + 7 * words.length > width ? { x: here - 5, "text-anchor": "end" } : { x: here + 5 };
  chart.append(svg("text", { class: "here", ...beside, y: height - bottom - 7 }, words));
  const taken = [{ x: here - 3, y: top, width: 6, height: height - top - bottom }];
  for (const point of measured) chart.append(mark(point, scale.place(point[state.quantity]), y(point.top1), taken));
  chart.append(budgetLine(budget, scale));
  replaced(parent, chart);
}

// A new chart in an old one's place keeps the focus where it was.
function replaced(parent, chart) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.getAttribute("data-key") : null;
  parent.replaceChildren(chart);
  if (focused) parent.querySelector(`[data-key="${focused}"]`)?.focus();
}

// A published network: its dot and its name, at the first side where nothing stands yet.
function mark(point, x, y, taken) {
  const name = called(point);
  const chart = svg("g", { class: point.family ? "measured family" : "measured", "data-key": point.name });
  const chosen = data.presets.some((preset) => preset.name === point.name);
  chart.setAttribute("role", chosen ? "button" : "img");
  if (chosen) {
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("click", () => choose(point.name));
    chart.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(point.name);
      }
    });
  }
  const told = `${name}: ${point.top1} % at ${short(point[state.quantity])}, ${point.views} views of ${point.crop}², ${point.source}`;
  chart.setAttribute("aria-label", chosen ? `${told}. Choose it` : told);
  for (const event of ["pointerenter", "focus"]) chart.addEventListener(event, () => show("readout", told));
  chart.append(svg("circle", { cx: x, cy: y, r: 12, class: "reach" }), svg("circle", { cx: x, cy: y, r: point.family ? 5 : 4, class: "dot" }));
  taken.push({ x: x - 6, y: y - 6, width: 12, height: 12 });
  const place = free(name, x, y, taken);
  if (place) chart.append(svg("text", { class: point.family ? "name" : "", x: place.x, y: place.y, "text-anchor": place.anchor }, name));
  return chart;
}

function free(name, x, y, taken) {
  const width = 6.8 * name.length;
  const sides = [
    { anchor: "end", x: x - 8, y: y - 7 },
    { anchor: "start", x: x + 8, y: y + 15 },
    { anchor: "start", x: x + 8, y: y - 7 },
    { anchor: "end", x: x - 8, y: y + 15 },
  ];
  for (const side of sides) {
    const box = { x: side.anchor === "end" ? side.x - width : side.x, y: side.y - 11, width, height: 14 };
    const inside = box.x > PLOT.left && box.x + width < PLOT.width - 2;
    if (inside && !taken.some((other) => overlap(box, other))) {
      taken.push(box);
      return side;
    }
  }
  return null;
}

const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

// The budget is a limit of the quantity that is shown; without one its handle waits at the right.
function budgetLine(budget, scale) {
  const { width, height, left, right, top, bottom } = PLOT;
  const x = budget === null ? width - right : Math.max(left, Math.min(width - right, scale.place(budget)));
  const handle = svg("g", {
    class: budget === null ? "budget idle" : "budget",
    "data-key": "budget",
    role: "slider",
    tabindex: "0",
    "aria-label": `budget of ${LABELS[state.quantity]}`,
    "aria-valuemin": Math.round(10 ** scale.low),
    "aria-valuemax": Math.round(10 ** scale.high),
    "aria-valuenow": Math.round(budget ?? 10 ** scale.high),
    "aria-valuetext": budget === null ? "none" : short(budget),
  });
  handle.append(svg("path", { class: "grip", d: `M${x} ${top}V${height - bottom}` }), svg("path", { class: "rule", d: `M${x} ${top - 4}V${height - bottom}` }));
  const words = budget === null ? "drag: a budget" : `budget ${short(budget)}`;
  const beside = x > width / 3 ? { x: x - 6, "text-anchor": "end" } : { x: x + 6 };
  handle.append(svg("text", { class: "bound", ...beside, y: top + 5 }, words));
  handle.addEventListener("pointerdown", (event) => dragged(event, scale));
  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (!steps) return;
    event.preventDefault();
    limitTo((budget ?? 10 ** scale.high) * 1.02 ** steps);
  });
  return handle;
}

function dragged(event, scale) {
  event.preventDefault();
  const chart = event.currentTarget.ownerSVGElement;
  const box = chart.getBoundingClientRect();
  const moveTo = (pointer) => limitTo(scale.count(((pointer.clientX - box.left) * PLOT.width) / box.width));
  const done = () => {
    window.removeEventListener("pointermove", moveTo);
    remember();
  };
  window.addEventListener("pointermove", moveTo);
  window.addEventListener("pointerup", done, { once: true });
}

// Three digits, as a person would type them.
function limitTo(count) {
  state.limits[state.quantity] = short(Number(count.toPrecision(3))).replace(" ", "");
  byId(`limit-${state.quantity}`).value = state.limits[state.quantity];
  render();
}

function spokenAccuracies(now) {
  const named = data.accuracy.points.map((point) => `${called(point)} ${point.top1} % at ${short(point[state.quantity])}`);
  return `${data.accuracy.dataset} top-1 against ${LABELS[state.quantity]}, as published: ${named.join(", ")}; this network ${short(now)}`;
}

// The network: every stage as high as its output, a bar a block, as dark as its share of the cost.
function drawing(results) {
  const parent = byId("drawing");
  const { width, height, top } = { width: 460, height: 292, top: 40 };
  const base = 226;
  const total = Number(results[data.totals[state.quantity]]);
  const shown = data.stages.filter((stage) => stage.size !== null && Number(results[stage.cost.macs]) > 0);
  const sizes = shown.map((stage) => Number(results[stage.size]));
  const biggest = Math.max(Number(results[data.input.size]), ...sizes, 1);
  const tall = (size) => Math.max(3, (base - top) * Math.sqrt(size / biggest));
  const blocks = shown.map((stage) => Math.max(1, Number(results[stage.repeat])));
  const gap = shown.length > 9 ? 5 : 12;
  const room = width - 60 - gap * shown.length;
  const unit = Math.min(14, room / blocks.reduce((sum, count) => sum + Math.max(count, 2), 0));
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spokenDrawing(shown, results, total) });
  const frames = data.input.frames === null ? "" : `${results[data.input.frames]} frames; `;
  chart.append(svg("text", { x: 0, y: 13 }, `${frames}high as its size, a bar a block, dark as its share of ${LABELS[state.quantity]}`));
  const side = Number(results[data.input.size]);
  chart.append(svg("rect", { class: "clip", x: 6, y: base - tall(side), width: 24, height: tall(side) }));
  under(chart, 18, base, ["clip", `${side}²`]);
  let x = 52;
  shown.forEach((stage, index) => {
    const share = total ? Number(results[stage.cost[state.quantity]]) / total : 0;
    const wide = Math.max(blocks[index], 2) * unit;
    const high = tall(sizes[index]);
    const count = Math.min(blocks[index], 64);
    for (let block = 0; block < count; block++) {
      const opacity = (0.14 + 0.86 * Math.min(1, share / 0.4)).toFixed(2);
      const place = { x: (x + (block * wide) / count).toFixed(2), y: (base - high).toFixed(2), width: (wide / count).toFixed(2), height: high.toFixed(2) };
      chart.append(svg("rect", { class: "block", "fill-opacity": opacity, ...place }));
    }
    chart.append(svg("text", { class: "name", x: x + wide / 2, y: base - high - 6, "text-anchor": "middle" }, share < 0.005 ? "<1 %" : `${(100 * share).toFixed(0)} %`));
    const roomy = wide + gap > 30;
    const label = stage.name.length > 7 ? `${stage.name.slice(0, 6)}…` : stage.name;
    under(chart, x + wide / 2, base + (roomy ? 0 : 22 * (index % 2)), [label, ...(roomy ? [`${sizes[index]}²`, blocks[index] > 1 ? `× ${blocks[index]}` : ""] : [])]);
    x += wide + gap;
  });
  parent.replaceChildren(chart);
}

function under(chart, x, base, lines) {
  lines.forEach((words, index) => chart.append(svg("text", { x, y: base + 16 + 15 * index, "text-anchor": "middle" }, words)));
}

function spokenDrawing(shown, results, total) {
  const stages = shown.map((stage) => `${stage.name} ${results[stage.repeat]} blocks of ${results[stage.size]} pixels, ${percent(results[stage.cost[state.quantity]], total)}`);
  return `The network: ${stages.join("; ")}`;
}
