"""One spiking step at a time, for any layer or network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sgnkit.nn.neuron import LIF, LeakyIntegrator

__all__ = ["step"]


def step(module: nn.Module, *inputs: Any, state: dict[str, Any] | None = None) -> tuple[Any, dict]:
    """Runs a layer or network for one spiking step. The caller owns the state.

    All S steps of a sequence, one after the other, give the same as one call of the module: only
    neurons remember anything, and what they remember is `state`.

    Args:
        module: Any module whose only state is in its neurons. It must be in evaluation mode,
            because batch norm in training mode looks at all steps at once.
        *inputs: What the module takes, with spiking tensors of one step, $S = 1$.
        state: What the last call returned; `None` is rest.

    Returns:
        The output of this step, with $S = 1$, and the state after it, membranes by neuron name.

    Raises:
        ValueError: If the module is in training mode or a tensor brings more than one step.

    Examples:
        >>> import torch
        >>> neuron, x = LIF(), torch.rand(4, 8) * 3
        >>> state, spikes = None, []
        >>> for x_s in x.split(1):
        ...     z, state = step(neuron, x_s, state=state)
        ...     spikes.append(z)
        >>> torch.equal(torch.cat(spikes), neuron(x))
        True
    """
    if any(part.training for part in module.modules() if isinstance(part, _BatchNorm)):
        raise ValueError(f"step: {type(module).__name__} is in training mode; call .eval() first")
    before, after = state or {}, {}
    handles = []

    def fire(name: str) -> Callable[..., Tensor]:
        def hook(neuron: Any, args: tuple[Tensor], output: Tensor) -> Tensor:
            # an encoder repeats one frame over all its steps: the first stands for all
            x = args[0]
            if x.size(0) > 1 and x.stride(0) != 0:
                raise ValueError(
                    f"step: neuron '{name or type(neuron).__name__}' got {x.size(0)} steps at "
                    "once; give tensors of one step, x[s : s + 1]"
                )
            z, after[name] = neuron.step(x[0], before.get(name))
            return z.unsqueeze(0)

        return hook

    try:
        for name, part in module.named_modules():
            if isinstance(part, (LIF, LeakyIntegrator)):
                handles.append(part.register_forward_hook(fire(name)))
        return module(*inputs), after
    finally:
        for handle in handles:
            handle.remove()
