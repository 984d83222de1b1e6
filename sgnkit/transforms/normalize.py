"""Transforms that take place and size out of a clip."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from sgnkit.data import ClipList, RandomStreams, SkeletonData
from sgnkit.layout import SkeletonLayout
from sgnkit.transforms._base import (
    ClipTransform,
    JointSpec,
    fill_missing,
    joint_indices,
    trajectory,
)

__all__ = ["Center", "MinMaxNormalize"]


class Center(ClipTransform):
    """Moves a clip so that a joint of its first person lies at the origin.

    All persons move together, so their distance stays. Where the joint was not observed, its
    place is interpolated in time.

    Args:
        joint: Name or index; several of them stand for their mean. Defaults to the centre of the
            layout.
        frame: `"first"` subtracts the joint's place in the first frame from all frames and keeps
            the walk of the body; `"each"` subtracts its place in each frame.
        causal: Whether no frame depends on a later one: where the joint was not observed it counts
            as at its last place, and nothing moves until all its joints have been observed.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> Center("spine")(data).x[1, 0].tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(
        self, joint: JointSpec | None = None, frame: str = "first", causal: bool = False
    ) -> None:
        if frame not in ("first", "each"):
            raise ValueError(f"Center: frame must be 'first' or 'each', got {frame!r}")
        self.joint = joint
        self.frame = frame
        self.causal = causal

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip moved."""
        if self.causal:
            nodes = self._nodes(data.skeleton)
            data.x = data.x - self._path(data.x[nodes], data.mask[nodes])
            return data
        origin = trajectory(data, data.skeleton.center if self.joint is None else self.joint)
        data.x = data.x - (origin[:1] if self.frame == "first" else origin)
        return data

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Moves one frame of a stream."""
        nodes = self._nodes(data.skeleton)
        x, mask = data.x[nodes, 0], data.mask[nodes, 0]
        if not self.causal and not mask.all() and (self.frame == "each" or state is None):
            return super().step_frame(data)  # later frames would have to tell
        place, seen, origin = state or (torch.zeros_like(x), torch.zeros_like(mask), None)
        place, seen = torch.where(mask.unsqueeze(-1), x, place), seen | mask
        if seen.all() and (self.frame == "each" or origin is None):
            origin = place.mean(dim=0)
        moved = copy.copy(data)
        moved.x = data.x if origin is None else data.x - origin
        return moved, (place, seen, origin)

    def _nodes(self, layout: SkeletonLayout) -> list[int]:
        return joint_indices(layout, layout.center if self.joint is None else self.joint)

    def _path(self, x: Tensor, mask: Tensor) -> Tensor:
        """Returns the origin of each frame (T, C) from the joints (J, T, C), without later ones."""
        frame = torch.arange(x.size(1), device=x.device)
        last = frame.expand_as(mask).where(mask, frame.new_tensor(-1)).cummax(dim=1).values
        place = x.gather(1, last.clamp(min=0).unsqueeze(-1).expand_as(x)).mean(dim=0)
        seen = (last >= 0).all(dim=0)
        if self.frame == "first" and seen.any():
            place = place[seen.int().argmax()].expand_as(place)
        return place * seen.unsqueeze(-1)

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips moved."""
        nodes = self._nodes(clips.layout)
        end, out = 1 if self.frame == "first" else None, []
        for x, mask in zip(clips.x, clips.mask, strict=True):
            if mask is not None and self.causal:
                path = self._path(x[nodes], mask[nodes])
            elif mask is not None and not mask[nodes].all():
                path = fill_missing(x[nodes], mask[nodes])[0][:, :end].mean(dim=0)
            elif len(nodes) == 1:
                path = x[nodes[0], :end]
            else:
                path = x[nodes, :end].mean(dim=0)
            out.append(x - path)
        return clips.with_(out)

    def __repr__(self) -> str:
        joint = "" if self.joint is None else f"{self.joint!r}, "
        causal = ", causal=True" if self.causal else ""
        return f"{type(self).__name__}({joint}frame={self.frame!r}{causal})"


class MinMaxNormalize(ClipTransform):
    r"""Maps each coordinate axis of a clip to $[-1, 1]$, over all frames, joints and persons.

    $$
    x' = 2\,\frac{x - \min x}{\max x - \min x} - 1
    $$

    An axis without extent becomes 0. What was not observed is mapped the same way but does not
    take part in minimum and maximum.

    Note:
        The three axes are scaled apart, as in the NW-UCLA recipe, so body proportions are lost.

    Args:
        causal: Whether minimum and maximum of a frame are those of the frames so far, instead of
            those of the whole clip.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> MinMaxNormalize()(data).x.amax(dim=(0, 1)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, causal: bool = False) -> None:
        self.causal = causal

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip normalised."""
        data.x = (_normalized_so_far if self.causal else _normalized)(data.x, data.mask)
        return data

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Normalises one frame of a stream."""
        if not self.causal:
            return super().step_frame(data)
        low, high = _extrema(data.x, data.mask)
        if state is not None:
            low, high = torch.minimum(low, state[0]), torch.maximum(high, state[1])
        moved = copy.copy(data)
        moved.x = _scaled(data.x, low, high)
        return moved, (low, high)

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips normalised."""
        normalized = _normalized_so_far if self.causal else _normalized
        return clips.with_([normalized(*p) for p in zip(clips.x, clips.mask, strict=True)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'causal=True' if self.causal else ''})"


def _normalized(x: Tensor, mask: Tensor | None) -> Tensor:
    rows = x.reshape(-1, x.size(-1)).t().contiguous()  # along rows, extrema take a tenth
    if mask is None or mask.all():
        low, high = rows.amin(dim=1), rows.amax(dim=1)
    else:
        hidden = ~mask.reshape(-1)
        low = rows.masked_fill(hidden, torch.inf).amin(dim=1)
        high = rows.masked_fill(hidden, -torch.inf).amax(dim=1)
    return _scaled(x, low, high)


def _normalized_so_far(x: Tensor, mask: Tensor | None) -> Tensor:
    low, high = _extrema(x, mask)
    return _scaled(x, low.cummin(dim=0).values, high.cummax(dim=0).values)


def _extrema(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns minimum and maximum of each frame (T, C)."""
    if mask is None or mask.all():
        return x.amin(dim=0), x.amax(dim=0)
    hidden = ~mask.unsqueeze(-1)
    low, high = x.masked_fill(hidden, torch.inf), x.masked_fill(hidden, -torch.inf)
    return low.amin(dim=0), high.amax(dim=0)


def _scaled(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Maps the extent between two extrema to [-1, 1], and what has none to 0."""
    extent = high - low
    degenerate = ~(extent > 0)
    extent = extent.masked_fill(degenerate, 1)
    out = (x - low).div_(extent).mul_(2).sub_(1)
    return out.masked_fill(degenerate, 0) if degenerate.any() else out
