"""Transforms from the plain values of a file, without running anything that the file names."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from typing import Any

from torch_geometric.transforms import BaseTransform, Compose

from sgnkit.errors import ConfigError

__all__ = ["transforms_from_recipe"]


def transforms_from_recipe(entries: Sequence[Any], place: str = "transforms") -> Compose:
    """Builds transforms from the list that trained weights and exported models carry.

    Only the transforms of sgnkit are known here, so a file cannot make anything else run.

    Args:
        entries: Each a name of `sgnkit.transforms`, or `{name: {argument: value}}`.
        place: Where the list stands, for error messages.

    Raises:
        sgnkit.errors.ConfigError: If a name or an argument is unknown, or a value is not plain.

    Examples:
        >>> transforms_from_recipe(["MinMaxNormalize", {"UniformSample": {"num_frames": 8}}])
        Compose([
          MinMaxNormalize(),
          UniformSample(8)
        ])
    """
    package = importlib.import_module("sgnkit.transforms")
    known = {
        name: cls
        for name in package.__all__
        if isinstance(cls := getattr(package, name), type) and issubclass(cls, BaseTransform)
    }
    if not isinstance(entries, (list, tuple)):
        raise ConfigError("not a list of transforms", place=place, found=type(entries).__name__)
    transforms = []
    for number, entry in enumerate(entries):
        here = f"{place}[{number}]"
        entry = {entry: {}} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or len(entry) != 1:
            raise ConfigError(
                "a transform is a name, or a name with its arguments",
                place=here,
                expected="MinMaxNormalize, or Center: {joint: spine}",
                found=repr(entry),
            )
        ((name, arguments),) = entry.items()
        if name not in known or name == "Compose":
            near = difflib.get_close_matches(str(name), known, 1)
            raise ConfigError(
                f"'{name}' is no transform of sgnkit" + (f", {near[0]} is" if near else ""),
                place=here,
                expected=f"one of {', '.join(sorted(known))}",
                remedy="a transform of your own cannot stand in a file that is shared: "
                "apply it to the keypoints before",
            )
        try:
            transforms.append(known[name](**(arguments or {})))
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error), place=f"{here} {name}") from None
    return Compose(transforms)
