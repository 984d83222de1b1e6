"""The transform that takes the orientation out of a clip."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from sgnkit.data import SkeletonData
from sgnkit.layout import SkeletonLayout
from sgnkit.transforms._base import ClipTransform, JointSpec, joint_indices, trajectory

__all__ = ["AlignBody"]


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
        data.x = data.x @ self._rotation(data)
        return data

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Rotates one frame of a stream as the first one."""
        if state is None:
            lines: tuple[Line, ...] = (self.spine or _default("spine", _SPINES, data.skeleton),)
            if data.x.size(-1) == 3:
                lines += (self.shoulders or _default("shoulders", _SIDES, data.skeleton),)
            ends = [i for line in lines for end in line for i in joint_indices(data.skeleton, end)]
            if not data.mask[ends].all():
                return super().step_frame(data)  # later frames would have to tell
            state = self._rotation(data)
        moved = copy.copy(data)
        moved.x = data.x @ state
        return moved, state

    def _rotation(self, data: SkeletonData) -> Tensor:
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
        return rotation.t().to(data.x)

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
