"""Reads the raw NW-UCLA clips from a zip archive or a folder, and trusts neither."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._raw_files import RawFile, list_files
from sgnkit.datasets._safe import parse_json
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError

__all__ = [
    *("ACTIONS", "NUM_SUBJECTS", "TRAIN_VIEWS"),
    *("RawClip", "fingerprint", "read_clip", "scan_nw_ucla"),
]

ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
"""Number of each action in the file names, and its name. Labels in the files count these rows."""

NUM_JOINTS = 20
NUM_SUBJECTS = 10
NUM_VIEWS = 3
TRAIN_VIEWS = (1, 2)

_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)\Z")
_MAX_FILE = 16 * 2**20  # bytes; the longest official clip has 0.13 MB
_AGAIN = "get the archive anew, or remove the file if the clip is not part of NW-UCLA"


@dataclass(frozen=True)
class RawClip:
    """One clip as it stands in its file: float64 coordinates $(T, 20, 3)$ in metres."""

    name: str
    action: int
    subject: int
    view: int
    skeletons: NDArray[np.float64]

    @property
    def label(self) -> int:
        """Class, counted from 0."""
        return list(ACTIONS).index(self.action)


def fingerprint(skeletons: NDArray[np.float64]) -> bytes:
    """Returns a digest that two clips share only if all their coordinates are the same bits."""
    digest = hashlib.sha256(repr(skeletons.shape).encode())
    digest.update(np.ascontiguousarray(skeletons, dtype="<f8").tobytes())
    return digest.digest()


def scan_nw_ucla(path: Path) -> Iterator[Source]:
    """Lists the clips of an archive or folder, after a look at all training clips.

    Each clip tells as `duplicate` whether it is a test clip that is a copy of a training clip.

    Raises:
        sgnkit.errors.DataError: If the archive or folder cannot be read, or holds no clip.
    """
    files = list(list_files(path, ".json"))
    if not files:
        raise DataError(
            "NW-UCLA: there are no clips",
            file=path,
            expected="1484 files like all_sqe/a01_s01_e00_v01.json",
            found="no file of that kind",
            remedy=_AGAIN,
        )
    trained = set()
    for file in files:
        match = _NAME.match(PurePosixPath(file.name).stem)
        if match and int(match[4]) in TRAIN_VIEWS:
            with contextlib.suppress(DataError):  # reported when its turn has come
                trained.add(fingerprint(read_clip(file).skeletons))
    known = frozenset(trained)
    for file in files:
        name = PurePosixPath(file.name).stem
        yield Source(name, file.file, functools.partial(_read, file, known))


def _read(file: RawFile, trained: frozenset[bytes]) -> SkeletonData:
    clip = read_clip(file)
    data = SkeletonData.from_array(
        clip.skeletons.astype(np.float32),
        "kinect20",
        axes="TVC",
        y=clip.label,
        name=clip.name,
        missing="zeros",
        subject=clip.subject,
        camera=clip.view,
    )
    is_test = clip.view not in TRAIN_VIEWS
    data.duplicate = is_test and fingerprint(clip.skeletons) in trained
    return data


def read_clip(file: RawFile) -> RawClip:
    """Reads one clip and checks every part of it.

    Raises:
        sgnkit.errors.DataError: If anything in it is not what NW-UCLA holds.
    """

    def fail(what: str, key: str, expected: object, found: object) -> NoReturn:
        raise DataError(
            f"NW-UCLA: {what}",
            file=file.file,
            place=file.at(key),
            expected=expected,
            found=found,
            remedy=_AGAIN,
        )

    stem = PurePosixPath(file.name).stem
    match = _NAME.match(stem)
    if not match:
        fail("a file has another name than a clip", "name", "a01_s01_e00_v01.json", stem)
    action, subject, _, view = (int(group) for group in match.groups())
    if action not in ACTIONS:
        fail("unknown action", "name", f"an action of {[*ACTIONS]}", f"a{action:02d}")
    if not 1 <= subject <= NUM_SUBJECTS:
        fail("unknown subject", "name", f"s01 to s{NUM_SUBJECTS}", f"s{subject:02d}")
    if not 1 <= view <= NUM_VIEWS:
        fail("unknown view", "name", f"v01 to v0{NUM_VIEWS}", f"v{view:02d}")

    record = parse_json(file.read(_MAX_FILE), file.file, file.place)
    if not isinstance(record, dict):
        fail("a file holds no clip", "whole file", "a JSON object", type(record).__name__)
    for key in ("file_name", "skeletons", "label"):
        if key not in record:
            fail("a key is missing", f"key {key!r}", "file_name, skeletons, label", sorted(record))
    if record["file_name"] != stem:
        fail("name and file name differ", "key 'file_name'", repr(stem), repr(record["file_name"]))
    label = list(ACTIONS).index(action) + 1
    if type(record["label"]) is not int or record["label"] != label:
        expected = f"{label}, as action a{action:02d} of the file name"
        fail("the label does not fit the name", "key 'label'", expected, repr(record["label"]))
    skeletons = _coordinates(record["skeletons"], fail)
    return RawClip(stem, action, subject, view, skeletons)


def _is_point(joint: Any) -> bool:
    return isinstance(joint, list) and [type(c) in (int, float) for c in joint] == [True] * 3


def _coordinates(value: Any, fail: Any) -> NDArray[np.float64]:
    """Returns the skeletons as an array, or names the first frame and joint that is wrong."""
    key = "key 'skeletons'"
    if not isinstance(value, list) or not value:
        fail("a clip has no frames", key, "a list of frames", "none of them")
    for t, frame in enumerate(value):
        if not isinstance(frame, list) or len(frame) != NUM_JOINTS:
            found = f"{len(frame)} joints" if isinstance(frame, list) else type(frame).__name__
            fail("wrong joint count", f"{key}, frame {t}", f"{NUM_JOINTS} joints", found)
        for v, joint in enumerate(frame):
            if not _is_point(joint):
                place = f"{key}, frame {t}, joint {v}"
                fail("a joint is not a point", place, "three numbers", str(joint)[:60])
    try:
        skeletons = np.array(value, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        fail("a coordinate is not a finite number", key, "finite numbers", error)
    with np.errstate(over="ignore"):
        wrong = np.argwhere(~np.isfinite(skeletons.astype(np.float32)))
    if len(wrong):
        t, v, c = wrong[0]
        place = f"{key}, frame {t}, joint {v}"
        fail("a coordinate is not a finite number", place, "finite numbers", skeletons[t, v, c])
    return skeletons
