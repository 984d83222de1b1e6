"""The transform that takes the orientation out of a clip."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sgnkit.data import ClipList, RandomStreams, SkeletonData
from sgnkit.layout import SkeletonLayout
from sgnkit.transforms._base import ClipTransform, JointSpec, fill_missing, joint_indices

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
        data.x = data.x @ self._rotations(data.skeleton, [data.x], [data.mask])[0]
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips rotated."""
        rotations = self._rotations(clips.layout, clips.x, clips.mask)
        return clips.with_([x @ r for x, r in zip(clips.x, rotations, strict=True)])

    def step_frame(self, data: SkeletonData, state: Any = None) -> tuple[SkeletonData, Any]:
        """Rotates one frame of a stream as the first one."""
        if state is None:
            lines = self._lines(data.skeleton, data.x.size(-1))
            ends = [i for line in lines for end in line for i in end]
            if not data.mask[ends].all():
                return super().step_frame(data)  # later frames would have to tell
            state = self._rotations(data.skeleton, [data.x], [data.mask])[0]
        moved = copy.copy(data)
        moved.x = data.x @ state
        return moved, state

    def _lines(self, layout: SkeletonLayout, channels: int) -> list[tuple[list[int], list[int]]]:
        """Returns the joints at both ends of the spine and, in space, of the shoulders."""
        if channels not in (2, 3):
            raise ValueError(f"AlignBody: needs 2 or 3 coordinates, got C={channels}")
        lines = [self.spine or _default("spine", _SPINES, layout)]
        if channels == 3:
            lines.append(self.shoulders or _default("shoulders", _SIDES, layout))
        return [(joint_indices(layout, a), joint_indices(layout, b)) for a, b in lines]

    def _rotations(
        self, layout: SkeletonLayout, x: Sequence[Tensor], mask: Sequence[Tensor | None]
    ) -> Tensor:
        """Returns the matrices (B, C, C) that the clips are multiplied by, from the right."""
        lines = self._lines(layout, x[0].size(-1))
        joints = sorted({i for line in lines for end in line for i in end})
        first = torch.stack(
            [
                x_b[joints, 0]
                if m is None or m[joints].all()
                else fill_missing(x_b[joints], m[joints])[0][:, 0]
                for x_b, m in zip(x, mask, strict=True)
            ]
        ).double()  # [B, joints, C]
        ends = [[[joints.index(i) for i in end] for end in line] for line in lines]
        vectors = [first[:, b].mean(1) - first[:, a].mean(1) for a, b in ends]
        if len(vectors) == 1:
            rotation = _turn_plane(vectors[0])
        else:
            spine, shoulders = vectors
            rotation = _turn(spine, (0.0, 0.0, 1.0))
            turned = (rotation @ shoulders.unsqueeze(-1)).squeeze(-1)
            rotation = _turn(turned, (1.0, 0.0, 0.0)) @ rotation
        return rotation.transpose(1, 2).to(x[0])

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


def _turn(lines: Tensor, target: tuple[float, float, float]) -> Tensor:
    """Returns the smallest rotations (B, 3, 3) that turn lines (B, 3) to a unit vector."""
    eye, goal = torch.eye(3).to(lines), torch.tensor(target).to(lines)
    length = lines.norm(dim=1)
    unit = lines / length.clamp(min=1e-300).unsqueeze(1)
    cos = (unit @ goal).view(-1, 1, 1)
    x, y, z = torch.linalg.cross(unit, goal.expand_as(unit)).unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    rotation = eye + cross + cross @ cross / (1 + cos).clamp(min=1e-12)
    # opposite: half a turn about any axis at right angles
    axis = torch.linalg.cross(goal, eye[int(goal.abs().argmin())])
    rotation = torch.where(cos < -1 + 1e-12, 2 * torch.outer(axis, axis) - eye, rotation)
    return torch.where((length == 0).view(-1, 1, 1), eye, rotation)


def _turn_plane(lines: Tensor) -> Tensor:
    """Returns the rotations (B, 2, 2) that turn lines (B, 2) to the second axis."""
    length = lines.norm(dim=1)
    sin, cos = (lines / length.clamp(min=1e-300).unsqueeze(1)).unbind(1)
    rotation = torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)
    return torch.where((length == 0).view(-1, 1, 1), torch.eye(2).to(lines), rotation)
