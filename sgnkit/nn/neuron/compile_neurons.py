"""Compiled loops for all neurons of a network."""

from __future__ import annotations

from torch import nn

from sgnkit.nn.neuron.lif import LIF

__all__ = ["compile_neurons"]


def compile_neurons(module: nn.Module) -> int:
    """Sets `backend="compiled"` for every neuron of a network that has the default one.

    The spikes stay the same. The first call of the network then takes some seconds longer, once
    on a machine; where there is no C++ compiler a warning says so and nothing else changes.

    Args:
        module: The network; it is changed in place.

    Returns:
        The number of neurons that were switched.

    Examples:
        >>> compile_neurons(nn.Sequential(nn.Linear(3, 8), LIF()))
        1
    """
    neurons = [m for m in module.modules() if isinstance(m, LIF) and m.backend == "fused"]
    for neuron in neurons:
        neuron.backend = "compiled"
    return len(neurons)
