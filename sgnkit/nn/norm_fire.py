"""Batch norm, neuron and shortcut in one go, where a compiled loop can do it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from sgnkit.nn.native.norm_fire import Constants, NormFire, batch_statistics
from sgnkit.nn.neuron import LIF
from sgnkit.nn.norm import BatchNorm

__all__ = ["constants", "norm_fire"]


def norm_fire(
    norm: nn.Module | None,
    neuron: nn.Module,
    x: Tensor,
    plus: Tensor | None = None,
    steps: int | None = None,
) -> Tensor:
    """Returns `neuron(norm(x)) + plus`.

    A [`LIF`][sgnkit.nn.LIF] with `backend="compiled"` after a
    [`BatchNorm`][sgnkit.nn.BatchNorm] on the CPU takes one pass over the memory instead of three,
    and in training keeps the input alone for the backward pass. In float32 the current differs
    from the plain one by rounding, in bfloat16 it is not rounded before the neuron sees it.

    Args:
        norm: The normalisation; `None` leaves it out.
        neuron: The spiking neuron.
        x: The currents.
        plus: What a shortcut adds to the spikes.
        steps: How many steps see the same `x`, which then has no axis of its own for them.

    Shapes:
        - **x**: $(S, *, C)$, or $(*, C)$ with `steps`
        - **plus**: $(S, *, C)$
        - **returns**: $(S, *, C)$
    """
    numbers = constants(neuron, x)
    moments = None if numbers is None else _moments(norm, x)
    if numbers is None or moments is None:
        current = x if norm is None else norm(x)
        if steps is not None:
            current = current.unsqueeze(0).expand(steps, *current.shape)
        out = neuron(current)
        return out if plus is None else out + plus
    if steps == 1:
        x, steps = x.unsqueeze(0), None
    shape = x.shape if steps is None else (steps, *x.shape)
    fits = plus is not None and plus.shape == shape and plus.dtype == x.dtype
    inside = plus.contiguous() if plus is not None and fits else None
    weight, bias, mean, var, eps, centred = moments
    out = NormFire.apply(
        x.contiguous(), weight, bias, mean, var, eps, centred, inside, steps, numbers
    )
    return out if plus is None or fits else out + plus


def constants(neuron: nn.Module, *tensors: Tensor) -> Constants | None:
    """Returns the numbers of a neuron if compiled loops can stand in for it on these tensors."""
    if not isinstance(neuron, LIF) or _watched(neuron):
        return None
    return neuron.loop_constants(*tensors)


_Moments = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, float, bool]


def _moments(norm: nn.Module | None, x: Tensor) -> _Moments | None:
    """Scale, shift, mean, variance, epsilon, and whether the moments are those of the batch.

    `None` where only the module itself can tell.
    """
    if norm is None:
        return None, None, None, None, 0.0, False
    rows = x.numel() // x.size(-1)
    if type(norm) is not BatchNorm or _watched(norm) or rows < 2:
        return None
    if norm.training and getattr(norm, "synchronized", False):
        return None
    mean, var = norm.running_mean, norm.running_var
    centred = norm.training or mean is None
    if centred:
        mean, var = batch_statistics(x.detach().contiguous())
        if norm.training and norm.track_running_stats and norm.running_mean is not None:
            _remember(norm, mean, var * (rows / (rows - 1)))
    return norm.weight, norm.bias, mean, var, norm.eps, centred


@torch.no_grad()
def _remember(norm: BatchNorm, mean: Tensor, var: Tensor) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked += 1
    rate = norm.momentum
    rate = 1.0 / float(norm.num_batches_tracked) if rate is None else rate
    norm.running_mean.lerp_(mean.to(norm.running_mean), rate)
    norm.running_var.lerp_(var.to(norm.running_var), rate)


def _watched(module: nn.Module) -> bool:
    """Whether hooks wait for the module to be called."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or torch_module._has_any_global_hook()
    )
