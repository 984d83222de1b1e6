"""Spiking graph convolution (SGC), the spatial half of every block."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.dense.linear import Linear

from sgnkit.layout import SkeletonLayout
from sgnkit.nn.conv._edge_sum import edge_sum
from sgnkit.nn.conv.adjacency import Adjacency, Mode
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.shortcut import Residual, SpikingShortcut

__all__ = ["SpikingGraphConv"]

Path = Literal["auto", "dense", "sparse"]

# Nodes times channels up to which a graph of bones is dense on a CPU (benchmarks/graph_conv.py)
_SMALL = 1600


class SpikingGraphConv(MessagePassing):
    r"""Spiking graph convolution (SGC) of the ["MK-SGN"](https://arxiv.org/abs/2404.10210)
    paper.

    $$
    \mathbf{G} = \mathrm{SN}\Bigl(\mathrm{BN}\Bigl(\sum_{k=1}^{K}
        \mathbf{A}_k^{\top} \mathbf{X} \mathbf{W}_k\Bigr)\Bigr), \qquad
    \mathbf{Y} = \mathbf{G} + \mathrm{Res}(\mathbf{X})
    $$

    Messages over edges define the layer. The same sum is taken in one pass over the edges, or,
    where all bodies share the layout, as dense products; `path` says which.

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature.
        layout: A layout or its name. Not needed when `adjacency` is a module, or `"fixed"` and
            the batches may mix layouts.
        adjacency: `"learned"`, `"fixed"`, `"identity"`, or an
            [`Adjacency`][sgnkit.nn.Adjacency] to share among layers.
        residual: `"sew"` adds spikes (values 0, 1, 2); `"or"` merges them and `"membrane"` adds
            before the neuron, so that the output stays binary; `None` leaves the shortcut out.
            See [`SpikingShortcut`][sgnkit.nn.SpikingShortcut].
        neuron: The spiking neuron; each place gets its own copy.
        norm_scale: The start scale of the batch norm before the neuron.
        path: `"auto"`, `"dense"` or `"sparse"`.
        fold: Whether evaluation multiplies the graph into the weights first, so that the only
            product is one of spikes and weights, $\mathbf{X}$ with all $\mathbf{A}_k \otimes
            \mathbf{W}_k$ at once: nothing but additions where spikes come, at the price of one
            weight for each pair of joints and channels. Where all bodies share the layout.

    Shapes:
        - **x**: $(S, T, N, C_{in})$, spikes
        - **returns**: $(S, T, N, C_{out})$, spikes, or sums of two with `residual="sew"`

    Raises:
        ValueError: If an option is unknown, or if the dense path is asked for on a batch of
            mixed layouts. If `fold` is asked for without a layout.

    Note:
        The literature calls the dense entries of $\mathbf{A}_k$ learnable; which start value and
        normalisation the paper uses is not known. See the Fidelity page.

    Examples:
        >>> import sgnkit
        >>> clip = sgnkit.SkeletonData.from_array(torch.rand(8, 25, 3).numpy(), "ntu25", axes="TVC")
        >>> conv = SpikingGraphConv(16, 32, "ntu25")
        >>> conv(torch.ones(4, 8, 25, 16), SkeletonGraph.from_data(clip)).shape
        torch.Size([4, 8, 25, 32])
    """

    sources: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout | None = None,
        *,
        adjacency: Mode | Adjacency = "learned",
        residual: Residual | None = "sew",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
        path: Path = "auto",
        fold: bool = False,
    ) -> None:
        super().__init__(aggr="sum", node_dim=-2)
        if path not in ("auto", "dense", "sparse"):
            raise ValueError(
                f"SpikingGraphConv: path must be 'auto', 'dense' or 'sparse', got {path!r}"
            )
        if not isinstance(adjacency, Adjacency):
            adjacency = Adjacency(layout, adjacency)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.path = path
        self.fold = fold
        self.adjacency = adjacency
        if fold and adjacency.layout is None:
            raise ValueError("SpikingGraphConv: fold=True needs a layout")
        self.register_buffer("sources", adjacency.sources() if fold else None, persistent=False)
        self.lin = Linear(
            in_channels,
            adjacency.num_subsets * out_channels,
            bias=False,
            weight_initializer="glorot",
        )
        self.norm = BatchNorm(out_channels, norm_scale)
        self.neuron = like(neuron, LIF())
        self.shortcut = SpikingShortcut(
            in_channels, out_channels, mode=residual, neuron=neuron, norm_scale=norm_scale
        )

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        for module in (self.adjacency, self.lin, self.norm, self.shortcut):
            module.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        return self.shortcut.join(x, self._sum(x, graph), self.neuron, self.norm)

    def current(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the normalised synaptic current, before shortcut and neuron."""
        return self.norm(self._sum(x, graph))

    def _sum(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the sums of messages, before batch norm."""
        if isinstance(graph, Tensor):
            raise ValueError(
                "SpikingGraphConv: expected a SkeletonGraph, got a tensor. Make one with "
                "SkeletonGraph.from_data(batch); SpikingConv takes an edge_index."
            )
        if self.fold and not self.training and self.path != "sparse" and self._same(graph):
            return self._folded(x)
        subsets, channels = self.adjacency.num_subsets, self.out_channels
        messages = self.lin(x)
        if self.uses_dense(graph):
            weight = self.adjacency()
            joints = weight.size(-1)
            # rows: target joint; columns: source joint, then subset
            weight = weight.permute(2, 1, 0).reshape(joints, joints * subsets)
            sources = messages.reshape(-1, joints * subsets, channels)
            # expanded: matmul would fold a weight that learns, and copy all messages to do so
            weight = weight.to(sources.dtype).expand(sources.size(0), *weight.shape)
            out = torch.bmm(weight, sources).view(*x.shape[:-1], channels)
        else:
            edge_index, subset, weight = self.adjacency.edges(graph)
            sources = messages.reshape(*x.shape[:-2], x.size(-2) * subsets, channels)
            edges = torch.stack([edge_index[0] * subsets + subset, edge_index[1]])
            if self._own_messages():
                out = self.propagate(
                    edges,
                    x=(sources, None),
                    edge_weight=weight,
                    size=(sources.size(-2), x.size(-2)),
                )
            else:
                out = edge_sum(sources, edges, weight, x.size(-2))
        return out

    def _folded(self, x: Tensor) -> Tensor:
        """Returns the same sum as one product of spikes with the graph inside the weights."""
        graph, width = self.adjacency(), self.out_channels
        subsets, joints, _ = graph.shape
        weight = self.lin.weight.view(subsets, width, self.in_channels)
        if self.sources is None:  # from every joint to every joint
            every = torch.einsum("kvw,koc->vcwo", graph, weight).reshape(-1, joints * width)
            return (x.reshape(-1, every.size(0)) @ every.to(x.dtype)).view(*x.shape[:-1], width)
        target = torch.arange(joints, device=x.device).view(-1, 1)
        links = F.pad(graph, (0, 0, 0, 1))[:, self.sources, target]  # [K, target, degree]
        near = torch.einsum("kwd,koc->wdco", links, weight).reshape(joints, -1, width)
        bodies = F.pad(x.reshape(-1, joints, self.in_channels), (0, 0, 0, 1))[:, self.sources]
        out = torch.bmm(bodies.flatten(2).transpose(0, 1), near.to(x.dtype))
        return out.transpose(0, 1).reshape(*x.shape[:-1], width)

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return edge_weight.to(x_j.dtype).unsqueeze(-1) * x_j

    def _own_messages(self) -> bool:
        """Whether messages are made one by one: a subclass has its own, or PyG or torch looks."""
        own = type(self).message is not SpikingGraphConv.message
        return own or bool(self.explain) or torch.compiler.is_compiling()

    def _same(self, graph: SkeletonGraph) -> bool:
        """Whether every body of the batch has the joints of the layout, in order."""
        layout = self.adjacency.layout
        return layout is not None and graph.num_joints == layout.num_joints

    def uses_dense(self, graph: SkeletonGraph) -> bool:
        """Whether the dense path is taken for this batch.

        With `path="auto"` it is where it can be, except on a CPU with a graph of bones only. Few
        nodes and channels are dense there, too: finding the edges takes longer than they save.
        """
        same = self._same(graph)
        if self.path == "dense" and not same:
            raise ValueError(
                f"SpikingGraphConv: path='dense' needs every body to have the joints of "
                f"{self.adjacency}, in order, but the batch has {graph.num_joints or 'mixed'} "
                "joints a body. Use path='auto'."
            )
        if self.path == "auto" and self.adjacency.from_edges and not self._own_messages():
            small = graph.joint.numel() * self.out_channels <= _SMALL
            return same and (small or graph.joint.device.type != "cpu")
        return same and self.path != "sparse"
