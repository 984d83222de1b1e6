"""Clips that can be read: what every reader of a raw format gives, and how they are gathered."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, register_layout

__all__ = [
    "Source",
    "broken",
    "build_clip",
    "check_on_error",
    "check_size",
    "collect",
    "known_layout",
    "one_line",
    "read_all",
    "warn_skipped",
]

MAX_VALUES = 2**26
"""Coordinates of a clip: 5 hours of one Kinect body."""
MAX_PERSONS = 1000
"""Persons of a clip."""
MAX_CLASSES = 10_000
"""Classes of a set."""


class Source(NamedTuple):
    """One clip that can be read later, in another process if need be.

    Attributes:
        name: Name of the clip.
        file: File that holds it.
        read: Reads it; picklable; raises `DataError` and nothing else.
    """

    name: str
    file: Path
    read: Callable[[], SkeletonData]


def check_on_error(on_error: str) -> str:
    """Returns the argument if it is legal."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
    return on_error


def broken(name: str, file: Path, error: DataError) -> Source:
    """Returns a source that was found to be wrong before it was read."""
    return Source(name, file, partial(_fail, error))


def _fail(error: DataError) -> NoReturn:
    raise error


def collect(
    sources: Iterable[Source], on_error: str = "raise"
) -> tuple[list[SkeletonData], list[DataError]]:
    """Reads all clips at once; see `read_all`. Returns them, and the errors of skipped ones."""
    skipped: dict[str, DataError] = {}
    clips = list(read_all(sources, on_error, skipped))
    return clips, list(skipped.values())


def read_all(
    sources: Iterable[Source], on_error: str, skipped: dict[str, DataError]
) -> Iterator[SkeletonData]:
    """Reads clips one by one, in the order of the sources.

    Args:
        sources: The clips to read. A second one of the same name is an error.
        on_error: `"raise"` stops at the first error; `"skip"` goes on, and warns once, at the
            end, with the name of each skipped clip and the reason.
        skipped: Takes the error of each skipped clip under its name, or under name and file for
            the second of that name.

    Raises:
        sgnkit.errors.DataError: If a clip cannot be read and ``on_error`` is `"raise"`.
    """
    check_on_error(on_error)
    files: dict[str, Path] = {}
    for name, file, read in sources:
        try:
            if name in files:
                raise DataError(
                    "two clips have the same name",
                    file=file,
                    place=repr(name),
                    expected="a name of its own for each clip",
                    found=f"the same name in {files[name]}",
                    remedy="rename or remove one of the two",
                )
            files[name] = file
            clip = read()
        except DataError as error:
            if on_error == "raise":
                raise
            skipped[f"{name} ({file})" if name in skipped else name] = error
            continue
        yield clip
    if skipped:
        warn_skipped([f"{name}: {one_line(error)}" for name, error in skipped.items()])


def warn_skipped(lines: Sequence[str]) -> None:
    """Warns of all clips that were skipped."""
    text = "\n  ".join(lines)
    warnings.warn(f"{len(lines)} clips were skipped:\n  {text}", stacklevel=3)


def one_line(error: DataError) -> str:
    """Returns what is wrong and where, without what to do."""
    parts = [
        error.what,
        *(f"{k} {str(v)[:300]}" for k in ("file", "place", "found") if (v := getattr(error, k))),
    ]
    return " ".join("; ".join(parts).split())


def known_layout(layout: str | SkeletonLayout) -> SkeletonLayout:
    """Returns a layout that is registered from now on: by its name, from a YAML file, or itself.

    Raises:
        ValueError: If there is no such layout, or another one of that name.
    """
    if isinstance(layout, str) and Path(layout).suffix in (".yaml", ".yml"):
        layout = SkeletonLayout.from_yaml(layout)
    return get_layout(layout) if isinstance(layout, str) else register_layout(layout)


def build_clip(
    array: Any, layout: SkeletonLayout, axes: str, *, file: object, place: str = "", **options: Any
) -> SkeletonData:
    """Makes a clip of float32 coordinates; an error names the file.

    Args:
        array: Coordinates.
        layout: Layout of the joints.
        axes: One letter per axis, as in `SkeletonData.from_array`.
        file: What the error names as the file.
        place: Where in the file the clip stands.
        **options: More arguments of `SkeletonData.from_array`.

    Raises:
        sgnkit.errors.DataError: If the array is no clip of this layout.
    """
    try:
        values = np.asarray(array)
        if values.dtype.kind not in "fiu":
            raise DataError(
                "the coordinates are not real numbers",
                expected="an array of numbers",
                found=f"dtype {values.dtype}",
                remedy="store numbers, without text and gaps of unequal length",
            )
        check_size(values.shape, axes)
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        return SkeletonData.from_array(values, layout, axes, **options)
    except DataError as error:
        raise DataError(
            error.what,
            file=file,
            place=", ".join(str(part) for part in (place, error.place) if part) or None,
            expected=error.expected,
            found=error.found,
            remedy=error.remedy or "correct the file, or leave the clip out",
        ) from error


def check_size(shape: tuple[int, ...], axes: str) -> None:
    """Refuses an array that would fill the memory, before there is one."""
    bodies = shape[axes.index("M")] if len(shape) == len(axes) and "M" in axes else 1
    if math.prod(shape) > MAX_VALUES or bodies > MAX_PERSONS:
        raise DataError(
            "a clip is far too large",
            expected=f"at most {MAX_PERSONS} persons and {MAX_VALUES} coordinates",
            found=f"shape {shape}, axes {axes!r}",
            remedy="cut the recording into clips; or the axes are in another order",
        )
