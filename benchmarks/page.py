"""Makes docs/benchmarks.md from page.md and results/*.json here: `python -m benchmarks page`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.aims import aims

__all__ = ["load", "markdown", "page", "table", "write"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "benchmarks.md"

TEMPLATE = ROOT / "benchmarks" / "page.md"
PLACE = re.compile(r"<!-- results: (\w+) -->")


def table(rows: list[dict[str, Any]]) -> str:
    """Returns the rows of a benchmark, one Markdown table for each set of labels."""
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
                cells.append(found if isinstance(found, str) else number(found))
            elif name == row["reference"]:
                cells.append(f"{number(found['ms'])} ms")
            else:
                cells.append(f"{number(found['ms'])} ms, {found['ratio']:.2f}×")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Returns a number with three digits, without an exponent."""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def described(found: dict[str, Any]) -> str:
    """Returns one sentence about the machine and the way of measuring."""
    machine, options = found["machine"], found["options"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = machine.get("gpu") or f"{machine['processor']}, {machine['cores']} of its cores"
    clock = "time of the process" if options["clock"] == "cpu" else "time on the wall"
    return (
        f"{where} ({machine['instructions']}), {machine['memory_gb']:.0f} GB, {machine['system']}, "
        f"Python {machine['python']}, {versions}; {found['date']}, {clock}, up to "
        f"{options['rounds']} rounds, load {machine['load']:.1f} at the start."
    )


def body(found: dict[str, Any], about: str) -> str:
    """Returns text, table, machine and what was missing of one benchmark."""
    missing = "\n".join(f"- Without {side}: {why}" for side, why in found["missing"].items())
    parts = (about, table(found["rows"]).rstrip(), missing, described(found))
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(found: dict[str, Any]) -> str:
    """Returns one benchmark as a page of its own."""
    return f"# {found['name']}\n\n" + body(found, found["about"])


def load(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Returns all results in a folder."""
    found = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]
    return [one for one in found if "rows" in one and "machine" in one]


def page(results: list[dict[str, Any]]) -> str:
    """Returns the whole page: results stand where the template names them, others at the end."""
    text, placed = TEMPLATE.read_text(encoding="utf-8"), set()

    def place(match: re.Match[str]) -> str:
        placed.add(match[1])
        parts = []
        for found in results:
            if found["name"] == match[1]:
                cuda = found["options"]["device"] == "cuda"
                parts.append("### On a GPU\n\n" * cuda + body(found, ""))
        return "\n".join(parts).rstrip() or "Not measured yet."

    text = PLACE.sub(place, text.replace("<!-- aims -->\n", aims(results)))
    for found in results:
        if found["name"] not in placed:
            text += f"\n## {found['name'].replace('_', ' ').capitalize()}\n\n"
            text += body(found, found["about"])
    return text


def write() -> Path:
    """Writes the page and returns its path."""
    PAGE.write_text(page(load()), encoding="utf-8")
    return PAGE
