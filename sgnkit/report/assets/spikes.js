// Clips as they are in the page's data, unpacked: where joints are and how much they spike.

function bytes(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

const ABSENT = -32768;
const LARGEST = 32000;

/** Unpacks a clip: places in [-1, 1], NaN for joints that were not observed. */
function unpack(raw) {
  const whole = new Int16Array(bytes(raw.places).buffer);
  const places = Float32Array.from(whole, (v) => (v === ABSENT ? NaN : v / LARGEST));
  const layers = raw.spikes.map((layer) => ({ frames: layer.frames, rates: bytes(layer.data) }));
  return { ...raw, nodes: raw.joint.length, places, layers };
}

/** Share of the channels that spike, frame by frame and node by node; step 0 is the mean of all. */
function rates(clip, layer, step) {
  const { frames, rates: all } = clip.layers[layer];
  const size = frames * clip.nodes;
  const out = new Float32Array(size);
  const steps = step ? [step - 1] : [...Array(clip.steps).keys()];
  for (const s of steps) {
    for (let i = 0; i < size; i += 1) out[i] += all[s * size + i] / 255 / steps.length;
  }
  return { frames, nodes: clip.nodes, values: out, top: out.reduce((a, b) => Math.max(a, b), 0) };
}

/** Rates of the nodes at a frame of the clip; a layer with fewer frames holds each for longer. */
function atFrame(rate, frame, frames) {
  const t = Math.min(rate.frames - 1, Math.floor((frame * rate.frames) / frames));
  return rate.values.subarray(t * rate.nodes, (t + 1) * rate.nodes);
}

function percent(share) {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Names of classes and joints as words. */
function words(name) {
  return name.replaceAll("_", " ");
}

/** The colours of the page, which differ in light and dark. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    ["ink", "soft", "paper", "panel", "silent", "warm", "hot", "bone", "left", "floor"].map((n) => [n, get(n)]),
  );
}

/** From silent over warm to hot. */
function glow(share, palette) {
  const [from, to, part] =
    share < 0.5 ? [palette.silent, palette.warm, 2 * share] : [palette.warm, palette.hot, 2 * share - 1];
  return mix(from, to, part);
}

function mix(from, to, part) {
  const parse = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  const [a, b] = [parse(from), parse(to)];
  return `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * part)).join(" ")})`;
}
