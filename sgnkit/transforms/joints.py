"""Transforms of joints and persons."""

from __future__ import annotations

import torch

from sgnkit.data import SkeletonData
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
        channels = data.x.size(-1)
        if not 0 <= self.axis < channels:
            raise ValueError(
                f"MirrorLeftRight: axis must be in [0, {channels}) for C={channels}, "
                f"got {self.axis}"
            )
        if float(torch.rand(())) >= self.p:
            return data
        layout = data.skeleton
        swap = list(range(layout.num_joints))
        for left, right in layout.pairs:
            swap[left], swap[right] = right, left
        first_node = data.person * layout.num_joints
        nodes = first_node + torch.tensor(swap, device=data.x.device)[data.joint]
        sign = data.x.new_ones(channels)
        sign[self.axis] = -1
        data.x = data.x[nodes] * sign
        data.mask = data.mask[nodes]
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, axis={self.axis})"


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
