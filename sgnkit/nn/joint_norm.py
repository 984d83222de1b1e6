"""Batch normalisation of raw coordinates, one statistic for each joint and channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.norm import BatchNorm

__all__ = ["JointNorm"]


class JointNorm(nn.Module):
    r"""Batch norm whose statistics belong to a joint and a channel, over clips, persons and frames:
    the first layer of [ST-GCN](https://arxiv.org/abs/1801.07455).

    $$
    y_{t,n,c} = \gamma_{v(n),c}\,\frac{x_{t,n,c} - \mathrm{E}_{v(n),c}}
        {\sqrt{\mathrm{Var}_{v(n),c} + \epsilon}} + \beta_{v(n),c}
    $$

    Args:
        num_joints: Number of joints V.
        in_channels: Number of coordinates C.
        num_persons: `None`: all persons share the statistics, and a clip may have any number of
            them. A number M: the first to the M-th person of a clip have statistics, scale and
            shift of their own, as published for [2s-AGCN](https://arxiv.org/abs/1805.07694) and
            [CTR-GCN](https://arxiv.org/abs/2107.12213). Where a clip has fewer, zeros enter the
            statistics in place of the others.

    Shapes:
        - **x**: $(T, N, C)$
        - **returns**: $(T, N, C)$

    Raises:
        ValueError: If a body of the batch lacks joints of the layout, or if a clip has more than
            `num_persons` persons.

    Examples:
        >>> JointNorm(25, 3)
        JointNorm(25, 3)
        >>> JointNorm(25, 3, num_persons=2).norm.num_features
        150
    """

    def __init__(self, num_joints: int, in_channels: int, num_persons: int | None = None) -> None:
        super().__init__()
        if num_persons is not None and num_persons < 1:
            raise ValueError(f"JointNorm: num_persons must be 1 or more, got {num_persons}")
        self.num_joints = num_joints
        self.in_channels = in_channels
        self.num_persons = num_persons
        self.norm = BatchNorm((num_persons or 1) * num_joints * in_channels)

    def reset_parameters(self) -> None:
        """Resets statistics, scale and shift."""
        self.norm.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Normalises the coordinates of a batch."""
        bodies = graph.clip.numel()
        if x.size(1) != bodies * self.num_joints:
            raise ValueError(
                f"JointNorm: expected {self.num_joints} joints a body, got {x.size(1)} nodes in "
                f"{bodies} bodies"
            )
        if graph.num_joints == self.num_joints:
            return self._normalise(x.reshape(x.size(0), bodies, -1), graph).view(x.shape)
        order = torch.argsort(graph.body * self.num_joints + graph.joint)
        rows = x[:, order].reshape(x.size(0), bodies, -1)
        out = torch.empty_like(x)
        out[:, order] = self._normalise(rows, graph).view(x.shape).to(x.dtype)
        return out

    def _normalise(self, rows: Tensor, graph: SkeletonGraph) -> Tensor:
        """Normalises `[T, bodies, V C]`."""
        if self.num_persons is None:
            return self.norm(rows.flatten(0, 1))
        first = torch.searchsorted(graph.clip, graph.clip)  # bodies stand clip by clip
        person = torch.arange(graph.clip.numel(), device=rows.device) - first
        if not torch.compiler.is_compiling() and int(person.max()) >= self.num_persons:
            raise ValueError(
                f"JointNorm: num_persons={self.num_persons}, but a clip of the batch has "
                f"{int(person.max()) + 1} persons"
            )
        place = graph.clip * self.num_persons + person
        frames, _, size = rows.shape
        slots = rows.new_zeros(frames, graph.num_clips * self.num_persons, size)
        slots = slots.index_copy(1, place, rows)
        out = self.norm(slots.view(frames * graph.num_clips, -1)).view(slots.shape)
        return out.index_select(1, place)

    def __repr__(self) -> str:
        persons = "" if self.num_persons is None else f", num_persons={self.num_persons}"
        return f"{type(self).__name__}({self.num_joints}, {self.in_channels}{persons})"
