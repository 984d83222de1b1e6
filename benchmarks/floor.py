"""The matmul and convolution floor: the products of a piece of work, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness import noise

__all__ = ["products"]

aten = torch.ops.aten
PRODUCTS = {
    aten.mm.default,
    aten.addmm.default,
    aten.bmm.default,
    aten.baddbmm.default,
    aten.convolution.default,
    aten.convolution_backward.default,
}


class _Recorder(TorchDispatchMode):
    """Notes every product with the shapes and strides of its operands."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, list[Any], dict[str, Any]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in PRODUCTS:
            self.calls.append((func, [_form(arg) for arg in args], dict(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _form(argument: Any) -> Any:
    if not isinstance(argument, Tensor):
        return argument
    return tuple(argument.shape), argument.stride(), argument.dtype, argument.device


def _is_form(argument: Any) -> bool:
    return isinstance(argument, tuple) and len(argument) == 4 and isinstance(argument[0], tuple)


def products(work: Callable[[], Any]) -> Callable[[], None]:
    """Returns a function that takes the same products as `work` does, of noise.

    Operands have the shapes, strides and types that `work` gave them; they share memory among the
    products, one piece for each place in the list of arguments.
    """
    with _Recorder() as recorder:
        work()
    sizes: dict[tuple, int] = {}
    for _, forms, _ in recorder.calls:
        for place, form in enumerate(forms):
            if _is_form(form):
                shape, stride, dtype, device = form
                extent = 1 + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
                key = (place, dtype, device)
                sizes[key] = max(sizes.get(key, 0), extent)
    memory = {
        (place, dtype, device): noise(size, dtype=dtype, device=str(device))
        for (place, dtype, device), size in sizes.items()
    }
    calls = []
    for func, forms, kwargs in recorder.calls:
        operands = [
            memory[place, form[2], form[3]].as_strided(form[0], form[1]) if _is_form(form) else form
            for place, form in enumerate(forms)
        ]
        calls.append((func, operands, kwargs))

    def replay() -> None:
        with torch.no_grad():
            for func, operands, kwargs in calls:
                func(*operands, **kwargs)

    return replay
