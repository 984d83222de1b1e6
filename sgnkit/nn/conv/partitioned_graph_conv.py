"""Partitioned graph convolution, the spatial half of an ST-GCN block."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.layout import SkeletonLayout
from sgnkit.nn.conv._real_graph_conv import RealGraphConv
from sgnkit.nn.conv.adjacency import Adjacency
from sgnkit.nn.conv.spiking_graph_conv import Path
from sgnkit.nn.graph import SkeletonGraph

__all__ = ["PartitionedGraphConv"]


class PartitionedGraphConv(RealGraphConv):
    r"""Real-valued graph convolution over subsets of the bones, of the ["Spatial Temporal Graph
    Convolutional Networks"](https://arxiv.org/abs/1801.07455) paper.

    $$
    \mathbf{Y} = \mathrm{ReLU}\Bigl(\mathrm{BN}\Bigl(\sum_{k=1}^{K}
        (\mathbf{A}_k \odot \mathbf{M}_k)^{\top} (\mathbf{X} \mathbf{W}_k + \mathbf{b}_k)
        \Bigr)\Bigr)
    $$

    $\mathbf{A}$ is the fixed graph of the layout, $\mathbf{M}$ the learnt importance of its edges,
    ones at first.

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature.
        layout: A layout or its name.
        partition: How edges fall into subsets, one of those of
            [`SkeletonLayout`][sgnkit.layout.SkeletonLayout]. The default is what the released code
            of the paper does; `"spatial_full"` is what the paper describes.
        path: `"auto"`, `"dense"` or `"sparse"`, as in
            [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].

    Shapes:
        - **x**: $(T, N, C_{in})$, real
        - **returns**: $(T, N, C_{out})$, real, not negative

    Raises:
        ValueError: If an option is unknown, or if a batch has other joints than the layout.

    Note:
        The bias comes before the graph: a joint with no edge of a subset does not see it.

    Examples:
        >>> PartitionedGraphConv(64, 128, "ntu25")
        PartitionedGraphConv(64, 128)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout,
        *,
        partition: str = "spatial_released",
        path: Path = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, layout, residual=False, path=path)
        self.adjacency = Adjacency(self.layout, "importance", partition)
        self.lin = Linear(in_channels, self.adjacency.num_subsets * out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        self.adjacency.reset_parameters()
        # fan out of one subset
        nn.init.normal_(self.lin.weight, std=math.sqrt(2 / self.out_channels))
        nn.init.zeros_(self.lin.bias)

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Convolves the frames of a batch over the graph."""
        subsets, channels = self.adjacency.num_subsets, self.out_channels
        messages = self.lin(x)
        if self.uses_dense(graph):
            weight = self.adjacency()
            joints = weight.size(-1)
            # rows: target joint; columns: source joint, then subset
            rows = weight.permute(2, 1, 0).reshape(joints, joints * subsets)
            sources = messages.view(-1, joints * subsets, channels)
            out = (rows.to(sources.dtype) @ sources).view(*x.shape[:-1], channels)
        else:
            edge_index, subset, weight = self.adjacency.edges(graph)
            sources = messages.view(*x.shape[:-2], x.size(-2) * subsets, channels)
            out = self.propagate(
                torch.stack([edge_index[0] * subsets + subset, edge_index[1]]),
                x=(sources, None),
                edge_weight=weight,
                size=(sources.size(-2), x.size(-2)),
            )
        return self._leave(out, x)

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return edge_weight.to(x_j.dtype).unsqueeze(-1) * x_j
