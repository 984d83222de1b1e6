"""What the real-valued graph convolutions share."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.dense.linear import Linear

from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.nn.conv.spiking_graph_conv import Path
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.norm import BatchNorm

__all__ = ["RealGraphConv"]


class RealGraphConv(MessagePassing):
    """Sizes, the choice of a path, and the way out: batch norm, residual path, ReLU.

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature.
        layout: A layout or its name.
        residual: Whether there is a residual path. If so, the batch norm starts at a scale of
            $10^{-6}$, so that at first the layer is that path.
        path: `"auto"`, `"dense"` or `"sparse"`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout,
        *,
        residual: bool,
        path: Path,
    ) -> None:
        super().__init__(aggr="sum", node_dim=-2)
        if path not in ("auto", "dense", "sparse"):
            raise ValueError(
                f"{type(self).__name__}: path must be 'auto', 'dense' or 'sparse', got {path!r}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.layout = get_layout(layout)
        self.path = path
        self.residual = residual
        self.norm = BatchNorm(out_channels, scale=1e-6 if residual else 1.0)
        self.projects = residual and in_channels != out_channels
        if self.projects:
            self.shortcut = Linear(in_channels, out_channels)
            self.shortcut_norm = BatchNorm(out_channels)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        self.norm.reset_parameters()
        if self.projects:
            nn.init.kaiming_normal_(self.shortcut.weight, mode="fan_out")
            nn.init.zeros_(self.shortcut.bias)
            self.shortcut_norm.reset_parameters()

    def uses_dense(self, graph: SkeletonGraph) -> bool:
        """Whether the dense path is taken for this batch."""
        joints = self.layout.num_joints
        if graph.num_joints != joints and self.path == "dense":
            raise ValueError(
                f"{type(self).__name__}: path='dense' needs every body to have the {joints} joints "
                f"of {self.layout.name}, in order, but the batch has "
                f"{graph.num_joints or 'mixed'} joints a body. Use path='auto'."
            )
        return graph.num_joints == joints and self.path != "sparse"

    def _check_joints(self, graph: SkeletonGraph) -> None:
        if (highest := int(graph.joint.max())) >= self.layout.num_joints:
            raise ValueError(
                f"{type(self).__name__}: the batch has joint {highest}, but {self.layout.name} has "
                f"{self.layout.num_joints} joints. Build the layer for the layout of the data."
            )

    def _leave(self, out: Tensor, x: Tensor) -> Tensor:
        """Normalises what the graph brought and adds the input of the layer."""
        out = self.norm(out)
        if self.projects:
            out = out + self.shortcut_norm(self.shortcut(x))
        elif self.residual:
            out = out + x
        return out.relu()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels})"
