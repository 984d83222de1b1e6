"""Weighted sums over edges in one pass: what messages and their sum give, without the messages."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["edge_sum"]

_PIECE = 1 << 22  # elements of the products from which the gradient of the weights is summed


def edge_sum(x: Tensor, edge_index: Tensor, weight: Tensor, size: int) -> Tensor:
    """Returns the sum of `weight * x[source]` at each target.

    Shapes:
        - **x**: (*, sources, C), **edge_index**: (2, E), **weight**: (E)
        - **returns**: (*, size, C)
    """
    rows = x.reshape(-1, *x.shape[-2:])
    return _EdgeSum.apply(rows, weight.to(x.dtype), edge_index, size).view(
        *x.shape[:-2], size, x.size(-1)
    )


def _sum(x: Tensor, source: Tensor, target: Tensor, weight: Tensor, size: int) -> Tensor:
    copies, nodes, channels = x.shape
    order = target.argsort(stable=True)
    count = torch.bincount(target, minlength=size)
    copy = torch.arange(copies, device=x.device).unsqueeze(1)
    sums = F.embedding_bag(
        (source[order] + copy * nodes).flatten(),
        x.reshape(-1, channels),
        (count.cumsum(0) - count + copy * source.numel()).flatten(),
        mode="sum",
        per_sample_weights=weight[order].repeat(copies),
    )
    return sums.view(copies, size, channels)


class _EdgeSum(torch.autograd.Function):
    """The sum as a lookup of rows; its gradient is the same sum with the edges turned round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, edge_index: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(x if weight.requires_grad else None, weight, edge_index)
        ctx.nodes = x.size(1)
        return _sum(x, edge_index[0], edge_index[1], weight, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, (source, target) = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = _sum(grad, target, source, weight, ctx.nodes)
        if ctx.needs_input_grad[1]:
            grad_weight = torch.zeros_like(weight)
            piece = max(1, _PIECE // max(1, weight.numel() * grad.size(2)))
            for rows, grads in zip(x.split(piece), grad.split(piece), strict=True):
                grad_weight += (rows[:, source] * grads[:, target]).sum((0, 2))
        return grad_x, grad_weight, None, None
