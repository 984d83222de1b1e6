"""Batch normalisation of raw coordinates, one statistic for each joint and channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgnkit.nn.graph import SkeletonGraph

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

    Shapes:
        - **x**: $(T, N, C)$
        - **returns**: $(T, N, C)$

    Raises:
        ValueError: If a body of the batch lacks joints of the layout.

    Examples:
        >>> JointNorm(25, 3)
        JointNorm(25, 3)
    """

    def __init__(self, num_joints: int, in_channels: int) -> None:
        super().__init__()
        self.num_joints = num_joints
        self.in_channels = in_channels
        self.norm = nn.BatchNorm1d(num_joints * in_channels)

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
            rows = x.reshape(-1, self.num_joints * self.in_channels)
            return self.norm(rows).view(x.shape)
        order = torch.argsort(graph.body * self.num_joints + graph.joint)
        rows = x[:, order].reshape(-1, self.num_joints * self.in_channels)
        out = torch.empty_like(x)
        out[:, order] = self.norm(rows).view(x.shape).to(x.dtype)
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_joints}, {self.in_channels})"
