"""Reports as text, Markdown and CSV, alone and side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgnkit.energy.report import EnergyReport, LayerCost

__all__ = ["audit", "compare", "csv_text", "markdown", "rows", "text"]

_HEAD = (
    *("layer", "kind", "operations", "synaptic", "rate", "sparsity", "binary"),
    *("paper MAC", "AC", "pJ", "strict MAC", "AC", "pJ"),
)


def rows(report: EnergyReport) -> list[dict[str, Any]]:
    """Returns one mapping for each layer and kind, with picojoules under the report's preset."""
    found = []
    for layer in report.layers:
        paper, strict = layer.energy(report.preset)
        found.append(
            {
                "layer": layer.name,
                "kind": layer.kind,
                "operations": layer.operations,
                "synaptic_operations": layer.synaptic_operations,
                "rate": layer.rate,
                "sparsity": layer.sparsity,
                "binary": layer.binary,
                "paper_mac": layer.paper_mac,
                "paper_ac": layer.paper_ac,
                "paper_pj": paper,
                "strict_mac": layer.strict_mac,
                "strict_ac": layer.strict_ac,
                "strict_pj": strict,
                "not_spike_driven": "; ".join(layer.reasons),
            }
        )
    return found


def text(report: EnergyReport) -> str:
    """Returns the table of a report, with what the figures mean."""
    body, kinds, total = _cells(report)
    lines = _align([_HEAD, *body, *kinds, total])
    rule = "-" * max(map(len, lines))
    lines.insert(1, rule)
    lines.insert(len(body) + 2, rule)
    return "\n".join([*lines, "", *_notes(report)])


def markdown(report: EnergyReport) -> str:
    """Returns the table of a report in Markdown."""
    body, kinds, total = _cells(report)
    return "\n".join([_markdown(_HEAD, [*body, *kinds, total], 2), "", *_notes(report)])


def csv_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Returns rows as CSV with a line of names."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(found[0]) if found else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def audit(report: EnergyReport) -> str:
    """Returns a list of the operations that are not spike-driven, and why."""
    layers = report.not_spike_driven
    if not layers:
        return "Every operation is an addition that a binary spike starts."
    operations = report.counts["operations"]
    lines = ["Not spike-driven, in the strict counting:"]
    for layer in layers:
        strict = layer.energy(report.preset)[1]
        for reason, count in layer.reasons.items():
            lines.append(
                f"  {layer.name or '(model)'} ({layer.kind}): {reason}. {_si(count)} operations, "
                f"layer {_si(strict)} pJ"
            )
    share = sum(sum(layer.reasons.values()) for layer in layers) / max(operations, 1)
    lines.append(f"Together {share:.1%} of all operations.")
    return "\n".join(lines)


def compare(reports: Mapping[str, EnergyReport], style: str = "text") -> str:
    """Returns one table of several networks, such as a teacher and its student.

    Args:
        reports: Reports by the name of the network.
        style: `"text"`, `"markdown"` or `"csv"`.

    Raises:
        ValueError: If the style is unknown.

    Examples:
        >>> import torch
        >>> from sgnkit.energy import profile
        >>> teacher = profile(torch.nn.Linear(3, 8), torch.rand(5, 3))
        >>> print(compare({"teacher": teacher}, "csv").splitlines()[1][:19])
        teacher,45nm,120.0,
    """
    found: list[dict[str, Any]] = [
        {
            "network": name,
            "preset": report.preset.name,
            **report.counts,
            "rate": report.firing_rate if report.neurons else None,
            **{f"{key}_mj": value for key, value in report.totals.items()},
            "not_spike_driven": sum(sum(layer.reasons.values()) for layer in report.layers),
        }
        for name, report in reports.items()
    ]
    if style == "csv":
        return csv_text(found)
    if style not in ("text", "markdown"):
        raise ValueError(f"compare: style must be 'text', 'markdown' or 'csv', got {style!r}")
    head = (
        *("network", "preset", "operations", "synaptic", "rate", "not spike-driven"),
        *("paper mJ", "strict mJ", "dense mJ"),
    )
    cells = [
        (
            row["network"],
            row["preset"],
            _si(row["operations"]),
            _si(row["synaptic_operations"]),
            _rate(row["rate"]),
            _si(row["not_spike_driven"]),
            *(f"{row[key]:.4g}" for key in ("paper_mj", "strict_mj", "dense_mj")),
        )
        for row in found
    ]
    note = "Estimates for one clip, not measured."
    if style == "markdown":
        return "\n".join([_markdown(head, cells, 2), "", note])
    lines = _align([head, *cells])
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([*lines, "", note])


def _cells(
    report: EnergyReport,
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], tuple[str, ...]]:
    """Returns the rows of layers, of kinds, and of all together."""

    def row(name: str, layer: LayerCost, kind: str) -> tuple[str, ...]:
        paper, strict = layer.energy(report.preset)
        shares = (_rate(layer.rate), f"{layer.sparsity:.1%}", f"{layer.binary:.1%}")
        counts = [layer.paper_mac, layer.paper_ac, paper]
        counts += [layer.strict_mac, layer.strict_ac, strict]
        operations = (_si(layer.operations), _si(layer.synaptic_operations))
        return (name, kind, *operations, *shares, *map(_si, counts))

    body = [row(layer.name or "(model)", layer, layer.kind) for layer in report.layers]
    kinds = [row("all", layer, layer.kind) for layer in report.kinds]
    return body, kinds, row("total", report.total, "")


def _notes(report: EnergyReport) -> list[str]:
    totals, preset = report.totals, report.preset
    notes = [
        f"Estimate for one clip (mean of {report.num_clips}), not measured: "
        f"{preset.mac_pj:g} pJ x MAC + {preset.ac_pj:g} pJ x AC ({preset.name}).",
        f"paper  {totals['paper']:.4g} mJ: all after the first neuron is AC = operations x "
        "firing rate of its input.",
        f"strict {totals['strict']:.4g} mJ: AC only where an operand is spikes at that point.",
    ]
    if report.neurons:
        updates = sum(neuron.updates for neuron in report.neurons)
        notes.append(
            f"Apart from this: {_si(updates)} membrane updates, firing rate "
            f"{report.firing_rate:.4f}."
        )
    if report.uncounted:
        names = ", ".join(f"{name} ({times}x)" for name, times in report.uncounted.items())
        notes.append(f"Not counted: {names}.")
    return notes


def _align(found: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in found
    ]


def _markdown(head: tuple[str, ...], found: Sequence[tuple[str, ...]], left: int) -> str:
    rule = ["---"] * left + ["--:"] * (len(head) - left)
    cells = [[f"`{row[0]}`", *row[1:]] for row in found]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *cells))


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.4f}"


def _si(count: float) -> str:
    """Writes a count with three digits and a letter for thousands."""
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}" if count < 999.5 * unit else f"{count:.3g}"
    return f"{count:.3g}"
