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

_PIECE = 1 << 16  # elements of one step in one piece: few for the cache, many for one call


def _pieces(x: Tensor) -> list[slice]:
    length = x.size(1)
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return [slice(None)]  # lengths may be symbols there, which a range would fix
    size = _PIECE * torch.get_num_threads()
    return [slice(i, i + size) for i in range(0, length, size)]


def _wide(x: Tensor) -> torch.dtype:
    """The type of membranes: no less than float32."""
    return torch.promote_types(x.dtype, torch.float32)


def _room(out: Tensor, dtype: torch.dtype) -> Tensor:
    """Where a piece of a result is written: in place if the type fits, else beside it."""
    return out if out.dtype == dtype else torch.empty(out.shape, dtype=dtype, device=out.device)


def _integrate(
    x: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    spikes: Tensor | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Membranes before the reset and spikes of `x [S, L]`, step by step; `x` is wide.

    The order of operations is that of Norse, to the last bit. Spikes are written into `spikes`
    if it is given, and the lists then hold what the last step leaves.
    """
    membranes, fired = [], []
    v: Tensor | None = None
    for s, x_s in enumerate(x):
        drive = x_s + v_reset if v_reset else x_s
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


def _through_spike(
    grad: Tensor, h: Tensor, v_th: Tensor, surrogate: Surrogate, more: Tensor | None
) -> Tensor:
    """The gradient of a spike times the surrogate at its membrane, plus more."""
    if surrogate is sigmoid:  # the derivative of PyTorch's own, and factors of 4 on the way
        s = torch.add(-4.0 * v_th, h, alpha=4).sigmoid_()
        product = torch.ops.aten.sigmoid_backward(grad, s)
        return product.mul_(4.0) if more is None else torch.add(more, product, alpha=4)
    product = surrogate(h - v_th) * grad
    return product if more is None else product.add_(more)


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
        wide = _wide(x)
        for part in _pieces(x):
            spikes = _room(out[:, part], wide)
            _integrate(x[:, part].to(wide), tau_inv, v_th, v_reset, soft, spikes)
            if wide != x.dtype:
                out[:, part] = spikes
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
        wide = _wide(x)
        grad_tau = torch.zeros_like(tau_inv) if ctx.needs_input_grad[1] else None
        for part in _pieces(x):
            drive, grad = x[:, part].to(wide), grad_z[:, part].to(wide)
            room = _room(grad_x[:, part], wide)
            membranes, spikes = _integrate(drive, tau_inv, v_th, v_reset, soft)
            grad_v: Tensor | None = None  # with respect to the membrane after the reset
            for s in reversed(range(x.size(0))):
                h, z = membranes[s], spikes[s]
                grad_h = _through_spike(grad[s], h, v_th, surrogate, grad_v)
                if grad_v is not None:
                    if not soft:
                        grad_h.addcmul_(grad_v, z, value=-1)
                    if not detach:
                        through_reset = grad_v * (v_th if soft else h - v_reset)
                        grad_h.sub_(_through_spike(through_reset, h, v_th, surrogate, None))
                grad_drive = torch.mul(grad_h, tau_inv, out=room[s])
                if grad_tau is not None:
                    # the drive minus the membrane before: what 1 / tau multiplies
                    before = _after_reset(s - 1, membranes, spikes, v_th, v_reset, soft)
                    grad_tau += (grad_h * (drive[s] + v_reset - before)).sum()
                grad_v = grad_h.sub_(grad_drive) if s else None
            if wide != x.dtype:
                grad_x[:, part] = room
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
