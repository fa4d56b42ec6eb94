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
  placed(published).forEach(([cx, cy], index) => chart.append(svg("circle", { class: "dot", cx, cy, r: 3.5 })));
  named(chart, published, published.map((step, index) => [x(index), y(step[state.quantity]), y(cost(step))]));
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

// What a step's named network costs: where the source contracted the step, the contracted one.
const cost = (step) => (step.name ? step.named : step)[state.quantity];

function named(chart, list, places) {
  list.forEach((step, index) => {
    if (!step.name) return;
    const [x, from, y] = places[index];
    chart.append(svg("path", { class: "axis", d: `M${x} ${from.toFixed(1)}V${y.toFixed(1)}` }));
    chart.append(svg("circle", { class: "dot", cx: x, cy: y, r: 5.5 }));
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
  const models = list.filter((step) => step.name).map((step) => `${step.name} ${short(cost(step))}`);
  const ends = `${LABELS[state.quantity]} grow from ${short(list[0][state.quantity])} to ${short(list.at(-1)[state.quantity])} in ${list.length - 1} steps`;
  return `${ends}${models.length ? `; ${models.join(", ")}` : ""}; now ${short(now)}`;
}

