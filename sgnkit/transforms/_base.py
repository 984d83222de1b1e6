"""What the transforms of clips share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric.transforms import BaseTransform

from sgnkit.data import SkeletonData
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = [
    "ClipTransform",
    "JointSpec",
    "check_clip",
    "draw",
    "fill_missing",
    "joint_indices",
    "trajectory",
]

#: A joint by name or index, or several of them that stand for their mean.
JointSpec = str | int | Sequence[str | int]


class ClipTransform(BaseTransform):
    """Base of the transforms: takes one clip, returns a new one, leaves its input as it was.

    A subclass assigns new tensors to the attributes of the shallow copy that `forward` gets and
    never writes into a tensor. Randomness comes from torch's default generator alone.

    Where many clips at once take less time, a subclass also defines `forward_batch`: see
    [`transform_clips`][sgnkit.data.transform_clips].

    Attributes:
        frame_wise: Whether each frame is changed on its own, whatever stands before and after it.
    """

    frame_wise = False

    def __call__(self, data: Any) -> SkeletonData:
        check_clip(self, data)
        return super().__call__(data)

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Changes the shallow copy ``data`` and returns it."""
        raise NotImplementedError

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Transforms a clip of one frame, the next one of a stream. The caller owns the state.

        All frames of a clip, one after the other, become what they become in the clip.

        Args:
            data: A clip of one frame.
            state: What the last call returned; None is the start of a stream. It is not changed.

        Returns:
            The frame, and the state after it.

        Raises:
            DataError: If the transform has to see the whole clip.
        """
        if not self.frame_wise:
            raise DataError(
                f"{self} has to see the whole clip, so it cannot run frame by frame",
                expected="transforms of a frame and those before it: Center(causal=True), "
                "MinMaxNormalize(causal=True), AlignBody, TakeFrames, SelectJoints, PadPersons",
                remedy="train with those, see the guide on streaming",
            )
        return self(data), state


def check_clip(transform: object, data: object) -> None:
    """Raises an error unless ``data`` is one clip."""
    if not isinstance(data, SkeletonData) or not isinstance(data.layout, str):
        raise TypeError(
            f"{type(transform).__name__}: expected one SkeletonData clip, got "
            f"{type(data).__name__}; transform clips before they are batched"
        )


def draw(low: float, high: float) -> float:
    """Draws one number from a uniform distribution with torch's default generator."""
    return low + (high - low) * float(torch.rand(()))


def joint_indices(layout: SkeletonLayout, joint: JointSpec) -> list[int]:
    """Returns the indices of one or several joints."""
    joints = [joint] if isinstance(joint, (str, int)) else list(joint)
    return [layout.index(j) for j in joints]


def trajectory(data: SkeletonData, joint: JointSpec) -> Tensor:
    """Returns the path (T, C) of one joint, or of the mean of several; first person, no gaps."""
    nodes = torch.tensor(joint_indices(data.skeleton, joint), device=data.x.device)
    x, mask = data.x[nodes], data.mask[nodes]
    return (x if mask.all() else fill_missing(x, mask)[0]).mean(dim=0)


def fill_missing(x: Tensor, mask: Tensor, max_gap: int | None = None) -> tuple[Tensor, Tensor]:
    """Interpolates what is not observed linearly in time; the ends hold the nearest value.

    A joint that is never observed stays as it is, and so does a gap of more than ``max_gap``
    frames. Returns the coordinates and what was filled.
    """
    num_frames = mask.size(1)
    frame = torch.arange(num_frames, device=x.device).expand_as(mask)
    before = frame.where(mask, frame.new_tensor(-1)).cummax(dim=1).values
    after = frame.where(mask, frame.new_tensor(num_frames)).flip(1).cummin(dim=1).values.flip(1)
    kept = mask | ((before < 0) & (after == num_frames))
    if max_gap is not None:
        kept = kept | (after - before - 1 > max_gap)
    start = before.where(before >= 0, after).clamp(max=num_frames - 1)
    end = after.where(after < num_frames, before).clamp(min=0)
    weight = ((frame - start) / (end - start).clamp(min=1)).to(x.dtype).unsqueeze(-1)
    index = torch.stack([start, end]).unsqueeze(-1).expand(-1, -1, -1, x.size(-1))
    first, last = x.gather(1, index[0]), x.gather(1, index[1])
    return x.where(kept.unsqueeze(-1), first + weight * (last - first)), ~kept
