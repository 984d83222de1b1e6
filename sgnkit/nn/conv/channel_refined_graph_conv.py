"""Channel-wise topology refinement graph convolution, the spatial half of a CTR-GCN block."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.layout import SkeletonLayout
from sgnkit.nn.conv._real_graph_conv import RealGraphConv
from sgnkit.nn.conv.adjacency import Adjacency, all_pairs
from sgnkit.nn.conv.spiking_graph_conv import Path
from sgnkit.nn.graph import SkeletonGraph

__all__ = ["ChannelRefinedGraphConv"]


class ChannelRefinedGraphConv(RealGraphConv):
    r"""Real-valued graph convolution with a graph for each channel (CTR-GC), of the ["Channel-wise
    Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    $$
    \mathbf{y}_{u,c} = \sum_{k=1}^{K} \sum_v q^{(k)}_{u,v,c} (\mathbf{X} \mathbf{W}_k +
        \mathbf{b}_k)_{v,c}, \qquad
    \mathbf{q}^{(k)}_{u,v} = a^{(k)}_{u,v} + \alpha\, \psi_k\bigl(\tanh(
        \theta_k(\bar{\mathbf{x}}_u) - \phi_k(\bar{\mathbf{x}}_v))\bigr)
    $$

    $$
    \mathbf{Y} = \mathrm{ReLU}(\mathrm{BN}(\mathbf{y}) + \mathrm{Res}(\mathbf{X}))
    $$

    $\bar{\mathbf{x}}$ is the mean over the frames, $\theta$, $\phi$ and $\psi$ are linear, $a$ is
    learnt from the graph of the layout, and the scalar $\alpha$ is 0 at first.

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature.
        layout: A layout or its name.
        embed_channels: Size of what $\theta$ and $\phi$ return: by default an eighth of
            **in_channels**, and 8 for coordinates (up to 9 channels).
        transpose: Whether the graph acts from the left, as in the released code: see
            [`Adjacency`][sgnkit.nn.Adjacency]. Without, as in later rewrites, a joint receives
            averages.
        path: `"auto"`, `"dense"` or `"sparse"`, as in
            [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].

    Shapes:
        - **x**: $(T, N, C_{in})$, real
        - **returns**: $(T, N, C_{out})$, real, not negative

    Raises:
        ValueError: If an option is unknown, or if a batch has other joints than the layout.

    Note:
        The batch norm starts at a scale of $10^{-6}$, so that at first the layer is its residual
        path. As in the released code, $\theta$ and $\phi$ see every frame, and their results are
        averaged.

    Examples:
        >>> ChannelRefinedGraphConv(64, 128, "ntu25")
        ChannelRefinedGraphConv(64, 128)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout,
        *,
        embed_channels: int | None = None,
        transpose: bool = True,
        path: Path = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, layout, residual=True, path=path)
        self.adjacency = Adjacency(self.layout, "learned", transpose=transpose)
        subsets = self.adjacency.num_subsets
        if embed_channels is None:
            embed_channels = in_channels // 8 if in_channels > 9 else 8
        self.embed_channels = embed_channels
        self.embed = Linear(in_channels, 2 * subsets * embed_channels)
        self.refine_weight = nn.Parameter(torch.empty(subsets, out_channels, embed_channels))
        self.refine_bias = nn.Parameter(torch.empty(subsets, out_channels))
        self.refine_scale = nn.Parameter(torch.empty(1))
        self.lin = Linear(in_channels, subsets * out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        self.adjacency.reset_parameters()
        # fan out of the parts, as each is a convolution of its own
        nn.init.normal_(self.embed.weight, std=math.sqrt(2 / self.embed_channels))
        nn.init.normal_(self.refine_weight, std=math.sqrt(2 / self.out_channels))
        nn.init.normal_(self.lin.weight, std=math.sqrt(2 / self.out_channels))
        for bias in (self.embed.bias, self.refine_bias, self.refine_scale, self.lin.bias):
            nn.init.zeros_(bias)

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Convolves the frames of a batch over the graph."""
        subsets, size = self.adjacency.num_subsets, self.embed_channels
        values = self.lin(x)
        parts = self.embed(x).mean(0).view(-1, 2, subsets, size)  # [N, theta or phi, K, R]
        if self.uses_dense(graph):
            out = self._dense(values, parts)
        else:
            self._check_joints(graph)
            edge_index, subset = all_pairs(graph.body, subsets)
            sources = values.view(x.size(0), -1, self.out_channels)
            out = self.propagate(
                torch.stack([edge_index[0] * subsets + subset, edge_index[1]]),
                x=(sources, None),
                edge_weight=self._weight(parts, graph, edge_index, subset),
                size=(sources.size(-2), x.size(-2)),
            )
        return self._leave(out, x)

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return edge_weight.to(x_j.dtype) * x_j

    def _dense(self, values: Tensor, parts: Tensor) -> Tensor:
        frames, nodes, _ = values.shape
        joints, subsets = self.layout.num_joints, self.adjacency.num_subsets
        theta, phi = parts.view(-1, joints, *parts.shape[1:]).unbind(2)
        pairs = (theta.unsqueeze(1) - phi.unsqueeze(2)).tanh()  # [bodies, source, target, K, R]
        refined = torch.einsum("bvukr,kcr->bckvu", pairs, self.refine_weight)
        refined = refined + self.refine_bias.t()[:, :, None, None]
        weight = self.adjacency() + self.refine_scale * refined
        values = values.view(frames, -1, joints, subsets, self.out_channels)
        out = torch.einsum("tbvkc,bckvu->tbuc", values, weight.to(values.dtype))
        return out.reshape(frames, nodes, self.out_channels)

    def _weight(
        self, parts: Tensor, graph: SkeletonGraph, edge_index: Tensor, subset: Tensor
    ) -> Tensor:
        """Returns the weight of each edge in each channel."""
        source, target = edge_index
        pairs = (parts[target, 0, subset] - parts[source, 1, subset]).tanh()
        pairs = pairs.view(self.adjacency.num_subsets, -1, self.embed_channels)
        refined = pairs @ self.refine_weight.transpose(1, 2) + self.refine_bias.unsqueeze(1)
        shared = self.adjacency()[subset, graph.joint[source], graph.joint[target]]
        return shared.unsqueeze(-1) + self.refine_scale * refined.flatten(0, 1)
