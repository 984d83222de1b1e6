"""One block: a spatial layer, a temporal layer and a shortcut around both."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.shortcut import Residual, SpikingShortcut
from sgnkit.nn.step_frame import advance
from sgnkit.nn.temporal.stc import STC

__all__ = ["SpikingBlock"]


class SpikingBlock(nn.Module):
    r"""A spatial layer over the graph, a temporal layer over the frames, and a shortcut.

    $$
    \mathrm{Block}(\mathbf{X}) = \mathrm{STC}(\mathrm{Spatial}(\mathbf{X})) +
        \mathrm{Res}(\mathbf{X})
    $$

    Args:
        spatial: Any layer that maps `(x, graph)` to features of `temporal.in_channels`:
            [`SASGC`][sgnkit.nn.SASGC], [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv], or a
            [`SpikingConv`][sgnkit.nn.SpikingConv] around a PyG convolution.
        temporal: The temporal convolution.
        in_channels: Size of each input feature; as the temporal layer takes by default.
        residual: `"sew"`, `"or"`, `"membrane"` or `None`.
        neuron: The spiking neuron of the shortcut; it gets its own copy.
        norm_scale: The start scale of the batch norm of the shortcut.

    Shapes:
        - **x**: $(S, T, N, C_{in})$
        - **returns**: $(S, \lceil T / \text{stride} \rceil, N, C_{out})$

    Examples:
        >>> from sgnkit.nn import SASGC
        >>> block = SpikingBlock(SASGC(32, 64, "ntu25"), STC(64, 64, stride=2), in_channels=32)
        >>> block.out_channels
        64
    """

    def __init__(
        self,
        spatial: nn.Module,
        temporal: STC,
        in_channels: int | None = None,
        *,
        residual: Residual | None = "sew",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.in_channels = temporal.in_channels if in_channels is None else in_channels
        self.out_channels = temporal.out_channels
        self.spatial = spatial
        self.temporal = temporal
        self.shortcut = SpikingShortcut(
            self.in_channels,
            self.out_channels,
            temporal.stride,
            mode=residual,
            neuron=neuron,
            norm_scale=norm_scale,
        )

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        for module in (self.spatial, self.temporal, self.shortcut):
            module.reset_parameters()  # type: ignore[operator]

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        temporal = self.temporal
        current = temporal.convolve(self.spatial(x, graph))
        return self.shortcut.join(x, current, temporal.neuron, temporal.norm)

    def step_frame(
        self, x: Tensor, graph: SkeletonGraph, state: tuple[Any, Any] | None = None
    ) -> tuple[Tensor | None, tuple[Any, Any]]:
        """Runs one frame of a causal block, see [`step_frame`][sgnkit.nn.step_frame].

        Shapes:
            - **x**: $(S, 1, N, C_{in})$
            - **returns**: $(S, 1, N, C_{out})$, or `None` for a frame that the stride leaves out;
              and the states of the spatial and the temporal layer
        """
        spatial, temporal = state or (None, None)
        out, spatial = advance(self.spatial, x, graph, state=spatial)
        current, temporal = self.temporal.step_current(out, temporal)
        if current is not None:
            current = self.shortcut.join(x, current, self.temporal.neuron)
        return current, (spatial, temporal)
