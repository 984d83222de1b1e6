"""Shortcuts around spiking layers: added to the spikes, or to the membrane."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import norm_fire

__all__ = ["SpikingShortcut"]


class SpikingShortcut(nn.Module):
    r"""The residual path $\mathrm{Res}(\mathbf{X})$ around a spiking layer.

    $$
    \text{SEW: } \mathrm{SN}(\mathbf{I}) + \mathrm{SN}(\mathrm{BN}(\mathbf{X}\mathbf{W})), \qquad
    \text{membrane: } \mathrm{SN}(\mathbf{I} + \mathrm{BN}(\mathbf{X}\mathbf{W}))
    $$

    where $\mathbf{I}$ is the current of the layer. The path is the identity where shapes agree.
    SEW is the addition of ["Deep Residual Learning in Spiking Neural
    Networks"](https://arxiv.org/abs/2102.04159).

    Args:
        in_channels: Size of the input features.
        out_channels: Size of the output features.
        stride: Every how many frames the layer keeps one.
        mode: `"sew"`, `"membrane"`, or `None` for no shortcut.
        neuron: The spiking neuron; this place gets its own copy.
        norm_scale: The start scale of the batch norm.

    Shapes:
        - **x**: $(S, T, N, C_{in})$
        - **current**: $(S, \lceil T / \text{stride} \rceil, N, C_{out})$
        - **returns**: as **current**

    Raises:
        ValueError: If the mode is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        mode: Literal["sew", "membrane"] | None = "sew",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if mode not in ("sew", "membrane", None):
            raise ValueError(
                f"SpikingShortcut: residual must be 'sew', 'membrane' or None, got {mode!r}"
            )
        self.mode = mode
        self.stride = stride
        self.projects = mode is not None and (in_channels != out_channels or stride != 1)
        if self.projects:
            self.lin = Linear(in_channels, out_channels, bias=False, weight_initializer="glorot")
            self.norm = BatchNorm(out_channels, norm_scale)
            if mode == "sew":
                self.neuron = like(neuron, LIF())

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        if self.projects:
            self.lin.reset_parameters()
            self.norm.reset_parameters()

    def join(
        self, x: Tensor, current: Tensor, neuron: nn.Module, norm: nn.Module | None = None
    ) -> Tensor:
        """Fires `neuron` on the current of a layer and adds what `x` brings past it.

        Args:
            x: The input of the layer.
            current: Its current, normalised unless there is a `norm`.
            neuron: Its neuron.
            norm: What still has to normalise the current.
        """
        if self.mode is None:
            return norm_fire(norm, neuron, current)
        if self.projects:
            x = self.lin(x[:, :: self.stride])
        if self.mode == "membrane":
            current = current if norm is None else norm(current)
            return neuron(current + (self.norm(x) if self.projects else x))
        x = norm_fire(self.norm, self.neuron, x) if self.projects else x
        return norm_fire(norm, neuron, current, plus=x)

    def extra_repr(self) -> str:
        return f"mode={self.mode}" + ("" if self.projects else ", identity")
