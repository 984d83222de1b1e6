"""Runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgnkit.viz.curves import read_curves
from sgnkit.viz.style import CYCLE, MUTED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_comparison"]

_MARKERS = "osD^vP"


def plot_comparison(
    runs: Mapping[str, str | PathLike[str] | Mapping[str, Any]],
    names: Sequence[str] = ("loss", "accuracy"),
) -> Figure:
    """Draws the curves of runs in common panels, and the recall of each class beside them.

    Classes stand in the order of the gain of the last run over the first.

    Args:
        runs: Run folders by name; or mappings with the columns `"metrics"`, as for
            [`plot_curves`][sgnkit.viz.plot_curves], and the recalls `"per_class"`, either of
            which may be left out.
        names: Metrics to draw. Of several phases, the validation is drawn where there is one.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: There is only one run, or nothing that two of them share.

    Examples:
        >>> plain = {"metrics": {"epoch": [0, 1], "train_loss": [2.0, 1.0]}}
        >>> taught = {"metrics": {"epoch": [0, 1], "train_loss": [1.8, 0.7]}}
        >>> figure = plot_comparison({"plain": plain, "taught": taught})
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['plain', 'taught']
    """
    if len(runs) < 2:
        raise ValueError(f"plot_comparison: expected two or more runs, got {len(runs)}")
    read = {name: _read(run) for name, run in runs.items()}
    panels = [name for name in names if sum(name in curves for curves, _ in read.values()) >= 2]
    recalls = {name: recall for name, (_, recall) in read.items() if recall}
    classes = [
        name
        for name, value in next(iter(recalls.values()), {}).items()
        if value is not None and all(recall.get(name) is not None for recall in recalls.values())
    ]
    bars = bool(classes) and len(recalls) >= 2
    if not panels and not bars:
        raise ValueError("plot_comparison: the runs share no metric and no class")
    count = len(panels) + bars
    height = max(2.8, 1.2 + 0.2 * len(classes)) if bars else 2.8
    figure, axes = new_figure(1.0 + 3.4 * count, height, 1, count)
    for ax, name in zip(axes, panels, strict=False):
        for i, (run, (curves, _)) in enumerate(read.items()):
            if name in curves:
                phases = curves[name]
                phase = next((p for p in ("val", "valid", "train") if p in phases), min(phases))
                x, y = zip(*phases[phase], strict=True)
                mark = _MARKERS[i % len(_MARKERS)] if len(x) < 15 else None
                color = CYCLE[i % len(CYCLE)]
                ax.plot(x, y, color=color, lw=1.5, marker=mark, ms=3.5, label=run)
        ax.set_xlabel("epoch")
        ax.locator_params(axis="x", integer=True)
        tidy(ax, name)
        ax.legend(frameon=False, fontsize=8)
    if bars:
        _draw_recalls(axes[-1], recalls, classes)
    return figure


def _read(run: str | PathLike[str] | Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the curves of a run, and its recalls."""
    if isinstance(run, Mapping):
        metrics = run.get("metrics")
        return ({} if metrics is None else read_curves(metrics)), dict(run.get("per_class") or {})
    folder = Path(run)
    metrics, results = folder / "metrics.csv", folder / "results.json"
    if not metrics.is_file() and not results.is_file():
        raise ValueError(f"plot_comparison: {folder} has neither metrics.csv nor results.json")
    recall: dict[str, Any] = {}
    if results.is_file():
        recall = json.loads(results.read_text(encoding="utf-8")).get("per_class") or {}
    return (read_curves(metrics) if metrics.is_file() else {}), recall


def _draw_recalls(ax: Axes, recalls: Mapping[str, Mapping[str, float]], classes: list[str]) -> None:
    """Draws one row for each class, a mark for each run, and a line between the marks."""
    first, last = next(iter(recalls.values())), list(recalls.values())[-1]
    order = sorted(classes, key=lambda name: last[name] - first[name])
    for place, name in enumerate(order):
        values = [100 * recall[name] for recall in recalls.values()]
        ax.plot([min(values), max(values)], [place, place], color=MUTED, lw=1, zorder=1)
    for i, (run, recall) in enumerate(recalls.items()):
        values = [100 * recall[name] for name in order]
        # Marks at the same place stay visible: later ones are smaller.
        size = max(16, 50 - 18 * i)
        ax.scatter(
            values,
            range(len(order)),
            s=size,
            c=CYCLE[i % len(CYCLE)],
            marker=_MARKERS[i % len(_MARKERS)],
            label=run,
            zorder=2 + i,
            edgecolors="white",
            linewidths=0.5,
        )
    ax.set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
    ax.set_xlim(-4, 104)
    ax.set_xlabel("recall, %")
    tidy(ax, "recall of each class")
    ax.legend(frameon=False, fontsize=8)
