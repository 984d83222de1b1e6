"""Transforms that take place, size and orientation out of a clip."""

from __future__ import annotations

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

__all__ = ["AlignBody", "Center", "MinMaxNormalize"]


class Center(ClipTransform):
    """Moves a clip so that a joint of its first person lies at the origin.

    All persons move together, so their distance stays. Where the joint was not observed, its
    place is interpolated in time.

    Args:
        joint: Name or index; several of them stand for their mean. Defaults to the centre of the
            layout.
        frame: `"first"` subtracts the joint's place in the first frame from all frames and keeps
            the walk of the body; `"each"` subtracts its place in each frame.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> Center("spine")(data).x[1, 0].tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, joint: JointSpec | None = None, frame: str = "first") -> None:
        if frame not in ("first", "each"):
            raise ValueError(f"Center: frame must be 'first' or 'each', got {frame!r}")
        self.joint = joint
        self.frame = frame

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip moved."""
        origin = trajectory(data, data.skeleton.center if self.joint is None else self.joint)
        data.x = data.x - (origin[:1] if self.frame == "first" else origin)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips moved."""
        nodes = joint_indices(
            clips.layout, clips.layout.center if self.joint is None else self.joint
        )
        end, out = 1 if self.frame == "first" else None, []
        for x, mask in zip(clips.x, clips.mask, strict=True):
            if mask is not None and not mask[nodes].all():
                path = fill_missing(x[nodes], mask[nodes])[0][:, :end].mean(dim=0)
            elif len(nodes) == 1:
                path = x[nodes[0], :end]
            else:
                path = x[nodes, :end].mean(dim=0)
            out.append(x - path)
        return clips.with_(out)

    def __repr__(self) -> str:
        joint = "" if self.joint is None else f"{self.joint!r}, "
        return f"{type(self).__name__}({joint}frame={self.frame!r})"


class MinMaxNormalize(ClipTransform):
    r"""Maps each coordinate axis of a clip to $[-1, 1]$, over all frames, joints and persons.

    $$
    x' = 2\,\frac{x - \min x}{\max x - \min x} - 1
    $$

    An axis without extent becomes 0. What was not observed is mapped the same way but does not
    take part in minimum and maximum.

    Note:
        The three axes are scaled apart, as in the NW-UCLA recipe, so body proportions are lost.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> MinMaxNormalize()(data).x.amax(dim=(0, 1)).tolist()
        [1.0, 1.0, 1.0]
    """

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip normalised."""
        data.x = _normalized(data.x, data.mask)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips normalised."""
        return clips.with_([_normalized(*p) for p in zip(clips.x, clips.mask, strict=True)])


def _normalized(x: Tensor, mask: Tensor | None) -> Tensor:
    rows = x.reshape(-1, x.size(-1)).t().contiguous()  # along rows, extrema take a tenth
    if mask is None or mask.all():
        low, high = rows.amin(dim=1), rows.amax(dim=1)
    else:
        hidden = ~mask.reshape(-1)
        low = rows.masked_fill(hidden, torch.inf).amin(dim=1)
        high = rows.masked_fill(hidden, -torch.inf).amax(dim=1)
    extent = high - low
    degenerate = ~(extent > 0)
    extent = extent.masked_fill(degenerate, 1)
    out = (x - low).div_(extent).mul_(2).sub_(1)
    return out.masked_fill(degenerate, 0) if degenerate.any() else out


class AlignBody(ClipTransform):
    r"""Rotates a clip about the origin so that the first person stands upright and faces ahead,
    as in the ["Two-Stream Adaptive Graph Convolutional Networks"](https://arxiv.org/abs/1805.07694)
    paper.

    In the first frame the spine is turned to $+z$, then the line from the left to the right
    shoulder to $+x$; one rotation serves all persons and frames. Clips with two coordinates turn
    in their plane until the spine points to $+y$. A line without length turns nothing.

    Note:
        The second rotation takes the whole shoulder line to $+x$, so the spine leans by as much
        as the two lines were not at right angles. Centre the clip first: see
        [`Center`][sgnkit.transforms.Center].

    Args:
        spine: Lower and upper end; each a joint or several that stand for their mean. Defaults to
            the lowest bone of the spine, or to the middle of the hips and that of the shoulders.
        shoulders: Left and right joint. Defaults to the two shoulders.

    Shapes:
        - **x**: $(N, T, C)$ with $C = 2$ or $3$

    Raises:
        ValueError: If the layout has no spine or no shoulders by name and none is given.

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> x = AlignBody()(data).x
        >>> line = x[8, 0] - x[4, 0]
        >>> torch.allclose(line / line.norm(), torch.tensor([1.0, 0.0, 0.0]), atol=1e-5)
        True
    """

    def __init__(
        self,
        spine: tuple[JointSpec, JointSpec] | None = None,
        shoulders: tuple[JointSpec, JointSpec] | None = None,
    ) -> None:
        self.spine = spine
        self.shoulders = shoulders

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip rotated."""
        channels = data.x.size(-1)
        if channels not in (2, 3):
            raise ValueError(f"AlignBody: needs 2 or 3 coordinates, got C={channels}")
        layout = data.skeleton
        spine = self._line(data, self.spine or _default("spine", _SPINES, layout))
        if channels == 2:
            rotation = _turn_plane(spine)
        else:
            rotation = _turn(spine, spine.new_tensor([0.0, 0.0, 1.0]))
            shoulders = self._line(data, self.shoulders or _default("shoulders", _SIDES, layout))
            rotation = _turn(rotation @ shoulders, spine.new_tensor([1.0, 0.0, 0.0])) @ rotation
        data.x = data.x @ rotation.t().to(data.x)
        return data

    @staticmethod
    def _line(data: SkeletonData, ends: tuple[JointSpec, JointSpec]) -> Tensor:
        start, end = (trajectory(data, joint)[0].double() for joint in ends)
        return end - start

    def __repr__(self) -> str:
        given = {"spine": self.spine, "shoulders": self.shoulders}
        args = ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)
        return f"{type(self).__name__}({args})"


Line = tuple[JointSpec, JointSpec]

_SPINES: tuple[Line, ...] = (
    ("spine_base", "spine_mid"),
    ("hip_center", "spine"),
    ("torso", "neck"),
    (("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")),
)
_SIDES: tuple[Line, ...] = (("left_shoulder", "right_shoulder"),)


def _default(argument: str, lines: tuple[Line, ...], layout: SkeletonLayout) -> Line:
    for line in lines:
        try:
            for end in line:
                joint_indices(layout, end)
        except ValueError:
            continue
        return line
    raise ValueError(
        f"AlignBody: layout {layout.name!r} has no {argument} by name; give {argument}=(joint, "
        f"joint) from {', '.join(layout.joints)}"
    )


def _turn(line: Tensor, target: Tensor) -> Tensor:
    """Returns the smallest rotation (3, 3) that turns ``line`` to the unit vector ``target``."""
    eye = torch.eye(3, dtype=line.dtype, device=line.device)
    length = line.norm()
    if length == 0:
        return eye
    line = line / length
    cos = torch.dot(line, target)
    if cos < -1 + 1e-12:  # opposite: half a turn about any axis at right angles
        axis = torch.linalg.cross(target, eye[int(target.abs().argmin())])
        return 2 * torch.outer(axis, axis) - eye
    x, y, z = torch.linalg.cross(line, target)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).view(3, 3)
    return eye + cross + cross @ cross / (1 + cos)


def _turn_plane(line: Tensor) -> Tensor:
    """Returns the rotation (2, 2) that turns ``line`` to the second axis."""
    length = line.norm()
    if length == 0:
        return torch.eye(2, dtype=line.dtype, device=line.device)
    sin, cos = line / length
    return torch.stack([cos, -sin, sin, cos]).view(2, 2)
