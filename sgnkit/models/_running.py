"""Ways to run a network that change what it costs, and not what it gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils.checkpoint import checkpoint

__all__ = ["CompiledForward", "recomputed"]


class CompiledForward:
    """A function of a network, compiled at its first call.

    Where hooks wait for a part of the network, or somebody watches its operations, it runs as it
    was written. Where it cannot be compiled, a warning says so, once, and it runs as written.
    """

    def __init__(self, network: nn.Module, function: Callable[..., Tensor], **options: Any) -> None:
        self.network = network
        self.plain = function
        self.compiled = torch.compile(function, fullgraph=True, **options)
        self.broken = False

    def __call__(self, *arguments: Any) -> Tensor:
        """Returns what the function returns."""
        if self.broken or torch.compiler.is_compiling() or self._watched():
            return self.plain(*arguments)
        try:
            return self.compiled(*arguments)
        except torch._dynamo.exc.TorchDynamoException as error:
            self.broken = True
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            warnings.warn(
                f"{type(self.network).__name__}: cannot be compiled here ({reason[:120]}); it "
                "runs uncompiled, with the same results",
                stacklevel=3,
            )
            return self.plain(*arguments)

    def _watched(self) -> bool:
        return _get_current_dispatch_mode() is not None or any(
            part._forward_hooks or part._forward_pre_hooks or part._backward_hooks
            for part in self.network.modules()
            if part is not self.network
        )


def recomputed(block: nn.Module, *arguments: Any) -> Tensor:
    """Runs a block and keeps its input alone: the backward pass runs it again.

    Running statistics and random numbers are those of the first run.
    """
    out: Tensor = checkpoint(
        block,
        *arguments,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _no_statistics(block)),
    )
    return out


@contextmanager
def _no_statistics(block: nn.Module) -> Iterator[None]:
    """Keeps the second run from counting as another batch."""
    norms = [m for m in block.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            assert norm.num_batches_tracked is not None
            norm.momentum = 0.0
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
