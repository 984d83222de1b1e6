// Training curves: one chart for each metric, a line for each phase.

const SVG = "http://www.w3.org/2000/svg";

function node(kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Round numbers between two ends. */
function ticks(low, high, count) {
  const rough = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) out.push(i * step);
  return out;
}

function number(value) {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

function startCurves(curves) {
  const place = find("curves-body");
  const order = ["loss", "accuracy", "lr"];
  const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = Object.keys(curves).sort((a, b) => rank(a) - rank(b));
  for (const name of names) place.append(chart(name, curves[name]));
  if (!names.length) place.textContent = "No curves were written.";
}

function chart(name, phases) {
  const [width, height, left, bottom] = [340, 190, 44, 24];
  const all = Object.values(phases).flat();
  const [x0, x1] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  let [y0, y1] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  if (y0 === y1) [y0, y1] = [y0 - Math.abs(y0 || 1) / 10, y1 + Math.abs(y1 || 1) / 10];
  const x = (v) => left + ((v - x0) / (x1 - x0 || 1)) * (width - left - 8);
  const y = (v) => 8 + (1 - (v - y0) / (y1 - y0)) * (height - bottom - 8);
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.append(name.replaceAll("_", " "));
  const readout = document.createElement("output");
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: "0" });
  const ends = Object.entries(phases).map(([phase, points]) =>
    `${phase || name} from ${number(points[0][1])} to ${number(points[points.length - 1][1])}`);
  svg.setAttribute("aria-label", `${name} over ${x1 - x0 + 1} epochs: ${ends.join(", ")}. Arrow keys read values.`);
  for (const v of ticks(y0, y1, 4)) {
    svg.append(node("line", { class: "grid", x1: left, x2: width - 8, y1: y(v), y2: y(v) }));
    svg.append(node("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, number(v)));
  }
  for (const v of ticks(x0, x1, 5).filter(Number.isInteger)) {
    svg.append(node("text", { x: x(v), y: height - 6, "text-anchor": "middle" }, v));
  }
  Object.entries(phases).forEach(([phase, points], i) => {
    const colour = `var(--c${i % 4})`;
    const path = points.map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" ");
    svg.append(node("polyline", { class: "line", points: path, style: `stroke:${colour}` }));
    if (points.length < 15) {
      for (const p of points) svg.append(node("circle", { cx: x(p[0]), cy: y(p[1]), r: 3, style: `fill:${colour}` }));
    }
    if (phase) {
      const key = document.createElement("span");
      key.textContent = phase;
      key.style.color = colour;
      caption.append(key);
    }
  });
  const cursor = node("line", { class: "cursor", y1: 8, y2: height - bottom, visibility: "hidden" });
  svg.append(cursor);
  const epochs = [...new Set(all.map((p) => p[0]))].sort((a, b) => a - b);
  let at = epochs.length - 1;
  function read(index) {
    at = Math.max(0, Math.min(epochs.length - 1, index));
    cursor.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(epochs[at]));
    const texts = Object.entries(phases).map(([phase, points]) => {
      const point = points.find((p) => p[0] === epochs[at]);
      return point ? `${phase ? `${phase} ` : ""}${number(point[1])}` : "";
    });
    readout.textContent = `epoch ${epochs[at]}: ${texts.filter(Boolean).join(", ")}`;
  }
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const value = ((event.clientX - box.left) / box.width) * width;
    read(epochs.reduce((best, e, i) => (Math.abs(x(e) - value) < Math.abs(x(epochs[best]) - value) ? i : best), 0));
  });
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    read(at + by);
  });
  figure.append(caption, svg, readout);
  return figure;
}
