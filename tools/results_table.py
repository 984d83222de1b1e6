"""Writes the table of trained models from `results/` into the pages that show it.

python tools/results_table.py          # rewrites README.md and docs/results.md
python tools/results_table.py --check  # exit code 1 if a page does not hold the current table
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/results.md")
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
HEAD = (
    "| model | teacher | data | frames | parameters | accuracy, standard | accuracy, clean "
    "| firing rate | energy a clip, paper / strict | runs |\n" + "|---" * 10 + "|"
)


def read_results(root: Path) -> list[dict[str, Any]]:
    """Returns what every run below `root` wrote, with the name of its folder."""
    results = []
    for path in sorted(root.glob("*/*/results.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        results.append({**result, "run": path.parent.relative_to(root.parent).as_posix()})
    return results


def table(results: list[dict[str, Any]]) -> str:
    """Returns the table as Markdown, one row for the runs that differ in fold or seed alone."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault(re.sub(r"_(seed|fold)\d+", "", result["run"]), []).append(result)
    rows = [HEAD]
    for runs in groups.values():
        first = runs[0]
        energy = {key: mean(r["energy_mj"][key] for r in runs) for key in ("paper", "strict")}
        names = [run["run"].rpartition("/")[2] for run in runs]
        rows.append(
            f"| `{first['model']}`{_kind(first)} | {_teacher(first)} | {first['data']} "
            f"| {_frames(first)} | {first['parameters']:,} "
            f"| {_accuracy(runs, '')} | {_accuracy(runs, 'clean_')} "
            f"| {_share(mean(run['firing_rate'] for run in runs))} "
            f"| {energy['paper']:.3f} / {energy['strict']:.3f} mJ "
            f"| `{first['run']}`{f' to `{names[-1]}`' if len(runs) > 1 else ''} |"
        )
    return "\n".join(rows)


def _accuracy(runs: list[dict[str, Any]], kind: str) -> str:
    values = [run[f"{kind}accuracy"] for run in runs]
    clips = sum(run[f"{kind}clips"] for run in runs)
    if len(runs) == 1:
        return f"{values[0]:.1%} ({clips} clips)"
    folds = len({run["config"]["data"].get("fold") for run in runs}) > 1
    what = f"{len(runs)} folds, {clips} clips" if folds else f"{len(runs)} seeds"
    return f"{mean(values):.1%} ± {100 * stdev(values):.1f} ({what})"


def _share(rate: float) -> str:
    return f"{rate:.1%}" if rate else "no spikes"


def _kind(result: dict[str, Any]) -> str:
    model = result["config"]["model"]
    steps = model.get("num_steps", 4)
    return (", spike-driven" if model.get("spike_driven") else "") + (
        f", S = {steps}" if steps != 4 else ""
    )


def _frames(result: dict[str, Any]) -> str:
    """How many frames the network sees, and whether bodies were aligned."""
    steps = result["config"]["test_transforms"]
    options = {k: v for step in steps for k, v in (step if isinstance(step, dict) else {}).items()}
    aligned = "AlignBody" in options or "AlignBody" in steps
    return f"{options['UniformSample']['num_frames']}{', aligned' if aligned else ''}"


def _teacher(result: dict[str, Any]) -> str:
    """Its teachers, and the run whose weights it started from."""
    start = result["config"].get("start_from")
    teachers = result["config"].get("distill", {}).get("teacher") or []
    teachers = [teachers] if isinstance(teachers, str) else teachers
    names = ", ".join(f"`{Path(teacher).parent.name}`" for teacher in teachers) or "none"
    return names + (f", from `{Path(start).parent.name}`" if start else "")


def with_table(page: str, text: str) -> str:
    """Returns the page with the text between its two marks.

    Raises:
        ValueError: If a mark is missing.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page needs the marks {BEGIN} and {END}")
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, tell what is stale")
    check = parser.parse_args().check
    text, stale = table(read_results(ROOT / "results")), []
    for name in PAGES:
        path = ROOT / name
        old = path.read_text(encoding="utf-8")
        new = with_table(old, text)
        if new != old:
            stale.append(name)
            if not check:
                path.write_text(new, encoding="utf-8")
    if stale:
        print(f"{'stale' if check else 'rewritten'}: {', '.join(stale)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
