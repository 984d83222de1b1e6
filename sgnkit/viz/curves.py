"""Learning curves from the metrics that a run writes."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sgnkit.viz.style import CYCLE, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_curves", "read_curves"]

Points = list[tuple[float, float]]
_PHASES = ("train", "val", "valid", "test")
_SUFFIXES = ("_epoch", "_step")


def plot_curves(
    metrics: str | PathLike[str] | Mapping[str, Sequence[float]],
    names: Sequence[str] | None = None,
) -> Figure:
    """Draws one panel for each metric, with a line for each phase (train, val, test).

    Columns that share a name after the phase (`train/loss` and `val/loss`, `train_loss` and
    `val_loss`) share a panel. Empty cells are skipped; where an epoch has several values, the
    last one counts.

    Args:
        metrics: A CSV file with a header (as Lightning's `CSVLogger` writes it), or columns by
            name. The column `epoch` is the horizontal axis; without it, the row number is.
        names: Metrics to draw, in this order. All by default.

    Returns:
        A matplotlib figure; `figure.savefig("curves.png")` writes it.

    Raises:
        ValueError: There is nothing to draw, a name is unknown, or columns differ in length.

    Examples:
        >>> columns = {"epoch": [0, 1], "train/loss": [2.0, 1.0], "val/loss": [2.1, 1.4]}
        >>> [axes.get_title(loc="left") for axes in plot_curves(columns).axes]
        ['loss']
    """
    columns = metrics if isinstance(metrics, Mapping) else _read_csv(Path(metrics))
    panels = read_curves(columns)
    if not panels:
        raise ValueError(
            f"plot_curves: no metric to draw, expected columns of numbers besides 'epoch' and "
            f"'step', found {sorted(columns)}"
        )
    names = list(panels) if names is None else names
    for name in names:
        if name not in panels:
            raise ValueError(f"plot_curves: unknown metric {name!r}, there are {sorted(panels)}")
    width = min(len(names), 3)
    rows = math.ceil(len(names) / width)
    figure, axes = new_figure(1.0 + 3.2 * width, 2.8 * rows, rows, width)
    for ax, name in zip(axes, names, strict=False):
        for i, (phase, points) in enumerate(panels[name].items()):
            x, y = zip(*points, strict=True)
            marker = "o" if len(points) < 15 else None
            ax.plot(x, y, color=CYCLE[i % len(CYCLE)], lw=1.5, marker=marker, ms=3.5, label=phase)
        ax.set_xlabel("epoch" if "epoch" in columns else "row")
        ax.locator_params(axis="x", integer=True)
        ax.margins(x=0.02)
        tidy(ax, name)
        if any(panels[name]):
            ax.legend(frameon=False, fontsize=8)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    return figure


def _read_csv(path: Path) -> dict[str, list[float]]:
    """Reads a CSV file with a header; empty cells become NaN."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns: dict[str, list[float]] = {name: [] for name in reader.fieldnames or ()}
        for row in reader:
            for name, values in columns.items():
                try:
                    values.append(float(row[name] or "nan"))
                except ValueError:
                    raise ValueError(
                        f"{path}, line {reader.line_num}, column {name!r}: expected a number, "
                        f"found {row[name]!r}"
                    ) from None
    return columns


def read_curves(
    metrics: str | PathLike[str] | Mapping[str, Sequence[float]],
) -> dict[str, dict[str, Points]]:
    """Returns metrics as metric -> phase -> points, one point for each epoch.

    Args:
        metrics: As for [`plot_curves`][sgnkit.viz.plot_curves].

    Examples:
        >>> read_curves({"epoch": [0, 1], "train_loss": [2.0, 1.0]})
        {'loss': {'train': [(0.0, 2.0), (1.0, 1.0)]}}
    """
    columns = metrics if isinstance(metrics, Mapping) else _read_csv(Path(metrics))
    epochs = columns.get("epoch")
    panels: dict[str, dict[str, Points]] = {}
    for column, values in columns.items():
        if column in ("epoch", "step"):
            continue
        if epochs is not None and len(epochs) != len(values):
            raise ValueError(
                f"plot_curves: column {column!r} has {len(values)} values, 'epoch' has "
                f"{len(epochs)}"
            )
        xs = range(len(values)) if epochs is None else epochs
        last = {
            float(x): float(y)
            for x, y in zip(xs, values, strict=True)
            if not (math.isnan(float(x)) or math.isnan(float(y)))
        }
        if last:
            phase, name = _split(column)
            panels.setdefault(name, {}).setdefault(phase, sorted(last.items()))
    return panels


def _split(column: str) -> tuple[str, str]:
    """Splits `train/loss_epoch` into the phase `train` and the metric `loss`."""
    for suffix in _SUFFIXES:
        column = column.removesuffix(suffix)
    for phase in _PHASES:
        for mark in "/_":
            if column.startswith(phase + mark):
                return phase, column[len(phase) + 1 :]
    return "", column
