"""The multi-step LIF as compiled loops: one read of the input, one write of the spikes.

The functions below say, step by step and for whole tensors, what
[`MultiStepLIF`][sgnkit.nn.neuron._fused] does piece by piece. `torch.compile` turns each into one
loop over the elements with the membrane in registers. On CUDA, Triton kernels take their place
where they know all of a neuron. Nothing is compiled before the first call, and the result is kept
on disk for the next process.
"""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sgnkit.nn.neuron.surrogate import Surrogate, name_and_slope

__all__ = ["backward", "forward", "plain_backward", "plain_forward", "usable"]

MOST_STEPS = 16
"""Steps that the kernels unroll at most: their membranes stay in registers."""

_broken = False


def usable() -> bool:
    """Whether compiled loops can be tried here and now."""
    return not _broken and not torch.compiler.is_compiling()


def forward(*arguments: Any) -> Tensor | None:
    """Returns the spikes of `x [S, L]`, or None where nothing can be compiled."""
    return _run(_forward, *arguments)


def backward(*arguments: Any) -> tuple[Tensor, Tensor | None] | None:
    """Returns the gradients of input and rate, or None where nothing can be compiled."""
    return _run(_backward, *arguments)


def _forward(x: Tensor, tau_inv: Tensor, v_th: Tensor, v_reset: float, soft: bool) -> Tensor:
    if _has_kernels(x, tau_inv, v_th):
        from sgnkit.nn.neuron import _kernels

        return _kernels.fire(x.contiguous(), tau_inv, v_th, v_reset, soft)
    return _compile(plain_forward)(x, tau_inv, v_th, v_reset, soft)  # type: ignore[no-any-return]


def _backward(*arguments: Any) -> tuple[Tensor, Tensor | None]:
    x, grad_z, tau_inv, v_th, v_reset, soft, detach, surrogate, learn_tau = arguments
    known = name_and_slope(surrogate)
    if known and detach and not learn_tau and _has_kernels(x, tau_inv, v_th):
        from sgnkit.nn.neuron import _kernels

        x, grad_z = x.contiguous(), grad_z.contiguous()
        return _kernels.fire_backward(x, grad_z, tau_inv, v_th, v_reset, soft, known), None
    return _compile(plain_backward)(*arguments)  # type: ignore[no-any-return]


def _has_kernels(x: Tensor, *constants: Tensor) -> bool:
    """Whether Triton kernels can run a neuron on these tensors; they need a GPU."""
    return (
        x.is_cuda
        and x.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and all(c.is_cuda and c.dtype == torch.float32 for c in constants)
        and x.size(0) <= MOST_STEPS
        and _triton()
    )


@functools.cache
def _triton() -> bool:
    """Whether Triton is there, and new enough to keep the membranes of all steps: 3.3 or later."""
    try:
        major, minor = importlib.metadata.version("triton").split(".")[:2]
    except importlib.metadata.PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (3, 3)


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    global _broken
    try:
        return function(*arguments)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # no C++ compiler, a surrogate that cannot be traced, ...
        _broken = True
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        warnings.warn(
            f"LIF: compiled loops are not available ({reason[:120]}); the fused backend takes "
            "over, with the same results",
            stacklevel=5,
        )
        return None


@functools.cache
def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=True)


def _step(
    x_s: Tensor, v: Tensor | None, tau_inv: Tensor, v_th: Tensor, v_reset: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Drive minus membrane, membrane before the reset, spike."""
    drive = x_s.to(torch.promote_types(x_s.dtype, torch.float32))
    v = torch.full_like(drive, v_reset) if v is None else v
    pull = (drive + v_reset if v_reset else drive) - v
    h = pull * tau_inv + v
    return pull, h, (h > v_th).to(h.dtype)


def _reset(h: Tensor, z: Tensor, v_th: Tensor, v_reset: float, soft: bool) -> Tensor:
    if soft:
        return h - z * v_th
    v = h - h * z
    return v + v_reset * z if v_reset else v


def plain_forward(x: Tensor, tau_inv: Tensor, v_th: Tensor, v_reset: float, soft: bool) -> Tensor:
    """Returns the spikes of `x [S, L]`, by operations that a compiler can join."""
    v, spikes = None, []
    for x_s in x.unbind(0):
        _, h, z = _step(x_s, v, tau_inv, v_th, v_reset)
        spikes.append(z.to(x.dtype))
        v = _reset(h, z, v_th, v_reset, soft)
    return torch.stack(spikes)


def plain_backward(
    x: Tensor,
    grad_z: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    detach: bool,
    surrogate: Surrogate,
    learn_tau: bool,
) -> tuple[Tensor, Tensor | None]:
    """Returns the gradients of input and rate, by operations that a compiler can join."""
    v, history = None, []
    for x_s in x.unbind(0):
        pull, h, z = _step(x_s, v, tau_inv, v_th, v_reset)
        history.append((pull, h, z))
        v = _reset(h, z, v_th, v_reset, soft)
    grad_v, grad_tau, grads = None, None, []
    for (pull, h, z), grad in zip(reversed(history), reversed(grad_z.unbind(0)), strict=True):
        slope = surrogate(h - v_th)
        grad_h = slope * grad
        if grad_v is not None:
            grad_h = grad_h + (grad_v if soft else grad_v - grad_v * z)
            if not detach:
                grad_h = grad_h - grad_v * slope * (v_th if soft else h - v_reset)
        grad_drive = grad_h * tau_inv
        if learn_tau:
            part = (grad_h * pull).sum()
            grad_tau = part if grad_tau is None else grad_tau + part
        grads.append(grad_drive.to(x.dtype))
        grad_v = grad_h - grad_drive
    return torch.stack(grads[::-1]), grad_tau
