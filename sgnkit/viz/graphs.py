"""Graphs over the joints: attention on the skeleton, learnt adjacency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgnkit._layout_plot import tree_coords
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.viz.style import ACCENT, INK, LEFT, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_adjacency", "plot_attention"]

_BONE = "#d3d9de"


def plot_attention(attention: Any, layout: str | SkeletonLayout, num_links: int = 20) -> Figure:
    r"""Draws the strongest links of an attention map on the skeleton, from source to target.

    Args:
        attention: Attention, target before source; the mean is drawn over leading dimensions,
            such as steps, frames, bodies and heads.
        layout: The layout of the skeletons, or its name.
        num_links: How many links between different joints are drawn.

    Shapes:
        - **attention**: $(*, V, V)$

    Returns:
        A matplotlib figure: the skeleton, and the map beside it.

    Raises:
        ValueError: The map does not fit the layout.

    Examples:
        >>> import torch
        >>> plot_attention(torch.rand(4, 8, 1, 2, 25, 25), "ntu25").axes[0].get_title(loc="left")
        'strongest links: 20'
    """
    layout = get_layout(layout)
    values = _maps("plot_attention", attention, layout)
    mean = values.reshape(-1, *values.shape[-2:]).mean(axis=0)
    figure, (ax, side) = new_figure(9.0, 5.0, 1, 2)
    count = _draw_links(ax, layout, mean, num_links)
    tidy(ax, f"strongest links: {count}", grid=False)
    _heat(figure, side, mean, "Blues", 0.0, float(mean.max()) or 1.0)
    tidy(side, "attention", grid=False)
    side.set_xlabel("source joint")
    side.set_ylabel("target joint")
    return figure


def plot_adjacency(
    adjacency: Any,
    layout: str | SkeletonLayout | None = None,
    start: Any = None,
    *,
    body: bool = False,
    num_links: int = 30,
) -> Figure:
    r"""Draws the graphs of a layer side by side, source joints in rows, target joints in columns.

    With **body** they are drawn on the skeleton: arrows from source to target, orange for weights
    above zero and blue for those below, the stronger the heavier.

    Args:
        adjacency: The graphs.
        layout: A layout for the names of the joints; numbers by default.
        start: The graphs before training: what changed is drawn in their place.
        body: Draws arrows on the skeleton instead of matrices; needs **layout**.
        num_links: How many links between different joints are drawn on the body, at most.

    Shapes:
        - **adjacency**, **start**: $(K, V, V)$ or $(V, V)$

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: The graphs do not fit each other or the layout.

    Examples:
        >>> import sgnkit
        >>> layout = sgnkit.get_layout("ntu25")
        >>> len(plot_adjacency(layout.adjacency(), layout).axes)  # three graphs and the scale
        4
    """
    layout = None if layout is None else get_layout(layout)
    values = _maps("plot_adjacency", adjacency, layout)
    values = values.reshape(-1, *values.shape[-2:])
    title = "subset"
    if start is not None:
        before = _maps("plot_adjacency", start, layout).reshape(-1, *values.shape[-2:])
        if before.shape != values.shape:
            raise ValueError(
                f"plot_adjacency: start has shape {before.shape}, adjacency {values.shape}"
            )
        values, title = values - before, "change of subset"
    if body:
        if layout is None:
            raise ValueError("plot_adjacency: body=True needs the layout")
        figure, axes = new_figure(3.2 * len(values), 4.2, 1, len(values))
        for i, (ax, graph) in enumerate(zip(axes, values, strict=True)):
            count = _draw_links(ax, layout, graph.T, num_links)
            tidy(ax, f"{title} {i}, {count} links", grid=False)
        return figure
    figure, axes = new_figure(3.2 * len(values) + 0.8, 3.4, 1, len(values))
    top = float(np.abs(values).max()) or 1.0
    for i, (ax, graph) in enumerate(zip(axes, values, strict=True)):
        _heat(figure if i == len(values) - 1 else None, ax, graph, "RdBu_r", -top, top)
        tidy(ax, f"{title} {i}", grid=False)
        ax.set_xlabel("target joint")
        if layout is not None:
            ax.set_xticks(range(len(graph)), layout.joints, rotation=90)
            ax.set_yticks(range(len(graph)), layout.joints if i == 0 else [""] * len(graph))
            ax.tick_params(labelsize=5)
    axes[0].set_ylabel("source joint")
    return figure


def _draw_links(ax: Any, layout: SkeletonLayout, weights: Any, num_links: int) -> int:
    """Draws the heaviest links [target, source] over a pale skeleton; returns how many."""
    places = layout.coords or tree_coords(layout.parents)
    for joint, parent in layout.bones:
        ax.plot(*zip(places[joint], places[parent], strict=True), color=_BONE, lw=4, zorder=1)
    ax.scatter(*zip(*places, strict=True), s=26, c=INK, edgecolors="white", lw=0.6, zorder=3)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    links = weights * (1 - np.eye(len(weights)))
    order = np.argsort(-np.abs(links), axis=None, kind="stable")[:num_links]
    strongest = [int(i) for i in order if links.flat[i] != 0]
    top = np.abs(links).max() or 1.0
    for target, source in (divmod(i, len(links)) for i in reversed(strongest)):
        share = float(abs(links[target, source]) / top)
        ax.annotate(
            "",
            xy=places[target],
            xytext=places[source],
            arrowprops={
                "arrowstyle": "-|>",
                "color": ACCENT if links[target, source] > 0 else LEFT,
                "alpha": 0.25 + 0.75 * share,
                "linewidth": 0.6 + 1.6 * share,
                "shrinkA": 3,
                "shrinkB": 3,
                "connectionstyle": "arc3,rad=0.18",
            },
            zorder=2,
        )
    return len(strongest)


def _maps(function: str, values: Any, layout: SkeletonLayout | None) -> np.ndarray[Any, Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    array = np.asarray(values, dtype=float)
    if array.ndim < 2 or array.size == 0 or array.shape[-1] != array.shape[-2]:
        raise ValueError(f"{function}: expected [..., V, V], got shape {array.shape}")
    if layout is not None and array.shape[-1] != layout.num_joints:
        raise ValueError(
            f"{function}: {layout.name} has {layout.num_joints} joints, got shape {array.shape}"
        )
    return array


def _heat(figure: Any, ax: Any, values: Any, cmap: str, low: float, high: float) -> None:
    image = ax.imshow(values, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    if figure is not None:
        bar = figure.colorbar(image, ax=ax, shrink=0.75, aspect=25)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8, length=2)
