"""Skeleton spiking coding (SSC): from coordinates to spikes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sgnkit.nn.conv.adjacency import Adjacency
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import norm_fire

__all__ = ["SpikingEncoder"]


class SpikingEncoder(nn.Module):
    r"""Skeleton spiking coding (SSC) of the ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper.

    $$
    \mathbf{P}^{(s)} = \mathrm{SN}^{(s)}\bigl(\mathrm{BN}(
        \mathrm{Conv}_{3 \times 3}(\mathbf{X}))\bigr), \qquad s = 1 \ldots S
    $$

    Every step sees the same frame, so convolution and batch norm are computed once and only the
    neuron runs S steps.

    Args:
        in_channels: Number of coordinates.
        out_channels: Size of each output joint feature.
        num_steps: Spiking steps S.
        kernel: What the second kernel axis runs over: `"joints"` is the joint index, as in an
            image; `"graph"` replaces it by the joint, its parent and its children, which does not
            depend on how joints are numbered.
        causal: Whether the kernel ends at a frame instead of being centred on it, as in
            [`STC`][sgnkit.nn.STC].
        neuron: The spiking neuron; this place gets its own copy.
        norm_scale: The start scale of the batch norm.

    Shapes:
        - **x**: $(T, N, C_{in})$, real
        - **returns**: spikes $(S, T, N, C_{out})$

    Raises:
        ValueError: If the number of steps is below 1 or the kernel unknown.

    Examples:
        >>> SpikingEncoder(3, 64, num_steps=4)
        SpikingEncoder(3, 64, num_steps=4, kernel=joints)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 64,
        num_steps: int = 4,
        *,
        kernel: Literal["joints", "graph"] = "joints",
        causal: bool = False,
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if num_steps < 1:
            raise ValueError(f"SpikingEncoder: num_steps must be at least 1, got {num_steps}")
        if kernel not in ("joints", "graph"):
            raise ValueError(f"SpikingEncoder: kernel must be 'joints' or 'graph', got {kernel!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_steps = num_steps
        self.kernel = kernel
        self.causal = causal
        self.adjacency = Adjacency(None, "fixed") if kernel == "graph" else None
        # the three columns of the kernel side by side: [3 C_out, C_in, 3, 1]
        self.conv = nn.Conv2d(in_channels, 3 * out_channels, (3, 1), bias=False)
        self.norm = BatchNorm(out_channels, norm_scale)
        self.neuron = like(neuron, LIF())

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        self.conv.reset_parameters()
        self.norm.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Encodes a batch of frames, from rest."""
        nodes = x.size(1) if torch.compiler.is_compiling() else graph.joint.numel()
        if x.dim() != 3 or x.size(1) != nodes:
            raise ValueError(
                f"SpikingEncoder: expected x [T, {nodes}, {self.in_channels}], got "
                f"{tuple(x.shape)}. A batch has nodes first: pass batch.x.transpose(0, 1)."
            )
        before, after = (2, 0) if self.causal else (1, 1)
        return self._fire(F.pad(x, (0, 0, 0, 0, before, after)), graph)

    def step_frame(
        self, x: Tensor, graph: SkeletonGraph, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encodes one frame with a causal kernel, see [`step_frame`][sgnkit.nn.step_frame].

        Shapes:
            - **x**: $(1, N, C_{in})$
            - **returns**: spikes $(S, 1, N, C_{out})$, and the last two frames, $(2, N, C_{in})$
        """
        if not self.causal:
            raise ValueError("SpikingEncoder: looks at later frames; build it with causal=True")
        frames = torch.cat([x.new_zeros(2, *x.shape[1:]) if state is None else state, x])
        return self._fire(frames, graph), frames[1:]

    def _fire(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        return norm_fire(self.norm, self.neuron, self._convolve(x, graph), steps=self.num_steps)

    def _convolve(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the current of T frames from T + 2."""
        if self.adjacency is not None:
            columns = self.conv(x.permute(2, 0, 1)).permute(1, 2, 0)  # [T, N, 3 C_out]
            columns = columns.reshape(*columns.shape[:-1], 3, self.out_channels)
            edge_index, subset, weight = self.adjacency.edges(graph)
            messages = columns[:, edge_index[0], subset] * weight.to(x.dtype).unsqueeze(-1)
            out = torch.zeros_like(columns[:, :, 0])
            return out.index_add(1, edge_index[1], messages.to(out.dtype))
        # Patches of few coordinates and one product: nothing wide is moved, forward or backward.
        before, after = _index_neighbours(graph)
        padded = F.pad(x, (0, 0, 0, 1))
        rows = torch.cat([padded[:, before], x, padded[:, after]], dim=-1)
        patches = torch.cat([rows[:-2], rows[1:-1], rows[2:]], dim=-1)  # [T, N, frame column C_in]
        weight = self.conv.weight.view(3, self.out_channels, self.in_channels, 3)
        return F.linear(patches, weight.permute(1, 3, 0, 2).flatten(1))

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, num_steps={self.num_steps}, "
            f"kernel={self.kernel}" + (", causal=True" if self.causal else "")
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


def _index_neighbours(graph: SkeletonGraph) -> tuple[Tensor, Tensor]:
    """The nodes one joint index before and after each node; N where there is none."""
    nodes = graph.joint.numel()
    if graph.num_joints is not None:
        node = torch.arange(nodes, device=graph.joint.device)
        before = torch.where(graph.joint > 0, node - 1, nodes)
        after = torch.where(graph.joint < graph.num_joints - 1, node + 1, nodes)
        return before, after
    stride = int(graph.joint.max()) + 2
    table = graph.joint.new_full((int(graph.body.max() + 1) * stride + 1,), nodes)
    slot = graph.body * stride + graph.joint
    table[slot] = torch.arange(nodes, device=slot.device)
    before = torch.where(graph.joint > 0, table[slot - 1], nodes)
    return before, table[slot + 1]
