"""Tells the format of a file or folder from the names in it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from sgnkit.datasets.formats import FORMATS
from sgnkit.errors import DataError

__all__ = ["guess_format"]

_ENDINGS = {
    "ntu": (".skeleton",),
    "utd-mhad": ("_skeleton.mat",),
    "sbu": ("skeleton_pos.txt",),
    "ctr-gcn": ("x_train.npy",),
}
_NW_UCLA = re.compile(r"a\d\d_s\d\d_e\d\d_v\d\d")
_MANY = 5000  # names that are looked at


def guess_format(path: Path) -> str:
    """Returns the name of the format of a file or folder, by a look at names.

    Raises:
        sgnkit.errors.DataError: If it is none of them.
    """
    suffix = path.suffix.lower()
    if path.is_file() and suffix in (".pkl", ".pickle"):
        return "pose-pickle"
    names = list(_names(path))
    for name, endings in _ENDINGS.items():
        if any(n.lower().endswith(endings) for n in names):
            return name
    stems = [Path(n).stem for n in names if n.endswith(".json")]
    if any(_NW_UCLA.fullmatch(stem) for stem in stems):
        return "nw-ucla"
    if path.is_file() and suffix == ".json" and _is_stored(path):
        return "sgnkit"
    if path.is_dir() and any(n.lower().endswith((".csv", ".json", ".npy", ".npz")) for n in names):
        return "pose-folder"
    raise DataError(
        "the format cannot be told from the names",
        file=path,
        expected=", ".join(FORMATS),
        found=f"{len(names)} files, such as {names[0]}" if names else "no files",
        remedy="name the format with --format",
    )


def _names(path: Path) -> Iterator[str]:
    """Yields names of files below a folder or in an archive, at most some thousands."""
    if path.is_dir():
        files = (p for p in path.rglob("*") if p.is_file() and "processed" not in p.parts)
        yield from (p.as_posix() for p, _ in zip(files, range(_MANY), strict=False))
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from archive.namelist()[:_MANY]
    elif path.exists():
        yield path.name


def _is_stored(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"sgnkit clips' in file.read(200)
