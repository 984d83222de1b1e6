"""Surrogate gradients: what stands in for the derivative of a spike."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["SURROGATES", "Surrogate", "get_surrogate", "name_and_slope"]

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


def get_surrogate(surrogate: str | Surrogate, slope: float = 1.0) -> Surrogate:
    """Returns the surrogate called by that name, or the callable itself.

    Args:
        surrogate: A name from `SURROGATES`, or any function of `u = h - v_th`
            that works elementwise and keeps shape and dtype.
        slope: How much steeper it is: the function is taken of `slope * u`.

    Raises:
        ValueError: If no surrogate has that name, or the slope is not positive.

    Examples:
        >>> get_surrogate("triangle")(torch.tensor([0.0, 0.5, 2.0])).tolist()
        [1.0, 0.5, 0.0]
        >>> get_surrogate("triangle", slope=0.5)(torch.tensor([0.0, 0.5, 2.0])).tolist()
        [1.0, 0.75, 0.0]
    """
    if not callable(surrogate) and surrogate not in SURROGATES:
        raise ValueError(
            f"LIF: surrogate must be one of {sorted(SURROGATES)} or a callable, got {surrogate!r}"
        )
    if not slope > 0:
        raise ValueError(f"LIF: surrogate_slope must be positive, got {slope}")
    function = surrogate if callable(surrogate) else SURROGATES[surrogate]
    return function if slope == 1 else _steeper(function, slope)


def name_and_slope(surrogate: Surrogate) -> tuple[str, float] | None:
    """Returns the name of a surrogate and how much steeper it is, or `None` if it has no name."""
    function, slope = _STEEPER.get(surrogate, (surrogate, 1.0))
    return next(((name, slope) for name, own in SURROGATES.items() if own is function), None)


_STEEPER: dict[Surrogate, tuple[Surrogate, float]] = {}


@functools.cache
def _steeper(function: Surrogate, slope: float) -> Surrogate:
    # One object for each pair: compiled loops recognise a function by identity.
    def steeper(u: Tensor) -> Tensor:
        return function(u * slope)

    _STEEPER[steeper] = function, slope
    return steeper
