"""One block of a real-valued graph network: the twin of the spiking block."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.norm import BatchNorm

__all__ = ["GraphBlock"]


class GraphBlock(nn.Module):
    r"""A spatial layer over the graph, a temporal layer over the frames, and a shortcut, all
    real-valued, as in [ST-GCN](https://arxiv.org/abs/1801.07455) and its descendants.

    $$
    \mathrm{Block}(\mathbf{X}) = \mathrm{ReLU}\bigl(\mathrm{TCN}(\mathrm{GCN}(\mathbf{X})) +
        \mathrm{Res}(\mathbf{X})\bigr)
    $$

    $\mathrm{Res}$ is the identity, or a linear layer and batch norm where shapes change.

    Args:
        spatial: Any layer that maps `(x, graph)` to features of `temporal.in_channels`.
        temporal: A layer over the frames with attributes `out_channels` and `stride`.
        in_channels: Size of each input feature.
        residual: Whether there is a shortcut.
        dropout: Probability to drop a feature of the temporal layer, before the shortcut is added.

    Shapes:
        - **x**: $(T, N, C_{in})$
        - **returns**: $(\lceil T / \text{stride} \rceil, N, C_{out})$

    Examples:
        >>> from sgnkit.nn import AdaptiveGraphConv, TemporalConv
        >>> GraphBlock(AdaptiveGraphConv(3, 64, "ntu25"), TemporalConv(64, 64), 3).out_channels
        64
    """

    def __init__(
        self,
        spatial: nn.Module,
        temporal: nn.Module,
        in_channels: int,
        *,
        residual: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels: int = temporal.out_channels  # type: ignore[assignment]
        self.stride: int = temporal.stride  # type: ignore[assignment]
        self.residual = residual
        self.spatial = spatial
        self.temporal = temporal
        self.dropout = nn.Dropout(dropout)
        self.projects = residual and (in_channels != self.out_channels or self.stride != 1)
        if self.projects:
            self.shortcut = Linear(in_channels, self.out_channels)
            self.shortcut_norm = BatchNorm(self.out_channels)
            self._reset_shortcut()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        self.spatial.reset_parameters()  # type: ignore[operator]
        self.temporal.reset_parameters()  # type: ignore[operator]
        if self.projects:
            self._reset_shortcut()

    def _reset_shortcut(self) -> None:
        nn.init.kaiming_normal_(self.shortcut.weight, mode="fan_out")
        nn.init.zeros_(self.shortcut.bias)
        self.shortcut_norm.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs the block on the frames of a batch."""
        out = self.dropout(self.temporal(self.spatial(x, graph)))
        if self.projects:
            out = out + self.shortcut_norm(self.shortcut(x[:: self.stride]))
        elif self.residual:
            out = out + x
        return out.relu()

    def extra_repr(self) -> str:
        return f"residual={self.residual}"
