"""The page as text: facts and tables in HTML, the rest as data for the scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files as package_files
from typing import Any

from sgnkit.report.run_files import RunFiles
from sgnkit.report.tables import energy_tables, facts, machine_table

__all__ = ["render", "safe_json"]

SCRIPTS = ("spikes.js", "body.js", "player.js", "curves.js", "confusion.js", "start.js")


def render(
    files: RunFiles,
    player: dict[str, Any] | None,
    energy: dict[str, Any] | None,
    listed: dict[str, list[Any]] | None,
    notes: list[str],
) -> str:
    """Returns the page.

    Args:
        files: The run folder.
        player: What `embed_clips` returned.
        energy: An energy report as plain values.
        listed: Each test clip and what was predicted.
        notes: What is missing, and why; shown at the top.
    """
    results = files.results
    data = {
        "classes": files.class_names or (player or {}).get("classes", []),
        "confusion": results.get("confusion"),
        "curves": files.curves,
        "clips": listed,
        "player": player,
    }
    script = "\n".join(_asset(name) for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}\n}})();'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    model, name = str(results.get("model", "run")), files.folder.resolve().name
    parts = {
        "title": escape(f"{model}, {name}"),
        "heading": escape(model),
        "subtitle": escape(_subtitle(results, name)),
        "digest": digest,
        "style": _asset("report.css"),
        "notes": "".join(f"<li>{escape(note)}</li>" for note in notes),
        "notes_hidden": "" if notes else "hidden",
        "facts": facts(results),
        "energy": energy_tables(results, energy),
        "config": escape(files.config or "There is no config.yaml in the run folder."),
        "machine": machine_table(results),
        "command": escape(str(results.get("command") or "not known")),
        "embedded": escape(_embedded(player, listed)),
        "data": safe_json(data),
        "script": script,
    }
    # One pass: what is put in is not looked through again.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("report.html"))


def safe_json(value: Any) -> str:
    r"""Returns JSON that no text in it can end: there is no `<`, `>` or `&`.

    Examples:
        >>> safe_json({"name": "</script><!--"})
        '{"name":"\\u003c/script\\u003e\\u003c!--"}'
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _asset(name: str) -> str:
    return (package_files("sgnkit.report") / "assets" / name).read_text(encoding="utf-8")


def _subtitle(results: dict[str, Any], name: str) -> str:
    words = [name]
    if results.get("data"):
        words.insert(0, f"on {results['data']}")
    if results.get("seed") is not None:
        words.append(f"seed {results['seed']}")
    return ", ".join(words)


def _embedded(player: dict[str, Any] | None, listed: dict[str, list[Any]] | None) -> str:
    """Says in words which clips are in the file."""
    if player is None:
        return "No clip is in this file, so none can be played."
    entries = player["clips"]
    wrong = sum(entry["label"] != entry["predicted"] for entry in entries)
    text = f"{len(entries)} clips are in this file and can be played: {wrong} wrong, "
    text += f"{len(entries) - wrong} right. They are drawn as the network sees them, after the "
    text += "test transforms, which may change proportions."
    if listed is not None:
        total = sum(a != b for a, b in zip(listed["label"], listed["predicted"], strict=True))
        text += f" Wrong clips in all: {total}. sgnkit report RUN --clips N takes more."
    return text
