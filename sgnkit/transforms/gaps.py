"""Missing frames and joints, and places that a joint cannot have been at."""

from __future__ import annotations

import torch
from torch import Tensor

from sgnkit.data import SkeletonData
from sgnkit.transforms._base import fill_missing
from sgnkit.transforms._cleaning import (
    CleaningStep,
    ClipReport,
    bodies,
    node_keys,
    present,
    several,
    take_frames,
)

__all__ = ["CutEmptyFrames", "FillMissing", "FilterJumps", "LoopFrames", "ZeroMissing"]


class CutEmptyFrames(CleaningStep):
    r"""Cuts out frames in which nobody was observed.

    `num_frames` of the clip stays the frame count of the recording. A clip in which nothing was
    observed stays as it is.

    Args:
        person: `"any"` cuts the frames without any person; `"first"` cuts those without the first
            person, as pyskl does.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(N, T', C)$ with $T' \le T$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> x = torch.rand(31, 25, 3)
        >>> x[:4] = 0  # a sensor that saw nobody at first
        >>> data = SkeletonData.from_array(x, "ntu25", missing="zeros")
        >>> CutEmptyFrames()(data).x.shape
        torch.Size([25, 27, 3])
    """

    def __init__(self, person: str = "any") -> None:
        if person not in ("any", "first"):
            raise ValueError(f"CutEmptyFrames: person must be 'any' or 'first', got {person!r}")
        self.person = person

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip without empty frames."""
        frames = present(data)
        seen = frames.any(dim=0) if self.person == "any" else frames[0]
        cut = int((~seen).sum())
        if cut == 0 or cut == len(seen):
            return data
        who = "nobody in them" if self.person == "any" else "the first person absent"
        report.add(self, "cut", [], cut, f"{cut} of {len(seen)} frames with {who}")
        return take_frames(data, seen.nonzero().flatten())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.person!r})"


class FillMissing(CleaningStep):
    """Fills what was not observed by linear interpolation in time, joint by joint.

    Before the first and after the last observation the nearest one is held. A joint that was
    never observed stays as it is. The mask stays: it tells what was observed, not what is filled.

    Args:
        max_gap: A gap of more frames stays as it is, at least 1. None fills all gaps.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> x = torch.arange(4.0).view(4, 1, 1).repeat(1, 20, 3)
        >>> x[1, 5] = torch.nan
        >>> data = SkeletonData.from_array(x, "kinect20", missing="mask")
        >>> data.x[5, :, 0].tolist(), FillMissing()(data).x[5, :, 0].tolist()
        ([0.0, 0.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0])
    """

    def __init__(self, max_gap: int | None = None) -> None:
        if max_gap is not None and max_gap < 1:
            raise ValueError(f"FillMissing: max_gap must be at least 1, got {max_gap}")
        self.max_gap = max_gap

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip without gaps."""
        if data.mask.all():
            return data
        data.x, filled = fill_missing(data.x, data.mask, self.max_gap)
        filled = filled.view(data.num_persons, -1, data.x.size(1))
        missing = ~bodies(data, "mask")
        for person in range(data.num_persons):
            for action, what in (("filled", filled), ("left", missing & ~filled)):
                joints, frames = int(what[person].sum()), int(what[person].any(0).sum())
                if joints:
                    why = f"{several(joints, 'joint')} in {several(frames, 'frame')}"
                    if action == "left":
                        limit = "" if self.max_gap is None else f", or gaps above {self.max_gap}"
                        why += f": never observed{limit}"
                    report.add(self, action, [person], joints, why)
        return data

    def __repr__(self) -> str:
        limit = "" if self.max_gap is None else f"max_gap={self.max_gap}"
        return f"{type(self).__name__}({limit})"


class FilterJumps(CleaningStep):
    r"""Hides joints that jump away for a few frames and come back.

    A joint is hidden in a frame where it lies far from the median $\mathbf{m}_{v,t}$ of its own
    observed places in `window` frames: those about $t$, or the first or last ones of the clip.
    Far is measured by the size $s$ of the body, the median of its largest extent along an axis.

    $$
    \lVert \mathbf{x}_{v,t} - \mathbf{m}_{v,t} \rVert > \mathrm{distance} \cdot s
    $$

    Hidden joints keep their coordinates and are not observed any more; put
    [`FillMissing`][sgnkit.transforms.FillMissing] after it. A joint with fewer than three
    observations in a window is not judged. A steady movement is its own median, except at the ends
    of the clip; a body that jumps and stays there is not hidden.

    Args:
        distance: Longest plausible way from the median, in sizes of the body, positive. The
            default hides 0 of 1,165,980 observations of UTD-MHAD, 3 of 204,660 of SBU and 547 of
            1,170,680 of NW-UCLA; with 0.25 it is 16, 144 and 3472.
        window: Number of frames to take the median of, odd, at least 3. Jumps of fewer than half
            of it are found.

    Shapes:
        - **mask**: $(N, T)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> x = torch.rand(25, 3).expand(31, 25, 3).clone()
        >>> x[10, 7] += 5
        >>> data = SkeletonData.from_array(x, "ntu25", name="wave")
        >>> clip, report = FilterJumps().clean(data)
        >>> (~clip.mask).nonzero().tolist()
        [[7, 10]]
        >>> print(report.changes[0].why)
        1 joint in 1 frame, first left_hand in frame 10
    """

    def __init__(self, distance: float = 0.5, window: int = 5) -> None:
        if distance <= 0 or window < 3 or window % 2 == 0:
            raise ValueError(
                "FilterJumps: distance must be positive and window odd and at least 3, got "
                f"{distance} and {window}"
            )
        self.distance = distance
        self.window = window

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip with jumps hidden."""
        mask = data.mask
        x = data.x.double().masked_fill(~mask.unsqueeze(-1), torch.nan)
        length, size = x.size(1), min(self.window, x.size(1))
        start = torch.arange(length, device=x.device) - self.window // 2
        windows = x.unfold(1, size, 1)[:, start.clamp(min=0, max=length - size)]
        away, count = (x - _median(windows)).norm(dim=-1), windows[:, :, 0].isfinite().sum(-1)
        jumps = (count >= 3) & mask & (away > self.distance * self._size(data))
        data.mask = mask & ~jumps
        layout = data.skeleton
        by_body = jumps.view(data.num_persons, layout.num_joints, -1)
        for person in by_body.flatten(1).any(dim=1).nonzero().flatten().tolist():
            frame, joint = by_body[person].t().nonzero()[0].tolist()
            count, frames = int(by_body[person].sum()), int(by_body[person].any(0).sum())
            why = f"{several(count, 'joint')} in {several(frames, 'frame')}, first "
            why += f"{layout.joints[joint]} in frame {frame}"
            report.add(self, "hidden", [person], count, why)
        return data

    @staticmethod
    def _size(data: SkeletonData) -> Tensor:
        """Returns the size of the body of each node (N, 1); 0 where no body was observed."""
        x, hidden = bodies(data).double(), ~bodies(data, "mask").unsqueeze(-1)
        high = x.masked_fill(hidden, -torch.inf).amax(dim=1)
        extent = (high - x.masked_fill(hidden, torch.inf).amin(dim=1)).amax(dim=-1)
        size = extent.masked_fill(extent < 0, torch.nan).nanmedian(dim=1).values
        return size.nan_to_num(0)[data.person].unsqueeze(1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(distance={self.distance}, window={self.window})"


class LoopFrames(CleaningStep):
    r"""Repeats a shorter clip from its start until it has a number of frames, as in the
    ["Two-Stream Adaptive Graph Convolutional Networks"](https://arxiv.org/abs/1805.07694) paper.

    Each person repeats what it did up to its last observed frame. A person that is absent in the
    first frame starts there: its observed frames move together to the front.

    Note:
        Persons of a clip are shifted in time against each other by this; so it is in the paper's
        data. [`UniformSample`][sgnkit.transforms.UniformSample] does without.

    Args:
        num_frames: Number of frames that a clip has at least, at least 1.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(N, \max(T, n), C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> ramp = torch.arange(3.0).view(3, 1, 1).expand(3, 20, 3)
        >>> data = SkeletonData.from_array(ramp, "kinect20")
        >>> LoopFrames(8)(data).x[0, :, 0].tolist()
        [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0]
    """

    def __init__(self, num_frames: int = 300) -> None:
        if num_frames < 1:
            raise ValueError(f"LoopFrames: num_frames must be at least 1, got {num_frames}")
        self.num_frames = num_frames

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip repeated."""
        frames = present(data)
        length = frames.size(1)
        steps = torch.arange(max(length, self.num_frames), device=data.x.device)
        rows = []
        for person, seen in enumerate(frames):
            kept = seen.nonzero().flatten()
            if len(kept) and seen[0]:
                kept = torch.arange(int(kept[-1]) + 1, device=seen.device)
            elif not len(kept):
                kept = torch.arange(length, device=seen.device)
            rows.append(kept[steps % len(kept)])
            if len(kept) < len(steps):
                why = f"{len(kept)} frames repeated until there are {len(steps)}"
                report.add(self, "looped", [person], len(steps) - len(kept), why)
        index = torch.stack(rows)[data.person]  # (N, n)
        for key in node_keys(data, frames=True):
            value = data[key]
            places = index.view(*index.shape, *[1] * (value.dim() - 2))
            data[key] = value.gather(1, places.expand(*index.shape, *value.shape[2:]))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_frames})"


class ZeroMissing(CleaningStep):
    """Sets the coordinates of what was not observed to 0, as the arrays of the literature have it.

    Put it last: a later transform moves the zeros.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> mask = torch.ones(31, 20, dtype=torch.bool)
        >>> mask[3, 4] = False
        >>> data = SkeletonData.from_array(torch.ones(31, 20, 3), "kinect20", mask=mask)
        >>> ZeroMissing()(data).x[4, 2:5, 0].tolist()
        [1.0, 0.0, 1.0]
    """

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip with zeros where nothing was observed."""
        hidden = ~data.mask
        if hidden.any():
            data.x = data.x.masked_fill(hidden.unsqueeze(-1), 0)
            missing = bodies(data, "mask").logical_not().flatten(1).sum(dim=1).tolist()
            for person, count in enumerate(missing):
                if count:
                    report.add(
                        self,
                        "zeroed",
                        [person],
                        count,
                        f"{several(count, 'joint')} over all frames",
                    )
        return data


def _median(x: Tensor) -> Tensor:
    """Returns the median along the last axis of the values that are not NaN; NaN without any."""
    count = x.isfinite().sum(dim=-1, keepdim=True)
    x = x.sort(dim=-1).values  # NaN comes last
    low, high = x.gather(-1, (count - 1).clamp(min=0) // 2), x.gather(-1, count // 2)
    return ((low + high) / 2).squeeze(-1)
