"""Spiking self-attention and the neuron after it as one autograd function on the CPU."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sgnkit.nn.native.library import library, pointer
from sgnkit.nn.native.norm_fire import Constants

__all__ = ["HEAD_WIDTHS", "Attend"]

HEAD_WIDTHS = (4, 8, 16, 32)
"""Channels of a head for which there are loops."""


class Attend(torch.autograd.Function):
    r"""Spikes $\mathrm{LIF}(c\,\mathbf{Q}\mathbf{K}^{\top}\mathbf{V})$ of `qkv [S, *, N, 3 C]`,
    whose nodes stand in groups of `joints`.
    """

    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, joints: int, heads: int, scale: float, neuron: Constants
    ) -> Tensor:
        ctx.save_for_backward(qkv)
        ctx.options = joints, heads, scale, neuron
        out = qkv.new_empty(*qkv.shape[:-1], qkv.size(-1) // 3)
        _call("sgnkit_attend", (qkv, out), out, *ctx.options)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (qkv,) = ctx.saved_tensors
        out = torch.empty_like(qkv)
        _call("sgnkit_attend_backward", (qkv, grad.contiguous(), out), grad, *ctx.options)
        return out, None, None, None, None


def _call(
    name: str,
    tensors: tuple[Tensor, ...],
    like: Tensor,
    joints: int,
    heads: int,
    scale: float,
    neuron: Constants,
) -> None:
    steps, channels = like.size(0), like.size(-1)
    groups = like.numel() // (steps * joints * channels)
    sizes = (ctypes.c_long(n) for n in (steps, groups, joints, channels, heads))
    found = getattr(library(), name)(
        ctypes.c_int(like.dtype == torch.bfloat16), *map(pointer, tensors), *sizes,
        ctypes.c_float(scale), neuron.pointer(),
    )  # fmt: skip
    assert found, f"no loop for heads of {channels // heads} channels"
