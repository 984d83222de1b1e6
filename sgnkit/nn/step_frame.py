"""One frame at a time, for causal layers and networks."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["advance", "step_frame"]


def step_frame(module: nn.Module, *inputs: Any, state: Any = None) -> tuple[Any, Any]:
    r"""Runs a causal layer or network for one frame. The caller owns the state.

    All T frames of a clip, one after the other, give the same as one call of the module. This is
    the other axis than that of [`step`][sgnkit.nn.step]: each frame runs all its S spiking steps
    from rest, and the state is what layers across frames have to remember, such as the last
    frames under the kernel of a causal [`STC`][sgnkit.nn.STC]. A state is never changed: it can be
    kept, copied, and taken up again.

    A layer that looks across frames has a method `step_frame(*inputs, state)` that returns its
    output, `None` where a stride leaves the frame out, and the next state. Any other layer sees
    each frame on its own and is called as it is.

    Args:
        module: A layer or network, built with `causal=True` where it looks across frames, in
            evaluation mode, because batch norm in training mode looks at all frames at once.
        *inputs: What the module takes, with tensors of one frame, $T = 1$.
        state: What the last call returned; `None` is the start of a clip.

    Returns:
        The output for this frame, and the state after it.

    Raises:
        ValueError: If the module is in training mode, or looks at later frames.

    Examples:
        >>> import torch
        >>> from sgnkit.nn import STC
        >>> layer, x = STC(8, 8, causal=True).eval(), torch.rand(4, 6, 25, 8)
        >>> state, frames = None, []
        >>> for x_t in x.split(1, dim=1):
        ...     z, state = step_frame(layer, x_t, state=state)
        ...     frames.append(z)
        >>> torch.equal(torch.cat(frames, dim=1), layer(x))
        True
    """
    if any(part.training for part in module.modules() if isinstance(part, _BatchNorm)):
        raise ValueError(
            f"step_frame: {type(module).__name__} is in training mode; call .eval() first"
        )
    return advance(module, *inputs, state=state)


def advance(module: nn.Module, *inputs: Any, state: Any = None) -> tuple[Any, Any]:
    """Does what [`step_frame`][sgnkit.nn.step_frame] does, without a look at the mode."""
    own: Any = getattr(module, "step_frame", None)
    if own is not None:
        return own(*inputs, state)
    for name, part in module.named_modules():
        if hasattr(part, "step_frame") or isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            raise ValueError(
                f"step_frame: {type(module).__name__} holds '{name}', a {type(part).__name__} that "
                "may look across frames, but has no method step_frame(*inputs, state) itself"
            )
    return module(*inputs), state
