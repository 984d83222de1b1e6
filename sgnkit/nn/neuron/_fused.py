"""The multi-step LIF as one autograd function: Norse's spikes with less memory traffic.

The membrane is elementwise, so the sequence is cut into pieces that stay in the cache while all
S steps run over them, and only the membrane before the reset is kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sgnkit.nn.neuron.surrogate import Surrogate

__all__ = ["MultiStepLIF"]

_PIECE = 1 << 16  # elements of one step and piece


def _pieces(x: Tensor) -> list[slice]:
    length = x.size(1)
    whole = x.device.type != "cpu" or torch.compiler.is_compiling()
    size = length if whole else _PIECE
    return [slice(i, i + size) for i in range(0, length, size)] if length else []


class MultiStepLIF(torch.autograd.Function):
    """Spikes `[S, L]` of a leaky integrate-and-fire layer driven by `x [S, L]`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        tau_inv: Tensor,
        v_th: Tensor,
        v_reset: float,
        soft: bool,
        detach: bool,
        surrogate: Surrogate,
    ) -> Tensor:
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        keep = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        membrane = torch.empty(x.shape if keep else 0, dtype=wide, device=x.device)
        z = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        for part in _pieces(x):
            v: Tensor | None = None
            for s in range(x.size(0)):
                drive = x[s, part].to(wide)
                if v is None:
                    v = torch.full_like(drive, v_reset)
                if v_reset:
                    drive = drive + v_reset
                # Norse's order of operations, to the last bit
                v = v.add_((drive - v).mul_(tau_inv))
                if keep:
                    membrane[s, part] = v
                fired = v > v_th
                z[s, part] = fired
                v = v.sub_(fired * v_th) if soft else v.masked_fill_(fired, v_reset)
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, membrane, z, tau_inv, v_th)
        ctx.options = v_reset, soft, detach, surrogate
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_z: Tensor) -> tuple[Tensor | None, ...]:
        x, membrane, z, tau_inv, v_th = ctx.saved_tensors
        v_reset, soft, detach, surrogate = ctx.options
        wide = membrane.dtype
        grad_x = torch.empty_like(z)
        grad_tau = torch.zeros((), dtype=wide, device=z.device)
        for part in _pieces(z):
            grad_v: Tensor | None = None  # with respect to the membrane after the reset
            for s in reversed(range(z.size(0))):
                h, fired = membrane[s, part], z[s, part]
                slope = surrogate(h - v_th)
                grad_h = grad_z[s, part].to(wide) * slope
                if grad_v is not None:
                    if not soft:
                        grad_h.addcmul_(grad_v, fired, value=-1)
                    if not detach:
                        grad_h.sub_(grad_v * slope * (v_th if soft else h - v_reset))
                    grad_h.add_(grad_v)
                grad_drive = grad_h * tau_inv
                grad_x[s, part] = grad_drive
                if x is not None:
                    grad_tau += (grad_h * _drive_minus_v(x, membrane, z, s, part, ctx)).sum()
                grad_v = grad_h.sub_(grad_drive)
        return grad_x, None if x is None else grad_tau.to(tau_inv.dtype), *(None,) * 5


def _drive_minus_v(x: Tensor, h: Tensor, z: Tensor, s: int, part: slice, ctx: Any) -> Tensor:
    """What 1 / tau multiplies at step s: drive minus the membrane after the last reset."""
    v_reset, soft, *_ = ctx.options
    drive = x[s, part].to(h.dtype) + v_reset
    if s == 0:
        return drive - v_reset
    v, fired = h[s - 1, part], z[s - 1, part].to(h.dtype)
    v_th = ctx.saved_tensors[-1]
    return drive - (v - fired * v_th if soft else torch.where(fired > 0, v_reset, v))
