"""Statistics that several processes of one training share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["mean_over_processes", "several_processes", "synchronize"]


def synchronize(model: nn.Module) -> list[str]:
    r"""Makes the processes of a training share the statistics of their batches.

    With the same clips in a step, shared out evenly, two processes then do what one does: batch
    norms take mean and variance of all rows of all processes,

    $$
    \mathrm{E}[x] = \frac{\sum_p n_p \mathrm{E}_p[x]}{\sum_p n_p}, \qquad
    \mathrm{Var}[x] = \frac{\sum_p n_p (\mathrm{Var}_p[x] + \mathrm{E}_p[x]^2)}{\sum_p n_p}
        - \mathrm{E}[x]^2
    $$

    with gradients through both, and
    [`SpikingMultimodalFusion`][sgnkit.nn.SpikingMultimodalFusion] keeps the average of all their
    weights. It works with every backend of `torch.distributed`, on CPUs too, and changes nothing
    in evaluation or where there is one process. Torch's `SyncBatchNorm` needs a GPU, and expects
    channels on the second axis.

    Args:
        model: A layer or network; it is changed.

    Returns:
        The names of batch norms that are none of sgnkit and keep to themselves.

    Examples:
        >>> import sgnkit
        >>> synchronize(sgnkit.create_model("mk_sgn_small", layout="ntu25", num_classes=60))
        []
    """
    others = []
    for name, module in model.named_modules():
        if hasattr(module, "synchronized"):
            module.synchronized = True  # type: ignore[assignment]
        elif isinstance(module, _BatchNorm):
            others.append(name)
    return others


def several_processes() -> int:
    """Returns the number of processes of this training, 0 if there is one."""
    if not dist.is_available() or not dist.is_initialized():
        return 0
    return size if (size := dist.get_world_size()) > 1 else 0


def mean_over_processes(x: Tensor) -> Tensor:
    """Returns the mean of a tensor over all processes; gradients go to all of them."""
    size = several_processes()
    return x if size == 0 else _Sum.apply(x) / size


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        grad = grads[0].clone()
        dist.all_reduce(grad)
        return grad
