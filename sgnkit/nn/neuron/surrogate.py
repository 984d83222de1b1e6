"""Surrogate gradients: what stands in for the derivative of a spike."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["SURROGATES", "Surrogate", "get_surrogate"]

Surrogate = Callable[[Tensor], Tensor]
"""Maps `u = h - v_th` to the pseudo-derivative of the spike at `u`."""


def sigmoid(u: Tensor) -> Tensor:
    r"""Sigmoid of slope 4: $4\sigma(4u)(1 - \sigma(4u)) = 1 - \tanh^2(2u)$.

    The default of SpikingJelly, and Norse's `"tanh"` with `alpha=2`.
    """
    s = (u * 4.0).sigmoid_()
    return torch.addcmul(s, s, s, value=-1.0).mul_(4.0)


def superspike(u: Tensor) -> Tensor:
    r"""[SuperSpike](https://arxiv.org/abs/1705.11146): $(1 + |u|)^{-2}$, Norse's `"super"`."""
    return 1.0 / (u.abs() + 1.0).pow(2)


def atan(u: Tensor) -> Tensor:
    r"""Arc tangent of slope 2: $1 / (1 + (\pi u)^2)$."""
    return 1.0 / (1.0 + (u * math.pi).pow(2))


def triangle(u: Tensor) -> Tensor:
    r"""[Triangle](https://arxiv.org/abs/1603.08270): $\max(0, 1 - |u|)$, Norse's `"triangle"`."""
    return torch.relu(1 - u.abs())


def rect(u: Tensor) -> Tensor:
    r"""Rectangle of width 1: $1$ where $|u| < 1/2$, else $0$."""
    return (u.abs() < 0.5).to(u.dtype)


SURROGATES: dict[str, Surrogate] = {
    "sigmoid": sigmoid,
    "superspike": superspike,
    "atan": atan,
    "triangle": triangle,
    "rect": rect,
}
"""The surrogates known by name. Each is 1 at the threshold."""


def get_surrogate(surrogate: str | Surrogate) -> Surrogate:
    """Returns the surrogate called by that name, or the callable itself.

    Args:
        surrogate: A name from `SURROGATES`, or any function of `u = h - v_th`
            that works elementwise and keeps shape and dtype.

    Raises:
        ValueError: If no surrogate has that name.

    Examples:
        >>> get_surrogate("triangle")(torch.tensor([0.0, 0.5, 2.0])).tolist()
        [1.0, 0.5, 0.0]
    """
    if callable(surrogate):
        return surrogate
    if surrogate not in SURROGATES:
        raise ValueError(
            f"LIF: surrogate must be one of {sorted(SURROGATES)} or a callable, got {surrogate!r}"
        )
    return SURROGATES[surrogate]
