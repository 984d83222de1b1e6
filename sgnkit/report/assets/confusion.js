// The confusion matrix, and the clips behind its cells.

const LONGEST_LIST = 300;

function startConfusion(data, classes, showClip) {
  const clips = listClips(data);
  const counts = data.confusion || (clips.length ? count(clips, classes.length) : null);
  if (!counts) {
    find("confusion-hint").textContent = "The run has no results, so there is no matrix.";
    for (const id of ["list-title", "list-choice"]) find(id).hidden = true;
    return;
  }
  const list = (title, chosen, total) => fillList(title, chosen, total, classes, showClip);
  const wrong = clips.filter((clip) => clip.label !== clip.predicted);
  const wrongInAll = counts.flatMap((row, i) => row.filter((_, j) => i !== j)).reduce((a, b) => a + b, 0);
  const allWrong = () => list("Wrong clips", wrong, wrongInAll);
  const select = buildMatrix(counts, classes, (i, j) => {
    const title = i === j ? `${words(classes[i])}, rightly classified` : `${words(classes[i])} taken for ${words(classes[j])}`;
    list(title, clips.filter((clip) => clip.label === i && clip.predicted === j), counts[i][j]);
  });
  find("all-wrong").addEventListener("click", () => { select(null); allWrong(); });
  allWrong();
}

/** All clips whose names are known; `embedded` is their number in the player. */
function listClips(data) {
  const inside = new Map((data.player ? data.player.clips : []).map((clip, i) => [clip.name, i]));
  if (!data.clips) {
    return (data.player ? data.player.clips : []).map((clip, i) => ({ ...clip, embedded: i }));
  }
  return data.clips.name.map((name, i) => ({
    name,
    label: data.clips.label[i],
    predicted: data.clips.predicted[i],
    share: data.clips.share[i],
    copy: data.clips.copy[i],
    embedded: inside.get(name),
  }));
}

function count(clips, size) {
  const out = Array.from({ length: size }, () => Array(size).fill(0));
  for (const clip of clips) out[clip.label][clip.predicted] += 1;
  return out;
}

/** Builds the matrix as a grid with one tab stop; returns a function that marks a cell. */
function buildMatrix(counts, classes, choose) {
  const many = classes.length > 25;
  const table = document.createElement("table");
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", "Confusion matrix, true classes in rows, predicted in columns");
  table.style.setProperty("--cell", many ? ".9rem" : "2.2rem");
  const head = table.createTHead().insertRow();
  const corner = document.createElement("th");
  corner.textContent = "true \u2193 predicted \u2192";
  head.append(corner);
  for (const name of classes) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const text = document.createElement("span");
    text.textContent = words(name);
    cell.append(text);
    head.append(cell);
  }
  const body = table.createTBody();
  counts.forEach((row, i) => {
    const line = body.insertRow();
    const header = document.createElement("th");
    header.scope = "row";
    header.textContent = words(classes[i]);
    line.append(header);
    const sum = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((value, j) => {
      const cell = line.insertCell();
      cell.tabIndex = -1;
      Object.assign(cell.dataset, { i, j });
      const share = value / sum;
      const label = `${words(classes[i])} as ${words(classes[j])}: ${value}`;
      cell.title = label;
      cell.setAttribute("aria-label", label);
      cell.setAttribute("role", "gridcell");
      if (value && !many) cell.textContent = value;
      // Errors are as visible as hits: the shade grows fast for small shares.
      cell.style.background = `rgba(var(--blue), ${value ? 0.12 + 0.88 * share ** 0.6 : 0.04})`;
      cell.style.color = share > 0.35 ? "var(--paper)" : "var(--ink)";
    });
  });
  find("matrix").append(table);
  const cellAt = (i, j) => body.rows[i] && body.rows[i].cells[j + 1];
  let active = cellAt(0, 0);
  active.tabIndex = 0;
  function move(cell) {
    if (!cell) return;
    active.tabIndex = -1;
    active = cell;
    active.tabIndex = 0;
    active.focus();
  }
  function mark(cell) {
    for (const old of body.querySelectorAll("[aria-selected=true]")) old.removeAttribute("aria-selected");
    if (cell) cell.setAttribute("aria-selected", "true");
  }
  function open(cell) {
    mark(cell);
    choose(Number(cell.dataset.i), Number(cell.dataset.j));
  }
  body.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    move(cell);
    open(cell);
  });
  body.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const [i, j] = [Number(cell.dataset.i), Number(cell.dataset.j)];
    const to = {
      ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
      Home: [i, 0], End: [i, classes.length - 1],
    }[event.key];
    if (to && to[1] >= 0) move(cellAt(...to));
    if (event.key === "Enter" || event.key === " ") open(cell);
    if (to || event.key === "Enter" || event.key === " ") event.preventDefault();
  });
  return mark;
}

function fillList(title, clips, total, classes, showClip) {
  const known = clips.length < total ? `, ${clips.length} of them known by name` : "";
  find("list-title").textContent = `${title}: ${total} ${total === 1 ? "clip" : "clips"}${known}`;
  const list = find("list");
  list.replaceChildren();
  for (const clip of clips.slice(0, LONGEST_LIST)) {
    const line = document.createElement("li");
    const span = (kind, text) => {
      const made = document.createElement("span");
      made.className = kind;
      made.textContent = text;
      line.append(made);
    };
    span("name", clip.name);
    const said = clip.label === clip.predicted ? "" : `${words(classes[clip.label])} taken for `;
    span("said", `${said}${words(classes[clip.predicted])}, ${percent(clip.share)}${clip.copy ? ", a copy of a training clip" : ""}`);
    if (clip.embedded === undefined || !showClip) span("said", "not in this file");
    else {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Show";
      button.setAttribute("aria-label", `Show ${clip.name}`);
      button.addEventListener("click", () => showClip(clip.embedded));
      line.append(button);
    }
    list.append(line);
  }
  if (clips.length > LONGEST_LIST) {
    const line = document.createElement("li");
    line.textContent = `and ${clips.length - LONGEST_LIST} more`;
    list.append(line);
  }
}
