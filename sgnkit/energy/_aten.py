"""Which operations of PyTorch are products and sums, and what they work on."""

from __future__ import annotations

import torch

__all__ = [
    "CONVOLUTIONS",
    "DOTS",
    "EMPTY",
    "FILLED",
    "LOOKUPS",
    "MATMULS",
    "PRODUCTS",
    "SUMS",
    "SUM_NAMES",
]

_aten = torch.ops.aten
MATMULS = {  # where the two operands stand
    _aten.mm: (0, 1),
    _aten.bmm: (0, 1),
    _aten.mv: (0, 1),
    _aten.dot: (0, 1),
    _aten.addmm: (1, 2),
    _aten.addmv: (1, 2),
    _aten.baddbmm: (1, 2),
    _aten.addbmm: (1, 2),
}
CONVOLUTIONS = {_aten.convolution, _aten._convolution}
SUMS = {  # where the summed values stand
    _aten.scatter_add: 3,
    _aten.scatter_add_: 3,
    _aten.index_add: 3,
    _aten.index_add_: 3,
    _aten.scatter_reduce: 3,
    _aten.scatter_reduce_: 3,
    _aten.index_reduce: 3,
    _aten.index_reduce_: 3,
    _aten.index_put: 2,
    _aten.index_put_: 2,
    _aten.segment_reduce: 0,
}
LOOKUPS = {_aten._embedding_bag, _aten._embedding_bag_forward_only}
SUM_NAMES = ("sum", "mean")
DOTS = {_aten.sum, _aten.mean}  # products that are summed right away
PRODUCTS = {_aten.mul, _aten.mul_}
EMPTY = (
    "empty",
    "empty_like",
    "empty_strided",
    "empty_permuted",
    "new_empty",
    "new_empty_strided",
)
FILLED = ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
