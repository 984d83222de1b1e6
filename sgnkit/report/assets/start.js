// Puts the parts together.

const THEMES = ["auto", "light", "dark"];
find("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme || "auto") + 1) % THEMES.length];
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  root.style.colorScheme = next === "auto" ? "" : next;
  find("theme").textContent = `Theme: ${next}`;
  document.dispatchEvent(new Event("themechange"));
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new Event("themechange"));
});

for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    const source = find(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Not allowed for a file opened from disk in some browsers: select it instead.
      window.getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

const data = JSON.parse(find("data").textContent);
const classes = data.classes;
const showClip = data.player && data.player.clips.length ? startPlayer(data, classes) : null;
startCurves(data.curves);
startConfusion(data, classes, showClip);
document.documentElement.dataset.ready = "yes";
