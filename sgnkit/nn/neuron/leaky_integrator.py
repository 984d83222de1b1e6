"""A leaky integrator that never fires, for read-outs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LeakyIntegrator"]


class LeakyIntegrator(nn.Module):
    r"""Leaky integrator without a threshold: the membrane itself is the output.

    $$
    v^{(s)} = v^{(s-1)} + \tfrac{1}{\tau}\bigl(x^{(s)} - v^{(s-1)}\bigr), \qquad v^{(0)} = 0
    $$

    Args:
        tau: Membrane time constant in spiking steps, at least 1.

    Shapes:
        - **x**: $(S, *)$, spiking steps first
        - **returns**: membrane potentials $(S, *)$, in the dtype of **x**

    Raises:
        ValueError: If `tau` is below 1.

    Examples:
        >>> LeakyIntegrator(tau=2.0)(torch.ones(3, 1)).flatten().tolist()
        [0.5, 0.75, 0.875]
    """

    tau_inv: Tensor

    def __init__(self, tau: float = 2.0) -> None:
        super().__init__()
        if not tau >= 1:
            raise ValueError(f"LeakyIntegrator: tau must be at least 1 step, got {tau}")
        self.register_buffer("tau_inv", torch.tensor(1.0 / tau))

    def forward(self, x: Tensor) -> Tensor:
        """Runs the whole sequence from rest and returns the membrane at every step."""
        v, trace = None, []
        for x_s in x:
            out, v = self.step(x_s, v)
            trace.append(out)
        return torch.stack(trace)

    def step(self, x: Tensor, v: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns the membrane after one step, as output and as state; `None` means rest."""
        v = torch.zeros_like(x) if v is None else v
        v = v + self.tau_inv.to(x.dtype) * (x - v)
        return v, v

    def extra_repr(self) -> str:
        return f"tau={1 / float(self.tau_inv):.3g}"
