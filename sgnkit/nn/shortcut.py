"""Shortcuts around spiking layers: joined with the spikes, or added to the membrane."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import norm_fire

__all__ = ["Residual", "SpikingShortcut"]

Residual = Literal["sew", "or", "membrane"]
"""How a shortcut joins the layer that it goes around."""


class SpikingShortcut(nn.Module):
    r"""The residual path $\mathrm{Res}(\mathbf{X})$ around a spiking layer.

    $$
    \text{SEW: } \mathrm{SN}(\mathbf{I}) + \mathbf{R}, \qquad
    \text{OR: } \mathrm{SN}(\mathbf{I}) \vee \mathbf{R}, \qquad
    \text{membrane: } \mathrm{SN}(\mathbf{I} + \mathrm{BN}(\mathbf{X}\mathbf{W}))
    $$

    where $\mathbf{I}$ is the current of the layer and $\mathbf{R} = \mathrm{SN}(\mathrm{BN}(
    \mathbf{X}\mathbf{W}))$, or $\mathbf{R} = \mathbf{X}$ where shapes agree; so with membrane.
    SEW is the addition of ["Deep Residual Learning in Spiking Neural
    Networks"](https://arxiv.org/abs/2102.04159); its sums reach 2 and more. OR, as in
    ["XOResNet"](https://arxiv.org/abs/2605.30362), keeps spikes 0 or 1, and since
    $a \vee r = r + a (1 - r)$ lets most of the gradient past the layer, as SEW does. The membrane
    path keeps spikes 0 or 1 as well, but takes the gradient through one more neuron a layer.

    Args:
        in_channels: Size of the input features.
        out_channels: Size of the output features.
        stride: Every how many frames the layer keeps one.
        mode: `"sew"`, `"or"`, `"membrane"`, or `None` for no shortcut.
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
        mode: Residual | None = "sew",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if mode not in (*get_args(Residual), None):
            raise ValueError(
                f"SpikingShortcut: residual must be 'sew', 'or', 'membrane' or None, got {mode!r}"
            )
        self.mode = mode
        self.stride = stride
        self.projects = mode is not None and (in_channels != out_channels or stride != 1)
        if self.projects:
            self.lin = Linear(in_channels, out_channels, bias=False, weight_initializer="glorot")
            self.norm = BatchNorm(out_channels, norm_scale)
            if mode != "membrane":
                self.neuron = like(neuron, LIF())

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        if self.projects:
            self.lin.reset_parameters()
            self.norm.reset_parameters()

    def join(
        self, x: Tensor, current: Tensor, neuron: nn.Module, norm: nn.Module | None = None
    ) -> Tensor:
        """Fires `neuron` on the current of a layer and joins what `x` brings past it.

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
        if self.mode == "or":
            return torch.addcmul(x, norm_fire(norm, neuron, current), 1 - x)
        return norm_fire(norm, neuron, current, plus=x)

    def extra_repr(self) -> str:
        return f"mode={self.mode}" + ("" if self.projects else ", identity")
