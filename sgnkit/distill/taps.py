"""Taps: the inner features of any network, by the names of its submodules."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

__all__ = ["tap"]


def tap(module: nn.Module, names: Sequence[str], *inputs: Any) -> tuple[Any, dict[str, Tensor]]:
    """Runs a network and returns its output and those of some of its submodules.

    The network need not know about it: hooks are set before the call and removed after it.

    Args:
        module: Any network.
        names: Submodules as in `module.named_modules()`, such as `"blocks.3"`.
        *inputs: What the network takes.

    Shapes:
        - **returns**: each feature as its submodule gave it; $(S, T, N, C)$ in spiking blocks

    Returns:
        The output, and what each named submodule returned, by name.

    Raises:
        ValueError: If there is no such submodule, or it was not called exactly once, or did not
            return a tensor.

    Examples:
        >>> import torch
        >>> network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> out, features = tap(network, ["1"], torch.rand(5, 3))
        >>> out.shape, features["1"].shape
        (torch.Size([5, 2]), torch.Size([5, 8]))
    """
    parts = dict(module.named_modules())
    for name in names:
        if name not in parts:
            near = difflib.get_close_matches(name, parts, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            known = ", ".join(list(parts)[1:9])
            raise ValueError(
                f"tap: {type(module).__name__} has no submodule '{name}'{hint} It has {known}, ..."
            )
    found: dict[str, list[Any]] = {name: [] for name in names}
    handles = [
        parts[name].register_forward_hook(
            lambda _module, _args, output, name=name: found[name].append(output)
        )
        for name in names
    ]
    try:
        output = module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    features = {}
    for name, outputs in found.items():
        if len(outputs) != 1 or not isinstance(outputs[0], Tensor):
            what = f"ran {len(outputs)} times"
            if len(outputs) == 1:
                what = f"returned {type(outputs[0]).__name__}"
            raise ValueError(
                f"tap: submodule '{name}' of {type(module).__name__} must run once and return a "
                f"tensor, but it {what}"
            )
        features[name] = outputs[0]
    return output, features
