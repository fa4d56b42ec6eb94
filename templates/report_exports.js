// What can be saved: the spec, the stage table, the pictures.

const SAVE = {
  spec: () => saved(data.spec.file, specText(), "text/yaml", ": put it beside its base, or anywhere if that ships with x3dspec"),
  csv: () => saved(`${data.name}.csv`, tableText(), "text/csv"),
  svg: () => saved(`${data.name}.svg`, pictureText(pictured()), "image/svg+xml"),
  png: () => painted(pictured()),
};

function saved(file, content, type, more = "") {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  Object.assign(document.createElement("a"), { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  show("told", `${file} written${more}`);
}

function tableText() {
  const { results } = current;
  const rows = data.stages.map((stage) => [
    stage.name,
    results[stage.repeat],
    results[stage.width],
    stage.frames === null ? "" : results[stage.frames],
    stage.size === null ? 1 : results[stage.size],
    ...[stage.cost, stage.cost, stage.cost].map((cost, index) => results[cost[QUANTITIES[index]]]),
  ]);
  const total = ["total", "", "", "", "", ...QUANTITIES.map((name) => results[data.totals[name]])];
  return [["stage", "blocks", "channels", "frames", "size", ...QUANTITIES], ...rows, total].map((row) => row.join(",")).join("\n") + "\n";
}

const pictured = () => (byId("accuracies") ?? byId("drawing")).querySelector("svg");

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-size", "font-weight"];

// The chart as a file of its own: every style that the page gives it is written down.
function pictureText(chart) {
  const copy = chart.cloneNode(true);
  const [, , width, height] = chart.getAttribute("viewBox").split(" ");
  const own = [chart, ...chart.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, index) => {
    const style = getComputedStyle(own[index]);
    for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role", "data-key"]) element.removeAttribute(name);
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const paper = svg("rect", { width: "100%", height: "100%", fill: getComputedStyle(document.body).getPropertyValue("--panel") });
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}

function painted(chart) {
  const url = URL.createObjectURL(new Blob([pictureText(chart)], { type: "image/svg+xml" }));
  const picture = new Image();
  picture.onload = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 3 * picture.width, height: 3 * picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => saved(`${data.name}.png`, blob));
    URL.revokeObjectURL(url);
  };
  picture.src = url;
}
