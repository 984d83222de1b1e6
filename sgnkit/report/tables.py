"""The tables of a report in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["energy_tables", "facts", "machine_table"]

_MACHINE = {
    "sgnkit": "sgnkit",
    "python": "Python",
    "torch": "PyTorch",
    "torch_geometric": "PyTorch Geometric",
    "norse": "Norse",
    "lightning": "Lightning",
    "platform": "platform",
    "cpu": "processor",
    "cores": "cores",
    "threads": "threads",
    "gpu": "GPU",
}


def facts(results: dict[str, Any]) -> str:
    """Returns the figures of the run as a list of terms."""
    rows: list[tuple[str, str, str]] = []

    def add(term: str, key: str, form: Any, remark: str = "") -> None:
        value = results.get(key)
        if value is not None:
            rows.append((term, form(value), remark))

    clips, clean = results.get("clips"), results.get("clean_clips")
    add("accuracy, standard", "accuracy", _percent, f"all {clips} test clips")
    if clean == clips:
        remark = "no test clip is a copy of a training clip"
    else:
        remark = f"the {clean} test clips that are no copies of training clips"
    add("accuracy, clean", "clean_accuracy", _percent, remark)
    if len(results.get("per_class") or ()) > 5:
        add("among the first five", "top5_accuracy", _percent)
    add("parameters", "parameters", lambda value: f"{value:,}".replace(",", " "), "trained")
    add("firing rate", "firing_rate", _percent, "spikes for each neuron and step")
    energies = results.get("energy_mj") or {}
    remarks = {"paper": "as papers count", "strict": "only spikes count as additions"}
    for counting, remark in remarks.items():
        if counting in energies:
            term = f"energy, {counting}"
            rows.append((term, f"{energies[counting]:.4g} mJ", f"for a clip; {remark}"))
    add("epochs", "epoch", str, _epoch_rule(results))
    add("seconds for an epoch", "seconds_per_epoch", lambda value: f"{value:.3g}")
    return "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(value)}<small>{escape(remark)}</small></dd></div>"
        for term, value, remark in rows
    )


def _epoch_rule(results: dict[str, Any]) -> str:
    rule = {"last": "the last one is tested", "best_val": "the best on validation is tested"}
    return rule.get(str(results.get("epoch_rule")), "")


def energy_tables(results: dict[str, Any], energy: dict[str, Any] | None) -> str:
    """Returns the estimated energy: totals, by kind of operation, and layer by layer."""
    totals = (energy or {}).get("totals") or results.get("energy_mj")
    if not totals:
        return "<p>No energy was estimated in this run.</p>"
    parts = [
        _table(
            "Energy for one clip, estimated from counted operations, not measured",
            ("counting", "mJ"),
            [
                (f"{name}: {text}", f"{totals[name]:.4g}")
                for name, text in (
                    ("paper", "additions where a layer is fed by spikes, as papers count"),
                    ("strict", "additions only where a single binary spike starts them"),
                    ("dense", "were every operation a multiplication"),
                )
                if name in totals
            ],
        )
    ]
    layers = (energy or {}).get("layers") or []
    if layers:
        kinds: dict[str, dict[str, float]] = {}
        for layer in layers:
            kind = kinds.setdefault(layer["kind"], dict.fromkeys(_SUMS, 0.0))
            for key in _SUMS:
                kind[key] += layer[key]
        top = max(layer["strict_pj"] for layer in layers)
        head = ("operations", "paper, µJ", "strict, µJ")
        parts.append(
            _table("By kind of operation", ("kind", *head), [_row(k, v) for k, v in kinds.items()])
        )
        rows = [
            _row(
                f"{layer['name'] or '(model)'} {layer['kind']}",
                layer,
                "" if layer["rate"] is None else _percent(layer["rate"]),
                layer["strict_pj"] / top if top else 0.0,
            )
            for layer in layers
        ]
        table = _table("Layer by layer", ("layer", "input rate", *head), rows)
        parts.append(f"<details><summary>{len(layers)} layers</summary>{table}</details>")
        preset = (energy or {}).get("preset") or {}
        if "mac_pj" in preset:
            parts.append(
                f"<p>{escape(str(preset.get('name', '')))}: {preset['mac_pj']:g} pJ for a "
                f"multiplication with addition, {preset['ac_pj']:g} pJ for an addition.</p>"
            )
    return "".join(parts)


_SUMS = ("operations", "paper_pj", "strict_pj")


def _row(name: str, values: dict[str, Any], *more: Any) -> tuple[Any, ...]:
    """Returns a row of the table of energies; a share beside it is drawn as a bar."""
    rate = more[:1]
    bar = f'<span class="bar" style="width:{100 * more[1]:.1f}%"></span>' if more[1:] else ""
    strict = (f"{values['strict_pj'] * 1e-6:.4g}", bar)
    cells = f"{values['operations']:,.0f}".replace(",", " "), f"{values['paper_pj'] * 1e-6:.4g}"
    return (name, *rate, *cells, strict)


def machine_table(results: dict[str, Any]) -> str:
    """Returns versions and machine."""
    machine = results.get("machine") or {}
    rows = [(_MACHINE[key], str(machine[key])) for key in _MACHINE if key in machine]
    if results.get("git"):
        commit, _, mark = str(results["git"]).partition("-")
        rows.append(("commit", commit[:12] + (f", {mark}" if mark else "")))
    rows += [
        (key, str(results[key])) for key in ("seed", "devices") if results.get(key) is not None
    ]
    return _table("Versions and machine", ("part", "version"), rows) if rows else ""


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table; the first cell of a row is its head, a pair is text and markup."""
    lines = [f"<caption>{escape(caption)}</caption><thead><tr>"]
    lines += [f'<th scope="col">{escape(name)}</th>' for name in head]
    lines.append("</tr></thead><tbody>")
    for first, *cells in rows:
        lines.append(f'<tr><th scope="row">{escape(first)}</th>')
        for cell in cells:
            text, markup = cell if isinstance(cell, tuple) else (cell, "")
            lines.append(f"<td>{escape(text)}{markup}</td>")
        lines.append("</tr>")
    lines.append("</tbody>")
    attributes = f'class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"'
    return f"<div {attributes}><table>{''.join(lines)}</table></div>"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"
