"""Reads the raw NW-UCLA clips from a zip archive or a folder, and trusts neither."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.errors import DataError

__all__ = ["ACTIONS", "NUM_JOINTS", "RawClip", "fingerprint", "read_clips"]

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

_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)\Z")
_MAX_MEMBERS = 20_000
_MAX_FILE = 16 * 2**20  # bytes; the longest official clip has 0.13 MB
_MAX_TOTAL = 512 * 2**20  # bytes; the official clips have 38 MB
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


def read_clips(path: Path) -> list[RawClip]:
    """Reads all clips of an archive or folder, in the order of their names.

    Raises:
        sgnkit.errors.DataError: If anything in it is not what NW-UCLA holds.
    """
    clips: dict[str, RawClip] = {}
    total = 0
    for member, content in _folder(path) if path.is_dir() else _archive(path):
        total += len(content)
        if total > _MAX_TOTAL:
            raise DataError(
                "NW-UCLA: the clips are far too large",
                file=path,
                place=member,
                expected=f"at most {_MAX_TOTAL} bytes in all (the official clips have 38 MB)",
                found=f"more, with {len(clips)} clips read",
                remedy=_AGAIN,
            )
        clip = _parse(path, member, content)
        if clip.name in clips:
            raise DataError(
                "NW-UCLA: a clip is there twice",
                file=path,
                place=member,
                expected="one file for each clip",
                found=f"a second file for {clip.name}",
                remedy="remove one of the two",
            )
        clips[clip.name] = clip
    if not clips:
        raise DataError(
            "NW-UCLA: there are no clips",
            file=path,
            expected="1484 files like all_sqe/a01_s01_e00_v01.json",
            found="no file of that kind",
            remedy=_AGAIN,
        )
    return [clips[name] for name in sorted(clips)]


def _is_noise(name: str) -> bool:
    """Whether a file is something that archivers and file managers leave behind."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1].startswith(".") or not name.endswith(".json")


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    files = sorted(p for p in path.iterdir() if p.is_file() and not _is_noise(p.name))
    for file in files:
        size = file.stat().st_size
        if size > _MAX_FILE:
            _too_large(path, file.name, size)
        yield file.name, file.read_bytes()


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise DataError(
                    "NW-UCLA: the archive has far too many members",
                    file=path,
                    expected="1484 clips",
                    found=f"{len(members)} members",
                    remedy=_AGAIN,
                )
            for member in members:
                _check_member(path, member)
                if not member.is_dir() and not _is_noise(member.filename):
                    with archive.open(member) as stream:
                        content = stream.read(_MAX_FILE + 1)
                    if len(content) > _MAX_FILE:
                        _too_large(path, member.filename, len(content))
                    yield member.filename, content
    except DataError:
        raise
    except Exception as error:  # truncated, encrypted, exotic, unreadable: whatever zipfile raises
        raise DataError(
            "NW-UCLA: the archive cannot be read",
            file=path,
            expected="a whole zip archive without a password",
            found="a web page" if _is_page(path) else f"{type(error).__name__}: {error}",
            remedy="download it again, in a browser if need be, and check its size (about 14 MB)",
        ) from error


def _is_page(path: Path) -> bool:
    """Whether a file is what a server sends in place of a download."""
    try:
        with path.open("rb") as stream:
            return stream.read(64).lstrip()[:1] == b"<"
    except OSError:
        return False


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuses names that lead out of a folder, and sizes that are a bomb."""
    name = member.orig_filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name:
        raise DataError(
            "NW-UCLA: the archive holds a name that leads out of it",
            file=path,
            place=repr(member.orig_filename),
            expected="names like all_sqe/a01_s01_e00_v01.json",
            found="an absolute name or one with '..'",
            remedy="do not use this archive; get another one",
        )
    if member.file_size > _MAX_FILE:
        _too_large(path, member.filename, member.file_size)


def _too_large(path: Path, member: str, size: int) -> NoReturn:
    raise DataError(
        "NW-UCLA: a file is far too large for a clip",
        file=path,
        place=member,
        expected=f"at most {_MAX_FILE} bytes",
        found=f"{size} bytes" if size != _MAX_FILE + 1 else "more than that",
        remedy=_AGAIN,
    )


def _parse(path: Path, member: str, content: bytes) -> RawClip:
    """Reads one clip and checks every part of it."""

    def fail(what: str, key: str, expected: object, found: object) -> NoReturn:
        raise DataError(
            f"NW-UCLA: {what}",
            file=path,
            place=f"{member}, {key}",
            expected=expected,
            found=found,
            remedy=_AGAIN,
        )

    stem = PurePosixPath(member).stem
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

    try:
        record: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"
        fail("a file is not JSON", "whole file", "a JSON object", found)
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
