"""The graph of a skeleton."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgnkit.layout import SkeletonLayout, get_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_layout"]


def plot_layout(layout: str | SkeletonLayout, ax: Axes | None = None) -> Figure:
    """Draws joints with their numbers, bones, left/right pairs (blue, orange) and the centre.

    The same as [`SkeletonLayout.plot`][sgnkit.layout.SkeletonLayout.plot], by name.

    Args:
        layout: A layout or the name of one.
        ax: Axes to draw into. A figure of its own by default.

    Returns:
        The matplotlib figure.

    Examples:
        >>> figure = plot_layout("ntu25")
        >>> len([text for text in figure.axes[0].texts if text.get_text().isdigit()])
        25
    """
    return get_layout(layout).plot(ax=ax)
