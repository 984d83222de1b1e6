"""The multi-step LIF as one autograd function: Norse's spikes with less memory traffic.

The membrane is elementwise, so the sequence is cut into pieces that stay in the cache while all
S steps run over them. Only the input is kept for the backward pass, which integrates again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sgnkit.nn.neuron import _compiled
from sgnkit.nn.neuron.surrogate import Surrogate, sigmoid

__all__ = ["MultiStepLIF"]

_PIECE = 3 << 15  # elements of one step in one piece: few for the cache, many for one call


def _pieces(x: Tensor) -> list[slice]:
    length = x.size(1)
    size = _PIECE * torch.get_num_threads() if x.device.type == "cpu" else max(1, length)
    return [slice(i, min(i + size, length)) for i in range(0, length, size)]


def _wide(x: Tensor) -> torch.dtype:
    """The type of membranes: no less than float32."""
    return torch.promote_types(x.dtype, torch.float32)


def _room(x: Tensor, steps: int) -> Tensor:
    """Memory for some steps of the longest piece, in the type of membranes."""
    length = max((part.stop - part.start for part in _pieces(x)), default=0)
    return torch.empty((steps, length), dtype=_wide(x), device=x.device)


def _integrate(
    x: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    membranes: Sequence[Tensor] | Tensor,
    marks: Tensor,
    quiet: bool = False,
) -> None:
    """Membranes before the reset and spikes of `x [S, L]`, step by step.

    The order of operations is that of Norse, to the last bit.

    Args:
        x: Drive.
        tau_inv: Inverse of the time constant.
        v_th: Threshold.
        v_reset: Where membranes start, and where a hard reset puts them.
        soft: Whether a spike subtracts the threshold instead.
        membranes: Where membranes are written, S of `[L]`.
        marks: Where spikes are written, `[S, L]`.
        quiet: Whether marks are 1 where there is no spike, and those of the last step are not
            needed; with a hard reset only.
    """
    v = torch.empty_like(membranes[0])
    spare = None if marks.dtype == v.dtype else torch.empty_like(v)
    for s, (x_s, h) in enumerate(zip(x, membranes, strict=True)):
        drive = x_s if x_s.dtype == h.dtype else h.copy_(x_s)
        if v_reset:
            drive = torch.add(drive, v_reset, out=h)
        if s:
            torch.sub(drive, v, out=h).mul_(tau_inv).add_(v)
        elif v_reset:
            torch.sub(drive, v_reset, out=h).mul_(tau_inv).add_(v_reset)
        else:
            torch.mul(drive, tau_inv, out=h)
        last = s + 1 == x.size(0)
        if quiet and last:
            break
        mark = (torch.le if quiet else torch.gt)(h, v_th, out=marks[s] if spare is None else spare)
        if spare is not None:
            marks[s].copy_(mark)
        if last:
            break
        if soft:
            torch.sub(h, mark * v_th, out=v)
        elif quiet:
            torch.mul(h, mark, out=v)
        else:
            torch.addcmul(h, h, mark, value=-1, out=v)
        if v_reset and not soft:
            v.add_(1 - mark if quiet else mark, alpha=v_reset)


def _gradients(
    grad: Tensor,
    membranes: Tensor,
    marks: Tensor,
    tau_inv: Tensor,
    v_th: Tensor,
    v_reset: float,
    soft: bool,
    detach: bool,
    surrogate: Surrogate,
    out: Tensor,
) -> float:
    """Writes the gradients of membranes before the spike to `out`, but for a factor: returns it.

    All are `[S, L]`; `marks` are those of quiet neurons with a hard reset.
    """
    slope, factor = None, 1.0
    if detach and surrogate is sigmoid:  # the derivative of PyTorch's own, but for a factor
        torch.add(-4.0 * v_th, membranes, alpha=4, out=out).sigmoid_()
        torch.ops.aten.sigmoid_backward.grad_input(grad, out, grad_input=out)
        factor = 4.0
    else:
        slope = surrogate(membranes - v_th)
        torch.mul(slope, grad, out=out)
    kept = 1 - tau_inv.to(grad.dtype)
    number = grad.device.type == "cpu"  # elsewhere, to ask for its value would make the host wait
    share = float(kept) if number else 1.0
    for s in reversed(range(len(grad) - 1)):
        later = out[s + 1] if number else out[s + 1] * kept
        if soft:
            out[s].add_(later, alpha=share)
        else:
            out[s].addcmul_(later, marks[s], value=share)
        if slope is not None and not detach:
            reset = v_th if soft else membranes[s] - v_reset
            out[s].addcmul_(later * reset, slope[s], value=-share)
    return factor


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
        if torch.compiler.is_compiling():
            return _compiled.plain_forward(x, tau_inv, v_th, v_reset, soft)
        ctx.compiled = compiled and x.numel() > 0 and _compiled.usable()
        if ctx.compiled:
            train = _compiled.forward(x, tau_inv, v_th, v_reset, soft)
            if train is not None:
                return train
            ctx.compiled = False
        out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        room = _room(x, 1)[0]
        for part in _pieces(x):
            to = out[:, part]
            membranes = [room[: to.size(1)]] * x.size(0)  # nobody reads that of a step before
            _integrate(x[:, part], tau_inv, v_th, v_reset, soft, membranes, to)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_z: Tensor) -> tuple[Tensor | None, ...]:
        x, tau_inv, v_th = ctx.saved_tensors
        v_reset, soft, detach, surrogate = ctx.options
        learn_tau = ctx.needs_input_grad[1]
        arguments: tuple[Any, ...] = (x, grad_z, tau_inv, v_th, *ctx.options, learn_tau)
        if torch.compiler.is_compiling():
            return *_compiled.plain_backward(*arguments), *(None,) * 6
        if ctx.compiled:
            grads = _compiled.backward(*arguments)
            if grads is not None:
                return *grads, *(None,) * 6
        grad_x = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        grad_tau = torch.zeros_like(tau_inv) if learn_tau else None
        rooms = [_room(x, x.size(0)) for _ in range(3 if x.dtype == _wide(x) else 4)]
        for part in _pieces(x):
            drive, to = x[:, part], grad_x[:, part]
            h, marks, out, *spare = (room[:, : to.size(1)] for room in rooms)
            grad = spare[0].copy_(grad_z[:, part]) if spare else grad_z[:, part]
            _integrate(drive, tau_inv, v_th, v_reset, soft, h, marks, quiet=not soft)
            options = v_reset, soft, detach, surrogate
            factor = _gradients(grad, h, marks, tau_inv, v_th, *options, out)
            if grad_tau is not None:  # the drive minus the membrane before: what 1 / tau multiplies
                before = _after_reset(h, marks, v_th, v_reset, soft)
                grad_tau += factor * (out * (drive.to(out.dtype) + v_reset - before)).sum()
            torch.mul(out, factor * tau_inv, out=out if spare else to)
            if spare:
                to.copy_(out)
        return grad_x, grad_tau, *(None,) * 6


def _after_reset(
    membranes: Tensor, marks: Tensor, v_th: Tensor, v_reset: float, soft: bool
) -> Tensor:
    """What each step starts from."""
    h, m = membranes[:-1], marks[:-1]
    after = h - m * v_th if soft else torch.where(m > 0, h, v_reset)
    return torch.cat([torch.full_like(membranes[:1], v_reset), after])
