"""Raw files of a set, in a zip archive or in a folder: listed, and read one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sgnkit.datasets._safe import (
    MAX_TEXT,
    inside,
    is_noise,
    read_bytes,
    read_member,
    reason,
    zip_members,
)
from sgnkit.errors import DataError

__all__ = ["RawFile", "list_files"]


class RawFile(NamedTuple):
    """One file of a set.

    Attributes:
        root: The archive or folder.
        name: Path below the root, with `/` between its parts.
        packed: Whether the root is an archive.
    """

    root: Path
    name: str
    packed: bool

    @property
    def file(self) -> Path:
        """What an error names as the file."""
        return self.root if self.packed else self.root / self.name

    @property
    def place(self) -> str | None:
        """What an error names as the place in the file."""
        return self.name if self.packed else None

    def at(self, place: str) -> str:
        """Returns a place in the file, after the member if it is in an archive."""
        return f"{self.name}, {place}" if self.packed else place

    def read(self, limit: int = MAX_TEXT) -> bytes:
        """Returns the content, or raises a `DataError` if it is larger than the limit."""
        if self.packed:
            return read_member(self.root, self.name, limit)
        return read_bytes(inside(self.root, self.name), limit)


def list_files(root: Path, suffix: str | tuple[str, ...]) -> Iterator[RawFile]:
    """Lists the files of an archive, or of a folder and those below it, in the order of names.

    Args:
        root: The archive or folder.
        suffix: How the names of the files end, in any case; one ending or several.

    Raises:
        sgnkit.errors.DataError: If the root cannot be read, or a folder leads out of it.
    """
    if root.is_dir():
        names = sorted(_walk(root, "", suffix))
    else:
        names = zip_members(root, keep=lambda name: _is_wanted(name, suffix), max_member=MAX_TEXT)
    for name in names:
        yield RawFile(root, name, packed=not root.is_dir())


def _is_wanted(name: str, suffix: str | tuple[str, ...]) -> bool:
    return name.lower().endswith(suffix) and not is_noise(name)


def _walk(root: Path, folder: str, suffix: str | tuple[str, ...]) -> Iterator[str]:
    try:
        entries = list(os.scandir(root / folder))
    except OSError as error:
        raise DataError(
            "a folder cannot be read",
            file=root / folder,
            expected="a folder that can be read",
            found=reason(error),
            remedy="check its permissions",
        ) from error
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if is_noise(name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, name, suffix)
        elif entry.is_dir():
            inside(root, name)  # a link: what it leads to inside the root is listed there
        elif _is_wanted(name, suffix):
            yield name
