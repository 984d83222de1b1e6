// Draws one frame of a clip in perspective.

const FAR = 4;

/** A view: turned about the vertical, tilted, zoomed. */
function frontView(flat) {
  return flat ? { yaw: 0, pitch: 0, zoom: 1 } : { yaw: -0.45, pitch: 0.18, zoom: 1 };
}

/** Returns a function from a point to [x, y, depth, scale] on the canvas. */
function camera(view, width, height) {
  const [cy, sy] = [Math.cos(view.yaw), Math.sin(view.yaw)];
  const [cp, sp] = [Math.cos(view.pitch), Math.sin(view.pitch)];
  const size = Math.min(width, height) * 0.46 * view.zoom;
  return (x, y, z) => {
    const [right, away] = [x * cy + z * sy, z * cy - x * sy];
    const [up, depth] = [y * cp + away * sp, away * cp - y * sp];
    const scale = FAR / (FAR + depth);
    return [width / 2 + right * size * scale, height / 2 - up * size * scale, depth, scale];
  };
}

/** Draws a frame; returns where each joint is, for the pointer. */
function drawBody(canvas, clip, frame, view, light, top, palette) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const project = camera(view, width, height);
  if (!clip.flat) drawFloor(pen, project, clip.floor, palette);
  const base = frame * clip.nodes * 3;
  const points = [];
  for (let i = 0; i < clip.nodes; i += 1) {
    const at = base + 3 * i;
    const seen = !Number.isNaN(clip.places[at]);
    points.push(seen ? project(clip.places[at], clip.places[at + 1], clip.places[at + 2]) : null);
  }
  // From far to near, and joints over bones: what spikes is never hidden by a line.
  const order = [...points.keys()].filter((i) => points[i]).sort((a, b) => points[b][2] - points[a][2]);
  const size = Math.max(3, Math.min(width, height) / 110) * Math.sqrt(view.zoom);
  pen.lineCap = "round";
  for (const i of order) {
    if (clip.parent[i] !== i && points[clip.parent[i]]) drawBone(pen, clip, points, i, size, palette);
  }
  for (const i of order) drawJoint(pen, points[i], size, light ? light[i] / (top || 1) : null, palette);
  return points;
}

/** Farther things are paler. */
function pale(depth) {
  return Math.max(0.45, Math.min(1, 0.85 - 0.35 * depth));
}

function drawBone(pen, clip, points, node, size, palette) {
  const [a, b] = [points[node], points[clip.parent[node]]];
  pen.globalAlpha = pale((a[2] + b[2]) / 2);
  pen.strokeStyle = [palette.bone, palette.left, palette.soft][clip.person[node] % 3];
  pen.lineWidth = size * 0.75 * ((a[3] + b[3]) / 2);
  pen.beginPath();
  pen.moveTo(a[0], a[1]);
  pen.lineTo(b[0], b[1]);
  pen.stroke();
  pen.globalAlpha = 1;
}

function drawJoint(pen, point, size, share, palette) {
  const radius = size * point[3] * (share === null ? 1 : 1 + 1.1 * share);
  const disc = (r) => {
    pen.beginPath();
    pen.arc(point[0], point[1], r, 0, 2 * Math.PI);
    pen.fill();
  };
  const colour = share === null ? palette.bone : glow(share, palette);
  if (share > 0.4) {
    pen.globalAlpha = 0.45 * (share - 0.4);
    pen.fillStyle = colour;
    disc(radius * 2.1);
    pen.globalAlpha = 1;
  }
  pen.fillStyle = palette.panel;
  disc(radius + size * 0.28);
  pen.fillStyle = colour;
  disc(radius);
}

function drawFloor(pen, project, floor, palette) {
  pen.strokeStyle = palette.floor;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let i = -4; i <= 4; i += 1) {
    for (const ends of [[[i / 4, -1], [i / 4, 1]], [[-1, i / 4], [1, i / 4]]]) {
      const [from, to] = ends.map(([x, z]) => project(x, floor, z));
      pen.moveTo(from[0], from[1]);
      pen.lineTo(to[0], to[1]);
    }
  }
  pen.stroke();
}

/** Draws joints over frames as a map of spikes, with a line at the present frame. */
function drawMap(canvas, rate, frame, frames, palette) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  const [w, h] = [canvas.width / rate.frames, canvas.height / rate.nodes];
  for (let t = 0; t < rate.frames; t += 1) {
    for (let i = 0; i < rate.nodes; i += 1) {
      const value = rate.values[t * rate.nodes + i];
      if (!value) continue;
      pen.fillStyle = glow(value / (rate.top || 1), { ...palette, silent: palette.panel });
      pen.fillRect(Math.floor(t * w), Math.floor(i * h), Math.ceil(w), Math.ceil(h));
    }
  }
  pen.fillStyle = palette.ink;
  pen.fillRect(((frame + 0.5) / frames) * canvas.width - ratio, 0, 2 * ratio, canvas.height);
}
