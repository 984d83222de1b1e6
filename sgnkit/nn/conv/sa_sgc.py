"""Self-attention spiking graph convolution (SA-SGC)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sgnkit.layout import SkeletonLayout
from sgnkit.nn.conv.adjacency import Adjacency, Mode
from sgnkit.nn.conv.spiking_graph_conv import Path, SpikingGraphConv
from sgnkit.nn.conv.spiking_self_attention import SpikingSelfAttention
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.shortcut import Residual

__all__ = ["SASGC"]


class SASGC(nn.Module):
    r"""Self-attention spiking graph convolution (SA-SGC) of the
    ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper: a graph convolution over the bones, then
    attention over all joints.

    $$
    \mathbf{Y} = \mathrm{SGC}(\mathbf{X}), \qquad
    \mathrm{SASGC}(\mathbf{X}) = \mathrm{SSA}(\mathbf{Y})
    $$

    Args:
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature, a multiple of `heads`.
        layout: A layout or its name.
        heads: Number of attention heads.
        adjacency: As in [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].
        residual: `"sew"`, `"or"` or `"membrane"`, for both parts.
        neuron: The spiking neuron; each place gets its own copy.
        norm_scale: The start scale of the batch norms.
        path: `"auto"`, `"dense"` or `"sparse"`, for both parts.
        fold: As in [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].
        **kwargs: Other arguments of
            [`SpikingSelfAttention`][sgnkit.nn.SpikingSelfAttention].

    Shapes:
        - **x**: $(S, T, N, C_{in})$, spikes
        - **returns**: $(S, T, N, C_{out})$; with `"sew"` sums of up to three spikes

    Note:
        The paper names the part; its order and equations are those of the same authors' later
        work. See the Fidelity page.

    Examples:
        >>> SASGC(32, 64, "ntu25", heads=4).attention
        SpikingSelfAttention(64, heads=4)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        layout: str | SkeletonLayout | None = None,
        *,
        heads: int = 8,
        adjacency: Mode | Adjacency = "learned",
        residual: Residual | None = "sew",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
        path: Path = "auto",
        fold: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        common: dict[str, Any] = {
            "residual": residual,
            "neuron": neuron,
            "norm_scale": norm_scale,
            "path": path,
        }
        self.conv = SpikingGraphConv(
            in_channels, out_channels, layout, adjacency=adjacency, fold=fold, **common
        )
        self.attention = SpikingSelfAttention(out_channels, heads, **common, **kwargs)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        self.conv.reset_parameters()
        self.attention.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        return self.attention(self.conv(x, graph), graph)

    def step_frame(self, x: Tensor, graph: SkeletonGraph, state: Any = None) -> tuple[Tensor, Any]:
        """Runs one frame, see [`step_frame`][sgnkit.nn.step_frame]."""
        return self.attention.step_frame(self.conv(x, graph), graph, state)
