"""Which way is up in a recording."""

from __future__ import annotations

from typing import Any

import numpy as np

from sgnkit.layout import SkeletonLayout

__all__ = ["upright"]


def upright(places: Any, layout: SkeletonLayout, joint: Any) -> np.ndarray[Any, Any]:
    r"""Returns the matrix that turns the axes of a recording to right, up and away.

    Recordings differ in the axis that points up, and in its sign. Up is the axis along which the
    joints lie as they do in the drawing of the layout; without a drawing it is y.

    Args:
        places: Joint coordinates; NaN where a joint was not observed.
        layout: The layout of the joints.
        joint: Joint of each node.

    Shapes:
        - **places**: $(N, T, 3)$
        - **joint**: $(N)$
        - **returns**: $(3, 3)$, one entry of 1 or -1 in each row

    Examples:
        >>> import sgnkit
        >>> layout = sgnkit.get_layout("ntu25")
        >>> image = np.array([[(x, 1 - y, 0.0)] for x, y in layout.coords])  # y points down
        >>> upright(image, layout, np.arange(25))[1]
        array([ 0., -1.,  0.])
    """
    up, sign = 1, 1.0
    if layout.coords is not None:
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(places).all(axis=2)
            centre = (
                np.where(seen[..., None], places, 0).sum(0) / np.maximum(seen.sum(0), 1)[:, None]
            )
            offset = np.where(seen[..., None], places - centre, 0)
            count = seen.sum(1)
        mean = offset.sum(1) / np.maximum(count, 1)[:, None]
        drawn = np.asarray(layout.coords)[np.asarray(joint), 1]
        kept = count > 0
        drawn = drawn[kept] - drawn[kept].mean() if kept.any() else drawn[:0]
        along = (mean[kept] * drawn[:, None]).sum(0)
        if np.abs(along).max(initial=0) > 0:
            up = int(np.abs(along).argmax())
            sign = float(np.sign(along[up]))
    flat = [axis for axis in range(3) if axis != up]
    turn = np.zeros((3, 3))
    turn[0, flat[0]] = turn[2, flat[1]] = 1.0
    turn[1, up] = sign
    return turn
