"""Batch normalisation over channels-last node features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.nn.synchronize import mean_over_processes, several_processes

__all__ = ["BatchNorm"]


class BatchNorm(nn.BatchNorm1d):
    r"""Batch normalisation of the last axis, statistics over all others.

    $$
    y = \gamma\,\frac{x - \mathrm{E}[x]}{\sqrt{\mathrm{Var}[x] + \epsilon}} + \beta
    $$

    Steps, frames and nodes share their statistics. Before a neuron, $\gamma$ at the start sets
    how far the input reaches towards the threshold.

    In a training of several processes each of them has statistics of its own, unless
    [`synchronize`][sgnkit.nn.synchronize] makes them share.

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
        self.synchronized = False
        super().__init__(num_features, **kwargs)

    def reset_parameters(self) -> None:
        """Resets statistics, scale and shift."""
        super().reset_parameters()
        if self.affine:
            nn.init.constant_(self.weight, self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last axis."""
        if self.synchronized and self.training and several_processes():
            return self._normalise_together(x.flatten(0, -2)).view(x.shape)
        return super().forward(x.flatten(0, -2)).view(x.shape)

    def _normalise_together(self, x: Tensor) -> Tensor:
        """Normalises rows by the mean and the variance of the rows of all processes."""
        var, mean = torch.var_mean(
            x.float() if x.dtype is not torch.float64 else x, 0, correction=0
        )
        var, mean = var.double(), mean.double()
        share = mean.new_full((1,), len(x))
        parts = mean_over_processes(torch.cat([mean * share, (var + mean**2) * share, share]))
        mean, square = (parts[:-1] / parts[-1]).chunk(2)
        var = square - mean**2
        if self.track_running_stats and self.running_mean is not None:
            assert self.running_var is not None and self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            rate = self.momentum
            rate = 1.0 / float(self.num_batches_tracked) if rate is None else rate
            rows = parts[-1].detach() * several_processes()
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean), rate)
                self.running_var.lerp_((var * rows / (rows - 1)).to(self.running_var), rate)
        scale = (var + self.eps).rsqrt()
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        return x * scale.to(x.dtype) + shift.to(x.dtype)
