"""Any PyG convolution as a spiking layer."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm

__all__ = ["SpikingConv"]


class SpikingConv(nn.Module):
    r"""Turns a PyG convolution into a spiking layer over whole sequences.

    $$
    \mathbf{Z} = \mathrm{SN}\bigl(\mathrm{BN}\bigl(\mathrm{Conv}(\mathbf{X}^{(s,t)},
        \mathcal{E})_{s,t}\bigr)\bigr)
    $$

    Every step and frame is one copy of the graph. All copies run at once as one batch of separate
    graphs, as PyG's `Batch` would make it, so each convolution that takes `(x, edge_index)` works
    and gives what it gives for one copy at a time.

    Args:
        conv: The convolution. Which ones of PyG work is listed in the guide "Wrap any PyG
            convolution".
        norm: A module between convolution and neuron, over $(\text{nodes}, C)$;
            `torch.nn.Identity()` for none. Defaults to batch normalisation. Where the convolution
            does not tell its output width, that takes its size at the first call.
        neuron: The spiking neuron, which is copied. Defaults to [`LIF`][sgnkit.nn.LIF].

    Shapes:
        - **x**: $(S, *, N, C_{in})$, spiking steps first
        - **edge_index**: $(2, E)$, or a [`SkeletonGraph`][sgnkit.nn.SkeletonGraph]
        - **returns**: spikes $(S, *, N, C_{out})$

    Raises:
        ValueError: If the convolution caches edges, or a shape does not fit.
        TypeError: If the convolution returns something else than a tensor.

    Examples:
        >>> from torch_geometric.nn import GATConv
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> conv = SpikingConv(GATConv(3, 16, heads=4), neuron=LIF(v_th=0.5))
        >>> conv(torch.rand(4, 8, 2, 3), edge_index).shape
        torch.Size([4, 8, 2, 64])
    """

    def __init__(
        self, conv: nn.Module, norm: nn.Module | None = None, neuron: nn.Module | None = None
    ) -> None:
        super().__init__()
        if getattr(conv, "cached", False):
            raise ValueError(
                f"SpikingConv: {type(conv).__name__} must have cached=False, as the number of "
                "copies of the graph changes with the number of steps and frames"
            )
        self.conv = conv
        self.norm = _batch_norm(conv) if norm is None else norm
        self.neuron = like(neuron, LIF())
        self._takes_batch = "batch" in inspect.signature(conv.forward).parameters

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        for module in (self.conv, self.norm, self.neuron):
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()

    def forward(self, x: Tensor, edge_index: Tensor | SkeletonGraph, **kwargs: Any) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes.

        Args:
            x: The features of the nodes.
            edge_index: The edges, from source to target.
            **kwargs: Other arguments of the convolution, by name and as for one copy of the
                graph. As on PyG's batching, the name tells what a tensor belongs to: `*index`
                holds node numbers $(*, E)$, `edge_*` belongs to edges $(E, *)$, `batch` numbers
                the graphs $(N)$. Any other tensor belongs to nodes, $(N)$ or $(N, C)$, with
                leading axes of **x** where it changes with steps or frames.
        """
        if x.dim() < 3:
            raise ValueError(f"SpikingConv: expected x [S, *, N, C], got shape {tuple(x.shape)}")
        if isinstance(edge_index, SkeletonGraph):
            edge_index = edge_index.edge_index
        nodes, copies = x.shape[:-1], x.shape[:-2].numel()
        arguments = {"edge_index": edge_index, **kwargs}
        for name, value in arguments.items():
            if isinstance(value, Tensor):
                value = value.to(x.dtype) if value.is_floating_point() else value
                arguments[name] = _copy(name, value, nodes, copies, edge_index.size(1))
        if self._takes_batch and arguments.get("batch") is None:
            arguments["batch"] = torch.arange(copies, device=x.device).repeat_interleave(nodes[-1])
        out = self.conv(x.flatten(0, -2), **arguments)
        if not isinstance(out, Tensor):
            raise TypeError(
                f"SpikingConv: {type(self.conv).__name__} must return a tensor, got "
                f"{type(out).__name__}"
            )
        return self.neuron(self.norm(out).view(*nodes, -1))


def _copy(name: str, value: Tensor, nodes: torch.Size, copies: int, edges: int) -> Tensor:
    """Returns an argument for all copies of the graph, one copy after the other."""
    if name == "batch" or name.endswith("index"):
        step = int(value.max()) + 1 if name == "batch" else nodes[-1]
        first = torch.arange(copies, device=value.device).view(-1, 1) * step
        return (value.unsqueeze(-2) + first).flatten(-2)
    if name.startswith("edge_"):
        if value.dim() < 1 or value.size(0) != edges:
            raise ValueError(
                f"SpikingConv: {name} belongs to edges, expected shape ({edges}, *), got "
                f"{tuple(value.shape)}"
            )
        return value.repeat(copies, *[1] * (value.dim() - 1))
    features = value.shape[-1:] if value.dim() > 1 else torch.Size()
    try:
        value = value.expand(*nodes, *features)
    except RuntimeError:
        raise ValueError(
            f"SpikingConv: {name} belongs to nodes, expected shape ({nodes[-1]}), "
            f"({nodes[-1]}, C) or {(*nodes, 'C')}, got {tuple(value.shape)}"
        ) from None
    return value.reshape(-1, *features)


def _batch_norm(conv: nn.Module) -> nn.Module:
    """Returns batch normalisation as wide as the convolution says its output is."""
    channels = getattr(conv, "out_channels", None)
    if not isinstance(channels, int) or channels < 1:
        return nn.LazyBatchNorm1d()
    if getattr(conv, "concat", False):
        channels *= getattr(conv, "heads", 1)
    powers: Any = getattr(conv, "powers", [1])  # MixHopConv puts its powers side by side
    channels *= len(powers)
    return BatchNorm(channels)
