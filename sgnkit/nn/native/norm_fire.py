"""Batch norm, multi-step LIF and shortcut as one autograd function on the CPU."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sgnkit.nn.native.library import library, pointer

__all__ = ["SURROGATE_NUMBERS", "Constants", "NormFire"]

SURROGATE_NUMBERS = {"sigmoid": 0, "superspike": 1, "atan": 2, "triangle": 3, "rect": 4}


class _Neuron(ctypes.Structure):
    _fields_ = [
        ("tau_inv", ctypes.c_float),
        ("v_th", ctypes.c_float),
        ("v_reset", ctypes.c_float),
        ("slope", ctypes.c_float),
        ("soft", ctypes.c_int32),
        ("surrogate", ctypes.c_int32),
    ]


class Constants(NamedTuple):
    """The numbers of a neuron."""

    tau_inv: float
    v_th: float
    v_reset: float
    slope: float
    soft: bool
    surrogate: str

    def pointer(self) -> Any:
        """The same as the loops take it."""
        return ctypes.byref(_Neuron(*self[:4], self.soft, SURROGATE_NUMBERS[self.surrogate]))


def batch_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and biased variance over all but the last axis, in float32."""
    channels = x.size(-1)
    mean, var = torch.empty(2, channels).unbind(0)
    loops = library()
    assert loops is not None
    loops.sgnkit_stats(
        _kind(x), pointer(x), ctypes.c_long(x.numel() // channels), ctypes.c_long(channels),
        pointer(mean), pointer(var),
    )  # fmt: skip
    return mean, var


class NormFire(torch.autograd.Function):
    r"""Spikes of $\gamma (x - \mathrm{mean}) / \sqrt{\mathrm{var} + \epsilon} + \beta$, plus
    what a shortcut adds.

    `x` is contiguous `[S, *, C]`; with `steps` it is one step `[*, C]` that all steps see.
    Without `mean` there is no normalisation. `centred` says that mean and variance are those of
    `x`, so that gradients flow through them too.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor | None,
        var: Tensor | None,
        eps: float,
        centred: bool,
        plus: Tensor | None,
        steps: int | None,
        neuron: Constants,
    ) -> Tensor:
        scale = shift = inverse = None
        if mean is not None and var is not None:
            inverse = (var.float() + eps).rsqrt()
            scale = inverse if weight is None else inverse * weight.float()
            shift = -mean.float() * scale if bias is None else bias.float() - mean.float() * scale
        shape = x.shape if steps is None else (steps, *x.shape)
        out = torch.empty(shape, dtype=x.dtype)
        loops = library()
        assert loops is not None
        loops.sgnkit_fire(
            _kind(x), pointer(x), pointer(plus), pointer(out), *_sizes(out, steps),
            pointer(scale), pointer(shift), neuron.pointer(),
        )  # fmt: skip
        ctx.save_for_backward(x, scale, shift, None if mean is None else mean.float(), inverse)
        ctx.options = centred, steps, neuron
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, mean, inverse = ctx.saved_tensors
        centred, steps, neuron = ctx.options
        grad = grad.contiguous()
        out = torch.empty_like(x)
        channels = x.size(-1)
        sums = None if mean is None else torch.zeros(2, channels, dtype=torch.float64)
        loops = library()
        assert loops is not None
        loops.sgnkit_fire_backward(
            _kind(x), pointer(x), pointer(grad), pointer(out), *_sizes(grad, steps),
            pointer(scale), pointer(shift), pointer(mean), pointer(sums), neuron.pointer(),
        )  # fmt: skip
        plus = grad if ctx.needs_input_grad[7] else None
        if sums is None:
            return out, *(None,) * 6, plus, None, None
        total, product = sums.unbind(0)
        rows = x.numel() // channels
        first = (total / rows).float() if centred else torch.zeros(channels)
        second = (product / rows * inverse.double() ** 2).float() if centred else first
        loops.sgnkit_centre(
            _kind(x), pointer(out), pointer(x), ctypes.c_long(x.numel()), ctypes.c_long(channels),
            pointer(scale), pointer(mean), pointer(first), pointer(second),
        )  # fmt: skip
        needs = ctx.needs_input_grad
        grad_weight = (product * inverse).float() if needs[1] else None
        grad_bias = total.float() if needs[2] else None
        return out, grad_weight, grad_bias, *(None,) * 4, plus, None, None


def _sizes(train: Tensor, steps: int | None) -> tuple[Any, ...]:
    """Steps, elements of a step, whether all steps see one input, channels."""
    return (
        ctypes.c_long(train.size(0)),
        ctypes.c_long(train.numel() // train.size(0)),
        ctypes.c_int(steps is not None),
        ctypes.c_long(train.size(-1)),
    )


def _kind(x: Tensor) -> ctypes.c_int:
    return ctypes.c_int(x.dtype == torch.bfloat16)
