"""Drawing of a skeleton layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from sgnkit._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sgnkit.layout import SkeletonLayout

__all__ = ["plot_layout", "tree_coords"]

_LEFT, _RIGHT, _MIDDLE = "#0072B2", "#D55E00", "#555555"


def tree_coords(parents: tuple[int, ...]) -> list[tuple[float, float]]:
    """Places a forest: roots on top, leaves side by side, parents above their children's middle."""
    children: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents):
        if joint != parent:
            children[parent].append(joint)
    x = [0.0] * len(parents)
    depth = [0] * len(parents)
    num_leaves = 0
    for root in (j for j, parent in enumerate(parents) if j == parent):
        order = [root]
        for joint in order:  # grows while it is walked: parents come before their children
            for child in children[joint]:
                depth[child] = depth[joint] + 1
            order.extend(children[joint])
        stack = [root]
        while stack:
            joint = stack.pop()
            if not children[joint]:
                x[joint], num_leaves = float(num_leaves), num_leaves + 1
            stack.extend(reversed(children[joint]))
        for joint in reversed(order):
            if children[joint]:
                x[joint] = sum(x[child] for child in children[joint]) / len(children[joint])
    return [(x[j], -float(depth[j])) for j in range(len(parents))]


def plot_layout(
    layout: SkeletonLayout, ax: Axes | None = None, path: str | Path | None = None
) -> Figure:
    """Draws a layout; see `SkeletonLayout.plot`."""
    require("matplotlib", "viz")
    from matplotlib.figure import Figure

    if ax is None:
        ax = Figure(figsize=(6, 6), layout="constrained").add_subplot()
    figure = cast("Figure", ax.figure)
    coords = layout.coords or tree_coords(layout.parents)
    color = [_MIDDLE] * layout.num_joints
    for left, right in layout.pairs:
        color[left], color[right] = _LEFT, _RIGHT
    for joint, parent in layout.bones:
        (x0, y0), (x1, y1) = coords[joint], coords[parent]
        ax.plot([x0, x1], [y0, y1], color=color[joint], linewidth=2, zorder=1)
    xs, ys = zip(*coords, strict=True)
    ax.scatter(xs, ys, s=110, c=color, zorder=2)
    for joint, (x, y) in enumerate(coords):
        ax.text(x, y, str(joint), color="white", fontsize=7, ha="center", va="center", zorder=3)
    x, y = coords[layout.center]
    ax.scatter([x], [y], s=280, facecolors="none", edgecolors="black", zorder=2)
    ax.set_title(f"{layout.name}: {layout.num_joints} joints, centre {layout.center} (ringed)")
    ax.set_aspect("equal", adjustable="datalim")
    ax.axis("off")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
