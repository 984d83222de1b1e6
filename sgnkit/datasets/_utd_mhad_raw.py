"""Reads the skeletons of UTD-MHAD: one MATLAB file a clip."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._mat5 import read_mat5
from sgnkit.datasets._raw_files import RawFile, list_files
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError

__all__ = ["ACTIONS", "NUM_SUBJECTS", "TRAIN_SUBJECTS", "scan_utd_mhad"]

ACTIONS = (
    "swipe left",
    "swipe right",
    "wave",
    "clap",
    "throw",
    "cross arms",
    "basketball shoot",
    "draw x",
    "draw circle clockwise",
    "draw circle counter-clockwise",
    "draw triangle",
    "bowling",
    "boxing",
    "baseball swing",
    "tennis swing",
    "arm curl",
    "tennis serve",
    "push",
    "knock",
    "catch",
    "pick up and throw",
    "jog",
    "walk",
    "sit to stand",
    "stand to sit",
    "lunge",
    "squat",
)
"""Actions 1 to 27 of the file names."""

NUM_SUBJECTS = 8
TRAIN_SUBJECTS = (1, 3, 5, 7)

_NAME = re.compile(r"a(\d{1,2})_s(\d{1,2})_t(\d{1,2})_skeleton\Z")
_MAX_FILE = 256 * 2**10  # bytes; the longest official clip has 32 KB
_MAX_FRAMES = 10_000
_AGAIN = "get Skeleton.zip anew, or remove the file if it is not part of UTD-MHAD"


def scan_utd_mhad(path: Path) -> Iterator[Source]:
    """Lists the clips of an archive or folder.

    Raises:
        sgnkit.errors.DataError: If the archive or folder cannot be read, or holds no clip.
    """
    found = False
    for file in list_files(path, ".mat"):
        found = True
        name = PurePosixPath(file.name).stem.removesuffix("_skeleton")
        yield Source(name, file.file, functools.partial(_read, file))
    if not found:
        raise DataError(
            "UTD-MHAD: there are no clips",
            file=path,
            expected="861 files like Skeleton/a1_s1_t1_skeleton.mat",
            found="no file of that kind",
            remedy=_AGAIN,
        )


def _read(file: RawFile) -> SkeletonData:
    def fail(what: str, place: str, expected: object, found: object) -> NoReturn:
        raise DataError(
            f"UTD-MHAD: {what}",
            file=file.file,
            place=file.at(place),
            expected=expected,
            found=found,
            remedy=_AGAIN,
        )

    stem = PurePosixPath(file.name).stem
    match = _NAME.match(stem)
    if not match:
        fail("a file has another name than a clip", "name", "a1_s1_t1_skeleton.mat", stem)
    action, subject, _ = (int(group) for group in match.groups())
    if not 1 <= action <= len(ACTIONS):
        fail("unknown action", "name", f"a1 to a{len(ACTIONS)}", f"a{action}")
    if not 1 <= subject <= NUM_SUBJECTS:
        fail("unknown subject", "name", f"s1 to s{NUM_SUBJECTS}", f"s{subject}")
    skeletons = _matrix(file.read(_MAX_FILE), fail)
    return SkeletonData.from_array(
        skeletons.astype(np.float32),
        "utd_mhad20",
        axes="VCT",
        y=action - 1,
        name=stem.removesuffix("_skeleton"),
        missing="zeros",
        subject=subject,
    )


def _matrix(content: bytes, fail: Callable[..., NoReturn]) -> NDArray[np.float64]:
    """Returns the coordinates that a MATLAB file holds."""
    key, expected = "variable d_skel", f"numbers (20, 3, T), T from 1 to {_MAX_FRAMES}"
    try:
        variables = read_mat5(content)
    except ValueError as error:
        fail("a file cannot be read", "whole file", "a MATLAB file of version 5", error)
    if "d_skel" not in variables:
        fail("a variable is missing", key, expected, f"variables {sorted(variables)}")
    values = variables["d_skel"]
    if isinstance(values, str):
        fail("a clip has another type", key, expected, values)
    if values.ndim != 3 or values.shape[:2] != (20, 3) or not 1 <= values.shape[2] <= _MAX_FRAMES:
        fail("a clip has another shape", key, expected, f"{values.dtype} {values.shape}")
    with np.errstate(over="ignore"):
        wrong = np.argwhere(~np.isfinite(values.astype(np.float32)))
    if len(wrong):
        joint, _, frame = wrong[0]
        found = values[joint, :, frame].tolist()
        place = f"{key}, joint {joint}, frame {frame}"
        fail("a coordinate is not a finite number", place, "finite numbers", found)
    return values
