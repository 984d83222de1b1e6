"""Transforms of the time axis."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sgnkit.data import ClipList, RandomStreams, SkeletonData
from sgnkit.transforms._base import ClipTransform, draw

__all__ = ["RandomCropResize", "TakeFrames", "UniformSample"]


class UniformSample(ClipTransform):
    r"""Picks a fixed number of frames, spread over the whole clip.

    - ``random=False``: frame $i$ of $n$ is $\lfloor i (L - 1) / (n - 1) \rfloor$ of $L$.
    - ``random=True, mode="draw"``: $n$ frames drawn evenly from all, with repeats, then sorted;
      the sampling of the NW-UCLA recipe of the
      ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213)
      paper.
    - ``random=True, mode="segment"``: one frame drawn from each of $n$ equal parts, as in the
      ["Temporal Segment Networks"](https://arxiv.org/abs/1608.00859) paper.

    `num_frames` of the clip stays the frame count of the recording.

    Note:
        `"draw"` is the default because clips are often shorter than $n$: a part is then shorter
        than a frame and `"segment"` has almost nothing left to draw. Prefer `"segment"` where
        clips have at least $2n$ frames.

    Args:
        num_frames: Number of frames $n$ to pick, at least 1. A shorter clip repeats frames.
        random: Whether to draw frames (training) or to space them evenly (evaluation).
        mode: How frames are drawn, `"draw"` or `"segment"`.

    Shapes:
        - **x**: $(N, L, C)$ becomes $(N, n, C)$
        - **mask**: $(N, L)$ becomes $(N, n)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> UniformSample(52)(data).x.shape
        torch.Size([20, 52, 3])
    """

    def __init__(self, num_frames: int, random: bool = False, mode: str = "draw") -> None:
        if num_frames < 1:
            raise ValueError(f"UniformSample: num_frames must be at least 1, got {num_frames}")
        if mode not in ("draw", "segment"):
            raise ValueError(f"UniformSample: mode must be 'draw' or 'segment', got {mode!r}")
        self.num_frames = num_frames
        self.random = random
        self.mode = mode

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with `num_frames` frames."""
        index = self._index(data.x.size(1)).to(data.x.device)
        data.x = data.x.index_select(1, index)
        data.mask = data.mask.index_select(1, index)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips with `num_frames` frames."""
        lengths = clips.num_frames
        if self.random:
            index = streams.draw(self._index, lengths)
        else:
            known = {length: self._index(length) for length in set(lengths)}
            index = [known[length] for length in lengths]
        return clips.with_(
            [x.index_select(1, i) for x, i in zip(clips.x, index, strict=True)],
            [m if m is None else m[:, i] for m, i in zip(clips.mask, index, strict=True)],
        )

    def _index(self, length: int) -> Tensor:
        steps = torch.arange(self.num_frames)
        if not self.random:
            return steps * (length - 1) // max(self.num_frames - 1, 1)
        if self.mode == "draw":
            return torch.randint(length, (self.num_frames,)).sort().values
        start = steps * length // self.num_frames
        size = ((steps + 1) * length // self.num_frames - start).clamp(min=1)
        return start + (torch.rand(self.num_frames) * size).long().clamp(max=size - 1)

    def __repr__(self) -> str:
        mode = f", random=True, mode={self.mode!r}" if self.random else ""
        return f"{type(self).__name__}({self.num_frames}{mode})"


class RandomCropResize(ClipTransform):
    r"""Cuts out a run of frames and resamples it to a fixed number, as in the
    ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    Frame $i$ of $n$ is read at position $\max(0, (i + \tfrac{1}{2}) \ell / n - \tfrac{1}{2})$ of
    a run of $\ell$ frames, by linear interpolation. It counts as observed where both frames that
    it is made of are.

    Note:
        The paper's code never cuts below 64 frames, which makes the cut inert for shorter clips.
        `min_frames=64` reproduces that.

    Args:
        num_frames: Number of frames $n$ to return, at least 1.
        scale: Two numbers in $(0, 1]$: a share drawn between them is kept, at a random place. One
            number: that share from the middle, nothing random (evaluation).
        min_frames: Number of frames that a random cut keeps at least, if the clip has them.

    Shapes:
        - **x**: $(N, L, C)$ becomes $(N, n, C)$
        - **mask**: $(N, L)$ becomes $(N, n)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> ramp = torch.arange(10.0).view(10, 1, 1).expand(10, 20, 3)
        >>> data = SkeletonData.from_array(ramp, "kinect20")
        >>> RandomCropResize(4, scale=0.95)(data).x[0, :, 0].tolist()
        [0.75, 3.25, 5.75, 8.25]
    """

    def __init__(
        self,
        num_frames: int,
        scale: float | tuple[float, float] = (0.5, 1.0),
        min_frames: int = 1,
    ) -> None:
        if num_frames < 1 or min_frames < 1:
            raise ValueError(
                "RandomCropResize: num_frames and min_frames must be at least 1, "
                f"got {num_frames} and {min_frames}"
            )
        low, high = (scale, scale) if isinstance(scale, (int, float)) else scale
        if not 0 < low <= high <= 1:
            raise ValueError(
                "RandomCropResize: scale must be a share in (0, 1], or two of them in order, "
                f"got {scale!r}"
            )
        self.num_frames = num_frames
        self.scale = scale
        self.min_frames = min_frames

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip cut and resampled."""
        start, length = torch.tensor(self._cut(data.x.size(1)), device=data.x.device)
        first, last, weight = self._frames(start, length)
        x, mask = data.x, data.mask
        data.x = _between(x, first, last, weight.to(x.dtype))
        data.mask = mask[:, first] & (mask[:, last] | (weight == 0))
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips cut and resampled."""
        cuts = torch.tensor(streams.draw(self._cut, clips.num_frames)).unsqueeze(-1)
        first, last, weight = self._frames(cuts[:, 0], cuts[:, 1])
        parts = zip(clips.x, first, last, weight.to(clips.x[0].dtype), strict=True)
        x = [_between(*part) for part in parts]
        mask = [
            m if m is None else m[:, a] & (m[:, b] | (w == 0))
            for m, a, b, w in zip(clips.mask, first, last, weight, strict=True)
        ]
        return clips.with_(x, mask)

    def _frames(self, start: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the frames before and after each position, and the weight of the latter."""
        steps = torch.arange(self.num_frames, device=start.device, dtype=torch.float64)
        position = ((steps + 0.5) * (length.double() / self.num_frames) - 0.5).clamp(min=0)
        first = position.long()
        last = torch.minimum(first + 1, length - 1)
        return start + first, start + last, position - first

    def _cut(self, length: int) -> tuple[int, int]:
        if isinstance(self.scale, (int, float)):
            start = int((1 - self.scale) * length / 2)
            return start, max(length - 2 * start, 1)
        kept = min(max(int(draw(*self.scale) * length), self.min_frames), length)
        return int(torch.randint(length - kept + 1, ())), kept

    def __repr__(self) -> str:
        floor = f", min_frames={self.min_frames}" if self.min_frames > 1 else ""
        return f"{type(self).__name__}({self.num_frames}, scale={self.scale}{floor})"


class TakeFrames(ClipTransform):
    """Takes a run of frames as they were recorded, without resampling.

    A network that is to run frame by frame has to know the tempo of the stream, which resampling
    changes from clip to clip. In a stream every frame passes.

    Args:
        num_frames: Number of frames to take, at least 1. A shorter clip repeats its last frame.
        random: Whether the run begins at a random place (training) or at the first frame.

    Shapes:
        - **x**: $(N, L, C)$ becomes $(N, n, C)$
        - **mask**: $(N, L)$ becomes $(N, n)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> TakeFrames(24)(data).x.shape
        torch.Size([20, 24, 3])
    """

    frame_wise = True

    def __init__(self, num_frames: int, random: bool = False) -> None:
        if num_frames < 1:
            raise ValueError(f"TakeFrames: num_frames must be at least 1, got {num_frames}")
        self.num_frames = num_frames
        self.random = random

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with `num_frames` frames."""
        index = self._index(data.x.size(1)).to(data.x.device)
        data.x, data.mask = data.x.index_select(1, index), data.mask.index_select(1, index)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips with `num_frames` frames."""
        index = streams.draw(self._index, clips.num_frames)
        return clips.with_(
            [x.index_select(1, i) for x, i in zip(clips.x, index, strict=True)],
            [m if m is None else m[:, i] for m, i in zip(clips.mask, index, strict=True)],
        )

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Lets one frame of a stream pass."""
        return data, state

    def _index(self, length: int) -> Tensor:
        spare = max(length - self.num_frames, 0)
        start = int(torch.randint(spare + 1, ())) if self.random else 0
        return (start + torch.arange(self.num_frames)).clamp(max=length - 1)

    def __repr__(self) -> str:
        random = ", random=True" if self.random else ""
        return f"{type(self).__name__}({self.num_frames}{random})"


def _between(x: Tensor, first: Tensor, last: Tensor, weight: Tensor) -> Tensor:
    """Returns frames between two others, by linear interpolation."""
    before = x.index_select(1, first)
    return x.index_select(1, last).sub_(before).mul_(weight.unsqueeze(-1)).add_(before)
