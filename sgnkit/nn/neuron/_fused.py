"""The multi-step LIF as one autograd function: Norse's spikes with less memory traffic.

The membrane is elementwise, so the sequence is cut into pieces that stay in the cache while all
S steps run over them. Only the input is kept for the backward pass, which integrates again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sgnkit.nn.neuron import _compiled
from sgnkit.nn.neuron.surrogate import Surrogate, sigmoid

__all__ = ["MultiStepLIF"]

_PIECE = 1 << 15  # elements of one step in one piece: S of them fit into a core's cache


def _pieces(x: Tensor) -> list[slice]:
    length = x.size(1)
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return [slice(None)]  # lengths may be symbols there, which a range would fix
    size = _PIECE * torch.get_num_threads()
    return [slice(i, i + size) for i in range(0, length, size)]


def _is_wide(x: Tensor) -> bool:
    """Whether membranes have the type of the input, so that results can be written in place."""
    return x.dtype == torch.promote_types(x.dtype, torch.float32)


def _integrate(
    x: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    spikes: Tensor | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Membranes before the reset and spikes of `x [S, L]`, step by step.

    The order of operations is that of Norse, to the last bit. Spikes are written into `spikes`
    if it is given, and the lists then hold what the last step leaves.
    """
    membranes, fired = [], []
    wide = torch.promote_types(x.dtype, torch.float32)
    v: Tensor | None = None
    for s, x_s in enumerate(x):
        drive = x_s.to(wide)
        drive = drive + v_reset if v_reset else drive
        if v is not None:
            h = (drive - v).mul_(tau_inv).add_(v)
        elif v_reset:
            h = (drive - v_reset).mul_(tau_inv).add_(v_reset)
        else:
            h = drive * tau_inv
        z = torch.gt(h, v_th, out=torch.empty_like(h) if spikes is None else spikes[s])
        membranes.append(h)
        fired.append(z)
        if s + 1 == x.size(0):
            break
        if soft:
            v = torch.sub(h, z * v_th)
        else:
            v = torch.addcmul(h, h, z, value=-1)
            v = v.add_(z, alpha=v_reset) if v_reset else v
    return membranes, fired


def _times_slope(u: Tensor, grad: Tensor, surrogate: Surrogate) -> Tensor:
    """The gradient times the surrogate at `u`, which is overwritten."""
    if surrogate is sigmoid:  # the derivative of PyTorch's own, which is one pass less
        s = u.mul_(4.0).sigmoid_()
        return torch.ops.aten.sigmoid_backward(grad.to(u.dtype), s).mul_(4.0)
    return surrogate(u) * grad


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
        compiled: bool = False,
    ) -> Tensor:
        ctx.save_for_backward(x, tau_inv, v_th)
        ctx.options = v_reset, soft, detach, surrogate
        ctx.compiled = compiled and x.numel() > 0 and _compiled.usable()
        if ctx.compiled:
            train = _compiled.forward(x, tau_inv, v_th, v_reset, soft)
            if train is not None:
                return train
            ctx.compiled = False
        out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        wide = _is_wide(x)
        for part in _pieces(x):
            if wide:
                _integrate(x[:, part], tau_inv, v_th, v_reset, soft, out[:, part])
                continue
            _, spikes = _integrate(x[:, part], tau_inv, v_th, v_reset, soft)
            for s, z in enumerate(spikes):
                out[s, part] = z
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_z: Tensor) -> tuple[Tensor | None, ...]:
        x, tau_inv, v_th = ctx.saved_tensors
        v_reset, soft, detach, surrogate = ctx.options
        if ctx.compiled:
            grads = _compiled.backward(
                x, grad_z, tau_inv, v_th, *ctx.options, ctx.needs_input_grad[1]
            )
            if grads is not None:
                return *grads, *(None,) * 6
        grad_x = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        wide = _is_wide(x)
        grad_tau = torch.zeros_like(tau_inv) if ctx.needs_input_grad[1] else None
        for part in _pieces(x):
            membranes, spikes = _integrate(x[:, part], tau_inv, v_th, v_reset, soft)
            grad_v: Tensor | None = None  # with respect to the membrane after the reset
            for s in reversed(range(x.size(0))):
                h, z = membranes[s], spikes[s]
                slope = None if detach else surrogate(h - v_th)
                if slope is None:
                    grad_h = _times_slope(h - v_th, grad_z[s, part], surrogate)
                else:
                    grad_h = slope * grad_z[s, part]
                if grad_v is not None:
                    grad_h.add_(grad_v)
                    if not soft:
                        grad_h.addcmul_(grad_v, z, value=-1)
                    if slope is not None:
                        grad_h.sub_(grad_v * slope * (v_th if soft else h - v_reset))
                grad_drive = torch.mul(grad_h, tau_inv, out=grad_x[s, part] if wide else None)
                if not wide:
                    grad_x[s, part] = grad_drive
                if grad_tau is not None:
                    # the drive minus the membrane before: what 1 / tau multiplies
                    before = _after_reset(s - 1, membranes, spikes, v_th, v_reset, soft)
                    drive = x[s, part].to(h.dtype) + v_reset
                    grad_tau += (grad_h * (drive - before)).sum()
                grad_v = grad_h.sub_(grad_drive) if s else None
        return grad_x, grad_tau, *(None,) * 6


def _after_reset(
    s: int,
    membranes: list[Tensor],
    spikes: list[Tensor],
    v_th: Tensor,
    v_reset: float,
    soft: bool,
) -> Tensor | float:
    if s < 0:
        return v_reset
    h, z = membranes[s], spikes[s]
    return h - z * v_th if soft else torch.where(z > 0, v_reset, h)
