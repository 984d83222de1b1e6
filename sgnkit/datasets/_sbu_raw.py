"""Reads SBU Kinect Interaction: one text file a clip, two persons a line."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._raw_files import RawFile, list_files
from sgnkit.datasets._safe import decode
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError

__all__ = ["ACTIONS", "FOLDS", "PAIR_SETS", "scan_sbu"]

ACTIONS = (
    "approaching",
    "departing",
    "kicking",
    "punching",
    "pushing",
    "hugging",
    "shaking hands",
    "exchanging",
)
"""Actions 01 to 08 of the folder names."""

PAIR_SETS = tuple(
    [
        "s01s02",
        "s01s03",
        "s01s07",
        "s02s01",
        "s02s03",
        "s02s06",
        "s02s07",
        "s03s02",
        "s03s04",
        "s03s05",
        "s03s06",
        "s04s02",
        "s04s03",
        "s04s06",
        "s05s02",
        "s05s03",
        "s06s02",
        "s06s03",
        "s06s04",
        "s07s01",
        "s07s03",
    ]
)
"""Who acts (first) on whom (second). A clip's `subject` is its place in this list, from 1."""

FOLDS = (
    *((1, 9, 15, 19), (5, 7, 10, 16), (2, 3, 20, 21)),
    *((4, 6, 8, 11), (12, 13, 14, 17, 18)),
)
"""Pair sets of the five test folds."""

_PATH = re.compile(r"(?:.*/)?(s\d\ds\d\d)/(\d\d)/(\d\d\d)/skeleton_pos\.txt\Z", re.IGNORECASE)
_NUM_JOINTS = 15
_COLUMNS = 1 + 2 * _NUM_JOINTS * 3
_MAX_FILE = 2**20  # bytes; the longest official clip has 30 KB
_METRES = np.array([-2.56, -1.92, 1.28]), np.array([1.28, 0.96, 0.0])
_AGAIN = "get the archive of this pair anew, or remove the file if it is not part of the set"


def scan_sbu(path: Path, units: str = "metres") -> Iterator[Source]:
    """Lists the clips of an archive or folder.

    Args:
        path: The archive or folder.
        units: `"metres"` or `"normalized"`.

    Raises:
        sgnkit.errors.DataError: If the archive or folder cannot be read, or holds no clip.
    """
    found = False
    for file in list_files(path, "skeleton_pos.txt"):
        found = True
        match = _match(file)
        name = "_".join(match.groups()) if match else file.name
        yield Source(name, file.file, functools.partial(_read, file, units))
    if not found:
        raise DataError(
            "SBU: there are no clips",
            file=path,
            expected="282 files like s01s02/01/001/skeleton_pos.txt",
            found="no file of that kind",
            remedy="unpack the archives of all pairs into one folder",
        )


def _match(file: RawFile) -> re.Match[str] | None:
    """Returns pair, action and take from the path; the folder given may be that of one pair."""
    return _PATH.match(file.name) or _PATH.match(file.file.absolute().as_posix())


def _read(file: RawFile, units: str) -> SkeletonData:
    def fail(what: str, place: str, expected: object, found: object) -> NoReturn:
        raise DataError(
            f"SBU: {what}",
            file=file.file,
            place=file.at(place),
            expected=expected,
            found=found,
            remedy=_AGAIN,
        )

    match = _match(file)
    if not match:
        fail("a file lies in another folder than a clip", "name", "s01s02/01/001", file.name)
    pair, action, take = match.groups()
    if pair not in PAIR_SETS:
        fail("unknown pair", "name", ", ".join(PAIR_SETS), pair)
    if not 1 <= int(action) <= len(ACTIONS):
        fail("unknown action", "name", f"01 to 0{len(ACTIONS)}", action)
    rows = []
    lines = decode(file.read(_MAX_FILE), file.file, file.place).split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = line.strip().rstrip(",").split(",")
        if len(words) != _COLUMNS:
            expected = f"{_COLUMNS} numbers: the frame, then 2 persons of 15 joints"
            fail("a line has another length", f"line {number}", expected, f"{len(words)} values")
        try:
            with np.errstate(over="ignore"):
                row = np.array(words[1:], dtype=np.float64).astype(np.float32)
        except ValueError:
            fail("a value is not a number", f"line {number}", "numbers", line.strip()[:60])
        if not np.isfinite(row).all():
            column = int(np.argmin(np.isfinite(row))) + 2
            place = f"line {number}, value {column}"
            fail("a coordinate is not a finite number", place, "finite numbers", words[column - 1])
        rows.append(row)
    if not rows:
        fail("a clip has no frames", "whole file", "one line a frame", "none")
    x = np.stack(rows).reshape(-1, 2, _NUM_JOINTS, 3)
    if units == "metres":
        x = (x * _METRES[0] + _METRES[1]).astype(np.float32)
    return SkeletonData.from_array(
        x,
        "sbu15",
        axes="TMVC",
        y=int(action) - 1,
        name=f"{pair}_{action}_{take}",
        persons="all",
        subject=PAIR_SETS.index(pair) + 1,
    )
