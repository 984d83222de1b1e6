"""Batch normalisation over channels-last node features."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

__all__ = ["BatchNorm"]


class BatchNorm(nn.BatchNorm1d):
    r"""Batch normalisation of the last axis, statistics over all others.

    $$
    y = \gamma\,\frac{x - \mathrm{E}[x]}{\sqrt{\mathrm{Var}[x] + \epsilon}} + \beta
    $$

    Steps, frames and nodes share their statistics. Before a neuron, $\gamma$ at the start sets
    how far the input reaches towards the threshold.

    Args:
        num_features: Size of the last axis.
        scale: The start value of $\gamma$.
        **kwargs: Other arguments of `torch.nn.BatchNorm1d`.

    Shapes:
        - **x**: $(*, C)$
        - **returns**: $(*, C)$
    """

    def __init__(self, num_features: int, scale: float = 1.0, **kwargs: Any) -> None:
        self.scale = scale
        super().__init__(num_features, **kwargs)

    def reset_parameters(self) -> None:
        """Resets statistics, scale and shift."""
        super().reset_parameters()
        if self.affine:
            nn.init.constant_(self.weight, self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last axis."""
        return super().forward(x.flatten(0, -2)).view(x.shape)
