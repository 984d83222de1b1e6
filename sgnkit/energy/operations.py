"""Counts of single operations: dense, and with one operand that only spikes now and then."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["convolution_events", "convolution_macs", "matmul_events", "matmul_macs"]


def matmul_macs(a: Tensor, b: Tensor) -> int:
    r"""Returns the products of $(*, n, k) \times (*, k, m)$, of a sparse matrix its entries'."""
    for matrix, other in ((a, b), (b, a)):
        if matrix.layout is not torch.strided:
            entries = matrix._nnz()
            return entries * (other.size(-1) if matrix is a else other.size(-2))
    return a.numel() * b.size(-1)


def matmul_events(a: Tensor, b: Tensor, a_spikes: bool, b_spikes: bool) -> float:
    r"""Returns the additions of $(*, n, k) \times (*, k, m)$ where at least one operand spikes.

    A spike of value $q$ adds a row or column of the other operand $q$ times. Where both operands
    spike, only the terms count in which both are not zero.
    """
    if a_spikes and b_spikes:
        return min(
            float((_value(a, -2) * _support(b, -1)).sum()),
            float((_support(a, -2) * _value(b, -1)).sum()),
        )
    if a_spikes:
        return float(_value(a)) * b.size(-1)
    return float(_value(b)) * a.size(-2)


def convolution_macs(x: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> int:
    """Returns the dense products, those with the padding included."""
    places = math.prod((x if transposed else out).shape[2:])
    return x.size(0) * places * weight.numel()


def convolution_events(
    x: Tensor,
    weight: Tensor,
    out: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    groups: int,
) -> float:
    """Returns the additions of a convolution whose input spikes: each spike, times the number
    of outputs that it reaches.
    """
    value = x.abs().double().sum(dim=(0, 1))
    for dim, size in enumerate(weight.shape[2:]):
        s, p, d = (each[dim if len(each) > 1 else 0] for each in (stride, padding, dilation))
        wide, narrow = x.size(2 + dim), out.size(2 + dim)
        if transposed:
            wide, narrow = narrow, wide
        at = torch.arange(narrow).view(-1, 1) * s - p + torch.arange(size) * d
        inside = (at >= 0) & (at < wide)
        reach = inside.sum(dim=1) if transposed else torch.bincount(at[inside], minlength=wide)
        shape = [-1 if i == dim else 1 for i in range(value.dim())]
        value = value * reach.to(value).view(shape)
    return float(value.sum()) * (weight.size(1) if transposed else weight.size(0) // groups)


def _value(tensor: Tensor, dim: int | None = None) -> Tensor:
    return tensor.abs().sum(dim, dtype=torch.double)


def _support(tensor: Tensor, dim: int) -> Tensor:
    return (tensor != 0).sum(dim, dtype=torch.double)
