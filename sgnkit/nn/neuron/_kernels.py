"""The multi-step LIF as Triton kernels: one read of the input, one write of the spikes.

`torch.compile` would make something like it, but lets the GPU fuse multiplication and addition,
which rounds where Norse does not, and is free to read the input again for each step.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["fire", "fire_backward"]

_AS_WRITTEN = {"enable_fp_fusion": False}


def neurons_of_a_program(steps: int) -> int:
    """Returns eight for each of 128 threads, fewer where many steps have to fit into registers."""
    return 4096 // max(4, triton.next_power_of_2(steps))


def fire(x: Tensor, tau_inv: Tensor, v_th: Tensor, v_reset: float, soft: bool) -> Tensor:
    """Returns the spikes of `x [S, L]`, to the last bit those of Norse."""
    out = torch.empty_like(x)
    steps, length = x.shape
    block = neurons_of_a_program(steps)
    with torch.cuda.device_of(x):
        _fire[(triton.cdiv(length, block),)](
            x, out, tau_inv, v_th, v_reset, length, S=steps, SOFT=soft, BLOCK=block, **_AS_WRITTEN
        )
    return out


def fire_backward(
    x: Tensor,
    grad_z: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    surrogate: tuple[str, float],
) -> Tensor:
    """Returns the gradient of `x [S, L]`, with the reset detached.

    Args:
        x: Drive, contiguous like `grad_z`.
        grad_z: Gradient of the spikes.
        tau_inv: Inverse of the time constant.
        v_th: Threshold.
        v_reset: Where membranes start, and where a hard reset puts them.
        soft: Whether a spike subtracts the threshold instead.
        surrogate: Its name and slope.
    """
    out = torch.empty_like(x)
    steps, length = x.shape
    kind, slope = surrogate
    block = neurons_of_a_program(steps)
    with torch.cuda.device_of(x):
        _fire_backward[(triton.cdiv(length, block),)](
            x, grad_z, out, tau_inv, v_th, v_reset, slope, length,
            S=steps, SOFT=soft, KIND=kind, BLOCK=block, **_AS_WRITTEN,
        )  # fmt: skip
    return out


@triton.jit
def _charge(x_s, v, tau_inv, v_reset):  # type: ignore[no-untyped-def]
    return (x_s.to(tl.float32) + v_reset - v) * tau_inv + v


@triton.jit
def _fire(  # type: ignore[no-untyped-def]
    x, out, rate, threshold, v_reset, length,
    S: tl.constexpr, SOFT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < length
    tau_inv, v_th = tl.load(rate), tl.load(threshold)
    v = tl.full([BLOCK], 0.0, tl.float32) + v_reset
    for _ in tl.static_range(S):
        h = _charge(tl.load(x + at, inside), v, tau_inv, v_reset)
        tl.store(out + at, tl.where(h > v_th, 1.0, 0.0).to(out.dtype.element_ty), inside)
        v = tl.where(h > v_th, h - v_th if SOFT else v_reset, h)
        at += length


@triton.jit
def _fire_backward(  # type: ignore[no-untyped-def]
    x, grad, out, rate, threshold, v_reset, slope, length,
    S: tl.constexpr, SOFT: tl.constexpr, KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < length
    tau_inv, v_th = tl.load(rate), tl.load(threshold)
    v = tl.full([BLOCK], 0.0, tl.float32) + v_reset
    membranes = ()
    for _ in tl.static_range(S):
        h = _charge(tl.load(x + at, inside), v, tau_inv, v_reset)
        membranes = membranes + (h,)  # type: ignore[assignment]  # noqa: RUF005
        v = tl.where(h > v_th, h - v_th if SOFT else v_reset, h)
        at += length
    d = tl.full([BLOCK], 0.0, tl.float32)  # gradient of the membrane after a step
    for s in tl.static_range(S - 1, -1, -1):
        at -= length
        h = membranes[s]
        own = _surrogate((h - v_th) * slope, KIND) * tl.load(grad + at, inside).to(tl.float32)
        before = own + (d if SOFT else tl.where(h > v_th, 0.0, d))
        drive = before * tau_inv
        tl.store(out + at, drive.to(out.dtype.element_ty), inside)
        d = before - drive


@triton.jit
def _surrogate(u, KIND: tl.constexpr):  # type: ignore[no-untyped-def]
    w = tl.abs(u)
    if KIND == "sigmoid":
        e = tl.exp(-4.0 * w)
        return 4.0 * e / ((1.0 + e) * (1.0 + e))
    elif KIND == "superspike":
        return 1.0 / ((1.0 + w) * (1.0 + w))
    elif KIND == "atan":
        return 1.0 / (1.0 + (w * 3.14159265) * (w * 3.14159265))
    elif KIND == "triangle":
        return tl.maximum(1.0 - w, 0.0)
    else:
        tl.static_assert(KIND == "rect")
        return tl.where(w < 0.5, 1.0, 0.0)
