"""One neuron as the prototype of many."""

from __future__ import annotations

import copy

from torch import nn

__all__ = ["like"]


def like(neuron: nn.Module | None, default: nn.Module) -> nn.Module:
    """Returns a neuron of its own for one place: a copy of the prototype, or the default."""
    return default if neuron is None else copy.deepcopy(neuron)
