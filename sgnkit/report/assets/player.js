// The player: what is shown, the controls, pointer and keys.

const FRAME_RATE = 12;
const find = (id) => document.getElementById(id);

/** Sets up the player; returns a function that shows a clip by its number. */
function startPlayer(data, classes) {
  const player = data.player;
  find("player-body").hidden = false;
  const [canvas, map] = [find("body"), find("map")];
  const clips = player.clips.map(() => null);
  const state = { clip: 0, layer: 0, step: 0, sub: 0, frame: 0, playing: false, view: frontView(player.flat) };
  const spiking = player.layers.length > 0;
  find("spike-body").hidden = !spiking;
  for (const id of ["layer", "step"]) find(id).parentElement.hidden = !spiking;
  let palette = colours();
  let clip;
  let rate = null;
  let points = [];

  function current() {
    if (!clips[state.clip]) {
      const made = unpack(player.clips[state.clip]);
      made.flat = player.flat;
      made.floor = made.places.reduce((low, v, i) => (i % 3 === 1 && v < low ? v : low), 1);
      clips[state.clip] = made;
    }
    return clips[state.clip];
  }

  function choose() {
    clip = current();
    state.frame = Math.min(state.frame, clip.frames - 1);
    if (spiking) {
      const step = state.step === "each" ? state.sub + 1 : Number(state.step);
      rate = rates(clip, state.layer, step);
      // One scale for all single steps of a layer, so that they can be compared.
      const steps = step ? [...Array(clip.steps).keys()].map((s) => s + 1) : [];
      rate.top = Math.max(rate.top, ...steps.map((s) => rates(clip, state.layer, s).top));
      find("key-high").textContent = percent(rate.top);
    }
  }

  function draw() {
    const light = rate ? atFrame(rate, state.frame, clip.frames) : null;
    points = drawBody(canvas, clip, state.frame, state.view, light, rate ? rate.top : 1, palette);
    if (rate) drawMap(map, rate, state.frame, clip.frames, palette);
    find("frame").value = state.frame;
    const step = state.step === "each" ? `, step ${state.sub + 1}` : "";
    find("clock").textContent = `${state.frame + 1} / ${clip.frames}${step}`;
    find("frame").setAttribute("aria-valuetext", `frame ${state.frame + 1} of ${clip.frames}${step}`);
    if (light) find("busiest").textContent = busiest(light);
    Object.assign(canvas.dataset, {
      frame: state.frame, clip: state.clip, layer: state.layer, step: state.step, sub: state.sub,
      yaw: state.view.yaw.toFixed(3), pitch: state.view.pitch.toFixed(3), zoom: state.view.zoom.toFixed(3),
      playing: state.playing,
    });
  }

  function jointName(node) {
    const person = clip.person[node] ? `, person ${clip.person[node] + 1}` : "";
    return words(player.joints[clip.joint[node]]) + person;
  }

  function busiest(light) {
    const order = [...light.keys()].sort((a, b) => light[b] - light[a]).slice(0, 3);
    const text = order.filter((i) => light[i] > 0).map((i) => `${jointName(i)} ${percent(light[i])}`);
    return text.length ? `Most spikes in this frame: ${text.join("; ")}.` : "No spikes in this frame.";
  }

  function show(change) {
    Object.assign(state, change);
    if (["clip", "layer", "step", "sub"].some((key) => key in change)) choose();
    if ("clip" in change) {
      find("frame").max = clip.frames - 1;
      find("clip").value = state.clip;
      const right = clip.label === clip.predicted;
      find("answer").textContent = `${clip.name}: ${right ? "rightly" : "wrongly"} taken for ` +
        `${words(classes[clip.predicted])}, ${percent(clip.share)}${right ? "" : `; it is ${words(classes[clip.label])}`}.`;
    }
    if ("layer" in change) find("layer").value = state.layer;
    if ("step" in change) find("step").value = state.step;
    draw();
  }

  function play(on) {
    find("play").textContent = on ? "Pause" : "Play";
    find("play").setAttribute("aria-pressed", String(on));
    show({ playing: on });
    if (on) requestAnimationFrame(tick);
  }

  let last = 0;
  function tick(now) {
    if (!state.playing) return;
    if (now - last >= 1000 / (FRAME_RATE * Number(find("speed").value))) {
      last = now;
      advance();
    }
    requestAnimationFrame(tick);
  }

  function advance() {
    if (state.step === "each" && state.sub + 1 < clip.steps) return show({ sub: state.sub + 1 });
    return show({ frame: (state.frame + 1) % clip.frames, ...(state.step === "each" ? { sub: 0 } : {}) });
  }

  function turn(yaw, pitch, zoom = 1) {
    const { view } = state;
    show({
      view: {
        yaw: view.yaw + yaw,
        pitch: Math.max(-1.5, Math.min(1.5, view.pitch + pitch)),
        zoom: Math.max(0.5, Math.min(5, view.zoom * zoom)),
      },
    });
  }

  function cycle(id, by) {
    const select = find(id);
    const count = select.options.length;
    select.selectedIndex = (select.selectedIndex + by + count) % count;
    select.dispatchEvent(new Event("change"));
  }

  const by = 0.15;
  const keys = {
    ArrowLeft: () => turn(-by, 0), ArrowRight: () => turn(by, 0),
    ArrowUp: () => turn(0, by), ArrowDown: () => turn(0, -by),
    "+": () => turn(0, 0, 1.2), "=": () => turn(0, 0, 1.2), "-": () => turn(0, 0, 1 / 1.2),
    Home: () => show({ view: frontView(player.flat) }),
    " ": () => play(!state.playing),
    ".": () => show({ frame: (state.frame + 1) % clip.frames }),
    ",": () => show({ frame: (state.frame + clip.frames - 1) % clip.frames }),
    b: () => cycle("layer", 1), B: () => cycle("layer", -1),
    s: () => cycle("step", 1), S: () => cycle("step", -1),
    n: () => cycle("clip", 1), N: () => cycle("clip", -1),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!spiking && "bBsS".includes(event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  // One pointer turns, two pinch.
  const held = new Map();
  let gap = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    gap = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return tell(event);
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (held.size === 1) return turn((event.offsetX - before[0]) / 120, (event.offsetY - before[1]) / 120);
    const [a, b] = [...held.values()];
    const wide = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (gap) turn(0, 0, wide / gap);
    gap = wide;
    return undefined;
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => {
      held.delete(event.pointerId);
      tell(event);
    });
  }
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    turn(0, 0, event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });

  /** Names the joint under the pointer. */
  function tell(event) {
    const near = points.map((p, i) => [p ? Math.hypot(p[0] - event.offsetX, p[1] - event.offsetY) : Infinity, i]);
    const [distance, node] = near.reduce((a, b) => (b[0] < a[0] ? b : a), [Infinity, 0]);
    if (distance > 16) { find("joint").textContent = ""; return; }
    const light = rate ? atFrame(rate, state.frame, clip.frames)[node] : null;
    find("joint").textContent = jointName(node) + (light === null ? "" : `: ${percent(light)}`);
  }

  function scrub(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const share = Math.max(0, Math.min(0.9999, event.offsetX / map.clientWidth));
    show({ frame: Math.floor(share * clip.frames) });
  }
  map.addEventListener("pointerdown", scrub);
  map.addEventListener("pointermove", scrub);
  find("play").addEventListener("click", () => play(!state.playing));
  find("reset").addEventListener("click", () => show({ view: frontView(player.flat) }));
  find("frame").addEventListener("input", (event) => show({ frame: Number(event.target.value) }));
  find("clip").addEventListener("change", (event) => show({ clip: Number(event.target.value), frame: 0, sub: 0 }));
  find("layer").addEventListener("change", (event) => show({ layer: Number(event.target.value) }));
  find("step").addEventListener("change", (event) => show({ step: event.target.value, sub: 0 }));

  fillChoices(player, classes, spiking);
  new ResizeObserver(() => draw()).observe(canvas);
  document.addEventListener("themechange", () => { palette = colours(); draw(); });
  clip = current();
  show({ clip: 0, layer: Math.max(0, player.layers.length - 1), step: "0" });
  return (number) => {
    show({ clip: number, frame: 0, sub: 0 });
    canvas.scrollIntoView({ block: "center" });
    canvas.focus({ preventScroll: true });
  };
}

function fillChoices(player, classes, spiking) {
  for (const [label, wrong] of [["wrongly classified", true], ["rightly classified", false]]) {
    const group = document.createElement("optgroup");
    group.label = label;
    player.clips.forEach((clip, i) => {
      if ((clip.label !== clip.predicted) !== wrong) return;
      group.append(new Option(`${words(classes[clip.label])}: ${clip.name}`, i));
    });
    if (group.children.length) find("clip").append(group);
  }
  if (!spiking) return;
  player.layers.forEach((name, i) => find("layer").append(new Option(name, i)));
  find("step").append(new Option("mean of all", "0"));
  for (let s = 1; s <= player.clips[0].steps; s += 1) find("step").append(new Option(`step ${s}`, String(s)));
  find("step").append(new Option("one after another", "each"));
}
