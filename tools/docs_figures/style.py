"""One look for the drawn figures: transparent ground, plain words, colours of sgnkit.viz."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from sgnkit.viz.style import INK, LEFT, MUTED, RIGHT

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "assets" / "figures"
SPIKE, BLUE, GREEN = RIGHT, LEFT, "#009e73"
PALE = "#e8edf1"

# Words stay words, so that the files are small; ids do not change from run to run.
matplotlib.rcParams.update(
    {"svg.fonttype": "none", "svg.hashsalt": "sgnkit", "font.family": "sans-serif"}
)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Returns a figure and its only axes; one unit is a tenth of an inch."""
    figure = Figure(figsize=(width / 10, height / 10))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def box(ax: Axes, x: float, y: float, w: float, h: float, text: str = "", **style) -> None:
    """Draws a rounded box with its lower left corner at (x, y)."""
    options = {"facecolor": PALE, "edgecolor": INK, "linewidth": 0.8, **style}
    size = options.pop("size", 9)
    patch = FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.6", **options)
    ax.add_patch(patch)
    if text:
        label(ax, x + w / 2, y + h / 2, text, size=size)


def label(ax: Axes, x: float, y: float, text: str, **style) -> None:
    """Writes text, in the middle of the point if nothing else is said."""
    options = {"ha": "center", "va": "center", "color": INK, "size": 9, **style}
    ax.text(x, y, text, **options)


def arrow(ax: Axes, start: tuple, end: tuple, text: str = "", **style) -> None:
    """Draws an arrow; the text stands above its middle."""
    options = {"color": INK, "linewidth": 1.0, "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0}
    options.update(style)
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", **options))
    if text:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 1.2)
        label(ax, *middle, text, size=8, color=options["color"])


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as SVG, without a date, so that the same drawing is the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None})


__all__ = ["BLUE", "FOLDER", "GREEN", "INK", "MUTED", "PALE", "SPIKE"]
__all__ += ["arrow", "box", "canvas", "label", "save"]
