"""Adaptive graph convolution, the spatial half of a 2s-AGCN block."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear
from torch_geometric.utils import softmax

from sgnkit.layout import SkeletonLayout
from sgnkit.nn.conv._real_graph_conv import RealGraphConv
from sgnkit.nn.conv.adjacency import Adjacency, all_pairs
from sgnkit.nn.conv.spiking_graph_conv import Path
from sgnkit.nn.graph import SkeletonGraph

__all__ = ["AdaptiveGraphConv"]


class AdaptiveGraphConv(RealGraphConv):
    r"""Real-valued graph convolution with an adaptive graph, of the ["Two-Stream Adaptive Graph
    Convolutional Networks"](https://arxiv.org/abs/1805.07694) paper.

    $$
    \mathbf{Y} = \mathrm{ReLU}\Bigl(\mathrm{BN}\Bigl(\sum_{k=1}^{K}
        (\mathbf{A}_k + \mathbf{P}_k + \mathbf{B}_k)^{\top} \mathbf{X} \mathbf{W}_k
        + \mathbf{b}_k\Bigr) + \mathrm{Res}(\mathbf{X})\Bigr)
    $$

    $\mathbf{A}$ is the fixed graph of the layout, $\mathbf{P}$ is learnt, and $\mathbf{B}$ depends
    on the clip: $\mathbf{B}_k = \operatorname{softmax}_v(\theta_k(\mathbf{X})
    \phi_k(\mathbf{X})^{\top} / (C_e T))$ over the joints of a body, the products summed over the
    frames.

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature.
        layout: A layout or its name.
        data_dependent: Whether $\mathbf{B}$ is part of the graph.
        embed_channels: $C_e$, a quarter of **out_channels** by default.
        path: `"auto"`, `"dense"` or `"sparse"`, as in
            [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].

    Shapes:
        - **x**: $(T, N, C_{in})$, real
        - **returns**: $(T, N, C_{out})$, real, not negative

    Raises:
        ValueError: If an option is unknown, or if a batch has other joints than the layout.

    Note:
        The batch norm starts at a scale of $10^{-6}$, so that at first the layer is its residual
        path. $\mathbf{W}_k$ has one bias for each $k$, as published.

    Examples:
        >>> AdaptiveGraphConv(64, 128, "ntu25")
        AdaptiveGraphConv(64, 128)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout,
        *,
        data_dependent: bool = True,
        embed_channels: int | None = None,
        path: Path = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, layout, residual=True, path=path)
        self.fixed = Adjacency(self.layout, "fixed")
        subsets = self.fixed.num_subsets
        self.learned = nn.Parameter(torch.empty(self.fixed.weight.shape))
        self.embed_channels = (
            max(out_channels // 4, 1) if embed_channels is None else embed_channels
        )
        self.embed = (
            Linear(in_channels, 2 * subsets * self.embed_channels) if data_dependent else None
        )
        self.lin = Linear(subsets * in_channels, out_channels, bias=False)
        self.bias = nn.Parameter(torch.empty(subsets, out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        subsets = self.fixed.num_subsets
        nn.init.constant_(self.learned, 1e-6)
        nn.init.normal_(
            self.lin.weight, std=math.sqrt(2 / (self.out_channels * self.in_channels * subsets))
        )
        nn.init.zeros_(self.bias)
        if self.embed is not None:
            # fan out of the embedding of one subset, as each is a convolution of its own
            nn.init.normal_(self.embed.weight, std=math.sqrt(2 / self.embed_channels))
            nn.init.zeros_(self.embed.bias)

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Convolves the frames of a batch over the graph."""
        if self.uses_dense(graph):
            out = self._dense(x, graph)
        else:
            edge_index, weight = self._edges(x, graph)
            subsets = self.fixed.num_subsets
            spread = x.new_zeros(*x.shape[:-2], x.size(-2) * subsets, self.in_channels)
            out = self.propagate(
                edge_index, x=(x, spread), edge_weight=weight, size=(x.size(-2), spread.size(-2))
            ).reshape(*x.shape[:-1], subsets * self.in_channels)
        return self._leave(self.lin(out) + self.bias.sum(0), x)

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return edge_weight.to(x_j.dtype).unsqueeze(-1) * x_j

    def _dense(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        subsets, joints, _ = self.learned.shape
        frames = x.size(0)
        weight = self.fixed() + self.learned  # [K, source, target]
        if self.embed is not None:
            size = self.embed_channels
            parts = self.embed(x).view(frames, -1, joints, 2, subsets, size)
            # [bodies, K, V, T C_e]
            theta, phi = parts.permute(3, 1, 4, 2, 0, 5).flatten(-2).unbind(0)
            scores = theta @ phi.transpose(-1, -2) / (size * frames)
            weight = weight + scores.softmax(dim=-2)
        # rows: target joint, then subset; columns: source joint
        rows = weight.movedim(-1, -3).flatten(-3, -2)
        bodies = x.view(frames, -1, joints, self.in_channels)
        return (rows.to(x.dtype) @ bodies).view(frames, x.size(1), subsets * self.in_channels)

    def _edges(self, x: Tensor, graph: SkeletonGraph) -> tuple[Tensor, Tensor]:
        subsets = self.fixed.num_subsets
        self._check_joints(graph)
        edge_index, subset = all_pairs(graph.body, subsets)
        source, target = edge_index
        place = subset, graph.joint[source], graph.joint[target]
        weight = (self.fixed() + self.learned)[place]
        group = target * subsets + subset
        if self.embed is not None:
            size = self.embed_channels
            parts = self.embed(x).view(x.size(0), x.size(1), 2, subsets, size)
            products = parts[:, source, 0, subset] * parts[:, target, 1, subset]
            scores = products.sum((0, 2)) / (size * x.size(0))
            weight = weight + softmax(scores, group, num_nodes=x.size(1) * subsets)
        return torch.stack([source, group]), weight
