"""Named networks: a preset is a function that holds only arguments."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable
from typing import Any

from torch import nn

from sgnkit.layout import SkeletonLayout

__all__ = ["create_model", "get_preset", "list_models", "register_model"]

_MODELS: dict[str, Callable[..., nn.Module]] = {}


def register_model(preset: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Registers a function under its own name, so that `create_model` finds it.

    Args:
        preset: A function of `layout`, `num_classes` and keyword overrides that returns a model.

    Raises:
        ValueError: If the name is taken.
    """
    if preset.__name__ in _MODELS:
        raise ValueError(f"register_model: a model named '{preset.__name__}' exists already")
    _MODELS[preset.__name__] = preset
    return preset


def get_preset(name: str) -> Callable[..., nn.Module]:
    """Returns the function behind a model name.

    Args:
        name: One of `list_models()`.

    Raises:
        ValueError: If there is none; the message names the nearest one.
    """
    if name not in _MODELS:
        near = difflib.get_close_matches(name, _MODELS, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"no model is named {name!r}; there are {', '.join(list_models())}.{hint}")
    return _MODELS[name]


def create_model(
    name: str, *, layout: str | SkeletonLayout, num_classes: int, **overrides: Any
) -> nn.Module:
    """Builds a model by name.

    Args:
        name: One of `list_models()`.
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **overrides: Arguments of the model that differ from the preset.

    Returns:
        The model, with fresh weights.

    Raises:
        ValueError: If no model has that name, or an override is not legal.
        TypeError: If there is no such override; the message names the nearest one.

    Examples:
        >>> model = create_model("base_sgn_small", layout="kinect20", num_classes=10, num_steps=2)
        >>> model.num_steps
        2
    """
    preset = get_preset(name)
    try:
        return preset(layout, num_classes, **overrides)
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None or unknown[1] not in overrides:
            raise
        options = getattr(preset(layout, num_classes), "options", {})
        near = difflib.get_close_matches(unknown[1], options, 1)
        hint = f" Did you mean '{near[0]}'?" if near else f" There are {', '.join(options)}."
        raise TypeError(f"{name} has no option '{unknown[1]}'.{hint}") from None


def list_models(pattern: str = "*") -> list[str]:
    """Returns the names of all models that match a shell pattern.

    Args:
        pattern: `*` stands for any letters, `?` for one.

    Examples:
        >>> list_models("mk*")
        ['mk_sgn', 'mk_sgn_small']
    """
    return sorted(fnmatch.filter(_MODELS, pattern))
