"""One look for all pictures: palette, figure and axes, without pyplot's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgnkit._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACCENT", "CYCLE", "INK", "LEFT", "MIDDLE", "MUTED", "RIGHT", "new_figure", "tidy"]

INK = "#222222"
"""Text and main lines."""
MUTED = "#8a8a8a"
"""Ticks, grids and whatever should stay in the background."""
LEFT, RIGHT, MIDDLE = "#0072b2", "#d55e00", "#4d4d4d"
"""Joints of the left side, of the right side, and of neither."""
ACCENT = "#d55e00"
"""Spikes."""
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d")
"""Line colours (Okabe and Ito), which colour-blind readers can tell apart."""


def new_figure(
    width: float = 6.0, height: float = 4.0, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """Returns a figure of its own (not pyplot's) and its axes, row by row."""
    figure = require("matplotlib.figure", "viz").Figure(
        figsize=(width, height), dpi=120, layout="constrained", facecolor="white"
    )
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def tidy(axes: Axes, title: str = "", grid: bool = True) -> None:
    """Gives axes the common look: title to the left, thin grid, two spines."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.tick_params(colors=INK, labelsize=8, length=3, width=0.6)
    axes.xaxis.label.set(size=9, color=INK)
    axes.yaxis.label.set(size=9, color=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(grid and side in ("left", "bottom"))
        spine.set(linewidth=0.6, color=MUTED)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, linewidth=0.4, color="#dddddd")
