"""A few frames of a clip side by side, for print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgnkit.viz.animation import brightness, glow, observed
from sgnkit.viz.style import INK, LEFT, MUTED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch_geometric.data import Data

__all__ = ["plot_skeleton"]


def plot_skeleton(
    data: Data,
    spikes: Any = None,
    frames: int = 6,
    *,
    up: str = "y",
    azimuth: float = 0.0,
    title: str = "",
) -> Figure:
    r"""Draws frames of a clip side by side; joints grow and turn orange as they spike.

    The still form of [`animate_skeleton`][sgnkit.viz.animate_skeleton], with the same colours.

    Args:
        data: A clip with `x` and `parent_index`.
        spikes: Spikes of each joint and frame, counts or rates; fewer frames than the clip has
            stand for several each.
        frames: How many frames, at even distances.
        up: Coordinate that points upwards, with a minus sign where it points down.
        azimuth: Turns a three-dimensional clip about the vertical, in degrees.
        title: Text at the top.

    Shapes:
        - **data.x**: $(N, T, C)$, C is 2 or 3
        - **spikes**: $(T, N)$, *optional*

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: A shape does not fit, or an argument is not legal.

    Examples:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.rand(3, 8, 2), parent_index=torch.tensor([0, 0, 1]))
        >>> [axes.get_xlabel() for axes in plot_skeleton(data, frames=2).axes]
        ['frame 1', 'frame 8']
    """
    name = "plot_skeleton"
    place, parents, persons = observed(name, data, up, azimuth)
    light, key = brightness(name, spikes, place.shape[1], place.shape[0])
    frames = min(max(1, frames), place.shape[1])
    chosen = np.linspace(0, place.shape[1] - 1, frames).round().astype(int)
    figure, axes = new_figure(1.5 * frames, 2.4, 1, frames)
    low, high = np.nanmin(place, (0, 1)), np.nanmax(place, (0, 1))
    room = 0.08 * max(float((high - low).max()), 1e-9)
    for ax, t in zip(axes, chosen, strict=True):
        points = place[:, t]
        for node, parent in enumerate(parents):
            ends = points[[node, parent]]
            if node != parent and np.isfinite(ends).all():
                color = (INK, LEFT, MUTED)[persons[node] % 3]
                ax.plot(*ends.T, color=color, linewidth=1.2, zorder=1, solid_capstyle="round")
        share = np.zeros(len(points)) if light is None else light[t]
        colors = INK if light is None else [glow(float(value)) for value in share]
        x, y = points.T
        ax.scatter(x, y, s=9 + 40 * share, c=colors, edgecolors="white", lw=0.4, zorder=2)
        ax.set_xlim(low[0] - room, high[0] + room)
        ax.set_ylim(low[1] - room, high[1] + room)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"frame {t + 1}")
        tidy(ax, grid=False)
    text = title
    if key is not None:
        text += f"{', ' if title else ''}grey to orange: {key[0]:.3g} to {key[1]:.3g} spikes"
    if text:
        figure.suptitle(text, fontsize=10, color=INK, x=0.01, ha="left")
    return figure
