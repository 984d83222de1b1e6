"""Clips that can be read: what every reader of a raw format gives, and how they are gathered."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from sgnkit.data import SkeletonData
from sgnkit.errors import DataError

__all__ = ["Source", "check_on_error", "collect"]


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


def collect(
    sources: Iterable[Source], on_error: str = "raise"
) -> tuple[list[SkeletonData], list[DataError]]:
    """Reads all clips, in the order of the sources.

    Args:
        sources: The clips to read. A second one of the same name is an error.
        on_error: `"raise"` stops at the first error; `"skip"` goes on, and warns once, at the
            end, with the name of each skipped clip and the reason.

    Returns:
        The clips, and the errors of those that were skipped.

    Raises:
        sgnkit.errors.DataError: If a clip cannot be read and ``on_error`` is `"raise"`.
    """
    check_on_error(on_error)
    clips: list[SkeletonData] = []
    skipped: list[tuple[str, DataError]] = []
    files: dict[str, Path] = {}
    for source in sources:
        try:
            if source.name in files:
                raise DataError(
                    "two clips have the same name",
                    file=source.file,
                    place=repr(source.name),
                    expected="a name of its own for each clip",
                    found=f"the same name for {files[source.name]}",
                    remedy="rename or remove one of the two",
                )
            files[source.name] = source.file
            clips.append(source.read())
        except DataError as error:
            if on_error == "raise":
                raise
            skipped.append((source.name, error))
    if skipped:
        lines = [f"  {name}: {_summary(error)}" for name, error in skipped]
        warnings.warn(
            f"{len(skipped)} clips were skipped, {len(clips)} were read:\n" + "\n".join(lines),
            stacklevel=2,
        )
    return clips, [error for _, error in skipped]


def _summary(error: DataError) -> str:
    """Returns an error on one line."""
    parts = [
        error.what,
        *(f"{key} {v}" for key in ("file", "place", "found") if (v := getattr(error, key))),
    ]
    return " ".join("; ".join(parts).split())
