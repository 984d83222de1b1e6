"""Random transforms of the coordinates, shared by all persons and frames of a clip."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sgnkit.data import ClipList, RandomStreams, SkeletonData
from sgnkit.transforms._base import ClipTransform, draw

__all__ = ["Jitter", "RandomRotate", "RandomScale", "rotation_matrix"]


def rotation_matrix(x: float, y: float, z: float) -> Tensor:
    r"""Returns $R = R_z R_y R_x$ for angles in radians, to be used as $\mathbf{x}' = R \mathbf{x}$.

    The convention, signs included, is that of the CTR-GCN feeder:
    $R_x = [[1, 0, 0], [0, c, s], [0, -s, c]]$ and so on.

    Args:
        x: Angle about the first axis.
        y: Angle about the second axis.
        z: Angle about the third axis.

    Shapes:
        - **returns**: $(3, 3)$, float64
    """
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(a), math.sin(a)) for a in (x, y, z))
    return torch.tensor(
        [
            [cz * cy, cz * sy * sx + sz * cx, sz * sx - cz * sy * cx],
            [-sz * cy, cz * cx - sz * sy * sx, cz * sx + sz * sy * cx],
            [sy, -cy * sx, cy * cx],
        ],
        dtype=torch.float64,
    )


class RandomRotate(ClipTransform):
    r"""Rotates a clip about the origin by one random angle per axis, as in the
    ["Semantics-Guided Neural Networks"](https://arxiv.org/abs/1904.01189) paper.

    $$
    \mathbf{x}' = R_z(\gamma) R_y(\beta) R_x(\alpha) \mathbf{x}, \qquad
    \alpha, \beta, \gamma \sim \mathcal{U}(-\theta, \theta)
    $$

    The angles are drawn once per clip: persons keep their places and frames do not shake.

    Args:
        degrees: Largest angle $\theta$, in degrees, at least 0.
        axes: Axes to rotate about, letters of `"xyz"`. Clips with two coordinates rotate in their
            plane, which is the axis `z`.

    Shapes:
        - **x**: $(N, T, C)$ with $C = 2$ or $3$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(31, 20, 3), "kinect20")
        >>> rotated = RandomRotate(60, axes="xy")(data)
        >>> torch.allclose(rotated.x.norm(dim=-1), data.x.norm(dim=-1))
        True
    """

    def __init__(self, degrees: float, axes: str = "xyz") -> None:
        if not degrees >= 0:
            raise ValueError(f"RandomRotate: degrees must be at least 0, got {degrees}")
        if not axes or not set(axes) <= set("xyz"):
            raise ValueError(f"RandomRotate: axes must be letters of 'xyz', got {axes!r}")
        self.degrees = degrees
        self.axes = axes

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip rotated."""
        data.x = data.x @ self._rotation(data.x.size(-1)).t().to(data.x)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips rotated."""
        rotations = streams.draw(self._rotation, [x.size(-1) for x in clips.x])
        turned = torch.stack(rotations).transpose(1, 2).to(clips.x[0])
        return clips.with_([x @ r for x, r in zip(clips.x, turned, strict=True)])

    def _rotation(self, channels: int) -> Tensor:
        if channels not in (2, 3) or (channels == 2 and "z" not in self.axes):
            raise ValueError(
                "RandomRotate: needs 3 coordinates, or 2 and 'z' among the axes, got "
                f"C={channels} and axes={self.axes!r}"
            )
        limit = math.radians(self.degrees)
        angles = [draw(-limit, limit) if axis in self.axes else 0.0 for axis in "xyz"]
        if channels == 2:
            angles[:2] = 0.0, 0.0
        return rotation_matrix(*angles)[:channels, :channels]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.degrees}, axes={self.axes!r})"


class RandomScale(ClipTransform):
    r"""Multiplies a clip by one random factor: $\mathbf{x}' = s \mathbf{x}$,
    $s \sim \mathcal{U}(s_0, s_1)$.

    Note:
        [`MinMaxNormalize`][sgnkit.transforms.MinMaxNormalize] takes the factor out again.

    Args:
        scale: Smallest and largest factor, greater than 0.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> RandomScale((0.5, 1.5))
        RandomScale((0.5, 1.5))
    """

    def __init__(self, scale: tuple[float, float] = (0.5, 1.5)) -> None:
        low, high = scale
        if not 0 < low <= high:
            raise ValueError(
                f"RandomScale: scale must be two factors above 0 in order, got {scale!r}"
            )
        self.scale = (low, high)

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip scaled."""
        data.x = data.x * draw(*self.scale)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips scaled."""
        factors = streams.draw(lambda _: draw(*self.scale), clips.x)
        return clips.with_([x * factor for x, factor in zip(clips.x, factors, strict=True)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scale})"


class Jitter(ClipTransform):
    r"""Adds noise of its own to every coordinate:
    $\mathbf{x}' = \mathbf{x} + \sigma \boldsymbol{\varepsilon}$,
    $\boldsymbol{\varepsilon} \sim \mathcal{N}(0, 1)$.

    What was not observed stays as it is.

    Args:
        std: Standard deviation $\sigma$ in the unit of the coordinates, at least 0.

    Shapes:
        - **x**: $(N, T, C)$

    Examples:
        >>> Jitter(0.02)
        Jitter(0.02)
    """

    def __init__(self, std: float = 0.01) -> None:
        if not std >= 0:
            raise ValueError(f"Jitter: std must be at least 0, got {std}")
        self.std = std

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the clip with noise."""
        noise = torch.randn(data.x.shape).to(data.x) * self.std
        data.x = data.x + noise * data.mask.unsqueeze(-1)
        return data

    def forward_batch(self, clips: ClipList, streams: RandomStreams) -> ClipList:
        """Returns all clips with noise."""
        noises = streams.draw(lambda x: torch.randn(x.shape).to(x).mul_(self.std), clips.x)
        out = []
        for x, mask, noise in zip(clips.x, clips.mask, noises, strict=True):
            out.append((noise if mask is None else noise.mul_(mask.unsqueeze(-1))).add_(x))
        return clips.with_(out)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.std})"
