"""Makes docs/benchmarks.md from benchmarks/results/*.json: `python -m benchmarks page`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load", "markdown", "table"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "benchmarks.md"


def table(rows: list[dict[str, Any]]) -> str:
    """Returns the rows of a benchmark as one Markdown table for each set of columns."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        key = (tuple(row["case"]), "sides" in row, row.get("reference"))
        groups.setdefault(key, []).append(row)
    return "\n".join(_table(group) for group in groups.values())


def _table(rows: list[dict[str, Any]]) -> str:
    labels = list(rows[0]["case"])
    kind = "sides" if "sides" in rows[0] else "values"
    columns = list(dict.fromkeys(name for row in rows for name in row[kind]))
    lines = [
        f"| {' | '.join(labels + columns)} |",
        f"|{'---|' * len(labels)}{'--:|' * len(columns)}",
    ]
    for row in rows:
        cells = [str(row["case"][label]) for label in labels]
        for name in columns:
            found = row[kind].get(name)
            if found is None:
                cells.append("–")
            elif kind == "values":
                cells.append(f"{found:.4g}" if isinstance(found, float) else str(found))
            elif name == row["reference"]:
                cells.append(f"{number(found['ms'])} ms")
            else:
                cells.append(f"{number(found['ms'])} ms, {found['ratio']:.2f}×")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(ms: float) -> str:
    """Returns a time with three digits."""
    return f"{ms:.3g}" if ms < 100 else f"{ms:.0f}"


def described(found: dict[str, Any]) -> str:
    """Returns one sentence about the machine and the way of measuring."""
    machine, options = found["machine"], found["options"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = machine.get("gpu") or f"{machine['processor']}, {machine['cores']} cores used"
    clock = "time of the process" if options["clock"] == "cpu" else "wall time"
    return (
        f"{where} ({machine['instructions']}), {machine['memory_gb']:.0f} GB, {machine['system']}, "
        f"Python {machine['python']}, {versions}; {found['date']}, {clock}, medians of up to "
        f"{options['rounds']} rounds, load of the machine at the start {machine['load']:.1f}."
    )


def markdown(found: dict[str, Any]) -> str:
    """Returns one benchmark as a page of its own."""
    missing = "".join(f"- Without {side}: {why}\n" for side, why in found["missing"].items())
    return f"# {found['name']}\n\n{found['about']}\n\n{described(found)}\n\n{missing}\n" + table(
        found["rows"]
    )


def load(folder: Path) -> list[dict[str, Any]]:
    """Returns all results in a folder."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]
