"""Transforms of joints and persons."""

from __future__ import annotations

import torch
from torch import Tensor

from sgnkit.data import ClipList, RandomStreams, SkeletonData
from sgnkit.data.skeleton_data import body_graph
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.transforms._base import ClipTransform

__all__ = ["DropJoints", "MirrorLeftRight", "PadPersons", "SelectJoints"]


class MirrorLeftRight(ClipTransform):
    """Mirrors a clip: negates an axis and swaps the left and right joints of each person.

    Mirrors at the origin, so put [`Center`][sgnkit.transforms.Center] before it. Do not use it
    where classes differ by the side of the body.

    Args:
        p: Probability of mirroring a clip, in $[0, 1]$.
        axis: Coordinate axis that points from left to right.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> mirror = MirrorLeftRight(p=1.0)
        >>> torch.equal(mirror(mirror(data)).x, data.x)
        True
    """

    def __init__(self, p: float = 0.5, axis: int = 0) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"MirrorLeftRight: p must be in [0, 1], got {p}")
        self.p = p
        self.axis = axis

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip, mirrored or not."""
        if self._is_chosen(data.x):
            nodes = _counterparts(data.skeleton, data.num_persons).to(data.x.device)
            data.x = data.x.index_select(0, nodes) * self._sign(data.x)
            data.mask = data.mask[nodes]
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips, each of them mirrored or not."""
        chosen = streams.draw(self._is_chosen, clips.x)
        persons, x, mask = clips.num_persons, list(clips.x), list(clips.mask)
        for k in (k for k, is_chosen in enumerate(chosen) if is_chosen):
            nodes, observed = _counterparts(clips.layout, persons[k]), mask[k]
            x[k] = x[k].index_select(0, nodes) * self._sign(x[k])
            mask[k] = None if observed is None else observed[nodes]
        return clips.with_(x, mask)

    def _is_chosen(self, x: Tensor) -> bool:
        if not 0 <= self.axis < x.size(-1):
            raise ValueError(
                f"MirrorLeftRight: axis must be in [0, {x.size(-1)}) for C={x.size(-1)}, "
                f"got {self.axis}"
            )
        return float(torch.rand(())) < self.p

    def _sign(self, x: Tensor) -> Tensor:
        sign = x.new_ones(x.size(-1))
        sign[self.axis] = -1
        return sign

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, axis={self.axis})"


def _counterparts(layout: SkeletonLayout, num_persons: int) -> Tensor:
    """Returns the node of the other side of the body for each node, or the node itself."""
    swap = list(range(layout.num_joints))
    for left, right in layout.pairs:
        swap[left], swap[right] = right, left
    first = torch.arange(num_persons).unsqueeze(1) * layout.num_joints
    return (first + torch.tensor(swap)).flatten()


class DropJoints(ClipTransform):
    """Hides random joints for the whole clip: coordinates 0, not observed.

    The choice is shared by all persons. Put it last: a later transform moves the zeros.

    Args:
        p: Probability of each joint to be hidden, in $[0, 1)$.

    Shapes:
        - **x**: $(N, T, C)$
        - **mask**: $(N, T)$

    Examples:
        >>> DropJoints(0.1)
        DropJoints(p=0.1)
    """

    def __init__(self, p: float = 0.1) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"DropJoints: p must be in [0, 1), got {p}")
        self.p = p

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with hidden joints."""
        kept = torch.rand(data.skeleton.num_joints) >= self.p
        kept = kept.to(data.x.device)[data.joint].unsqueeze(-1)
        data.x = data.x.masked_fill(~kept.unsqueeze(-1), 0)
        data.mask = data.mask & kept
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips with hidden joints."""
        joints = clips.layout.num_joints
        drawn = streams.draw(lambda _: torch.rand(joints) >= self.p, clips.x)
        x, mask = list(clips.x), list(clips.mask)
        for k, (kept, persons) in enumerate(zip(drawn, clips.num_persons, strict=True)):
            if not kept.all():
                kept = kept.repeat(persons).unsqueeze(-1)
                observed, num_frames = mask[k], x[k].size(1)
                mask[k] = kept.repeat(1, num_frames) if observed is None else observed & kept
                x[k] = x[k].masked_fill(~kept.unsqueeze(-1), 0)
        return clips.with_(x, mask)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class PadPersons(ClipTransform):
    """Adds bodies of zeros, not observed, up to a number of persons. Only to reproduce papers.

    Padding changes the statistics of batch normalisation and costs time; sgnkit itself leaves
    absent persons out. A clip that has enough persons stays as it is.

    Args:
        num_persons: Number of bodies that a clip has at least, at least 1.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(MV, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 25, 3), "ntu25")
        >>> PadPersons(2)(data).x.shape
        torch.Size([50, 31, 3])
    """

    frame_wise = True

    def __init__(self, num_persons: int = 2) -> None:
        if num_persons < 1:
            raise ValueError(f"PadPersons: num_persons must be at least 1, got {num_persons}")
        self.num_persons = num_persons

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with at least `num_persons` bodies."""
        layout, missing = data.skeleton, self.num_persons - data.num_persons
        if missing <= 0:
            return data
        num_frames, channels = data.x.shape[1:]
        extra = missing * layout.num_joints
        data.x = torch.cat([data.x, data.x.new_zeros(extra, num_frames, channels)])
        data.mask = torch.cat([data.mask, data.mask.new_zeros(extra, num_frames)])
        for key, value in body_graph(layout, self.num_persons).items():
            data[key] = value.to(data.x.device)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_persons})"


class SelectJoints(ClipTransform):
    """Keeps the joints of another layout, found by name: a subset, or a set's order in another's.

    Args:
        layout: Registered layout, or its name, whose joints the clip's layout has too.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(MV, T, C)$

    Raises:
        ValueError: If the clip's layout lacks a joint.

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "utd_mhad20")
        >>> SelectJoints("kinect20")(data).layout
        'kinect20'
    """

    frame_wise = True

    def __init__(self, layout: str | SkeletonLayout) -> None:
        self.layout = get_layout(layout)

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip in the other layout."""
        old, num_persons = data.skeleton, data.num_persons
        index = torch.tensor([old.index(joint) for joint in self.layout.joints])
        nodes = (torch.arange(num_persons).unsqueeze(1) * old.num_joints + index).flatten()
        nodes = nodes.to(data.x.device)
        data.x, data.mask = data.x[nodes], data.mask[nodes]
        for key, value in body_graph(self.layout, num_persons).items():
            data[key] = value.to(data.x.device)
        data.layout = self.layout.name
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.layout.name!r})"
