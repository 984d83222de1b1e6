"""Reads the raw `.skeleton` files of NTU RGB+D."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._ntu_facts import NTUName, missing_names, parse_name
from sgnkit.datasets._raw_files import RawFile, list_files
from sgnkit.datasets._safe import decode
from sgnkit.datasets._sources import Source, build_clip
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["main_actors", "scan_ntu_skeleton"]

_NUM_JOINTS = 25
_HEAD, _ROW = 10, 12  # values of the line of a body, and of a joint
_MAX_FRAMES = 5_000  # the longest recording has 300
_MAX_AT_ONCE = 6  # bodies that a Kinect v2 tracks
_MAX_BODIES = 50  # ids of a recording: bodies come and go
_AGAIN = "download the file again: it was cut off or garbled"

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


def scan_ntu_skeleton(
    path: Path, num_classes: int = 120, max_persons: int | None = None
) -> Iterator[Source]:
    """Lists the recordings of a folder or archive, without those of the missing list.

    Args:
        path: Archive, or folder with files or archives, at any depth.
        num_classes: 60 or 120; recordings of other classes are passed over.
        max_persons: Most persons of a clip, see `main_actors`; None keeps all bodies and frames.

    Raises:
        sgnkit.errors.DataError: If the archive or folder cannot be read.
    """
    missing = missing_names(num_classes)
    roots = [path, *sorted(path.glob("*.zip"))] if path.is_dir() else [path]
    for file in itertools.chain.from_iterable(list_files(root, ".skeleton") for root in roots):
        name = PurePosixPath(file.name).stem
        numbers = parse_name(name)
        if numbers is None or (name not in missing and numbers.action <= num_classes):
            yield Source(name, file.file, functools.partial(_read, file, numbers, max_persons))


def _read(file: RawFile, numbers: NTUName | None, max_persons: int | None) -> SkeletonData:
    name = PurePosixPath(file.name).stem
    if numbers is None or not 1 <= numbers.action <= 120:
        raise DataError(
            "NTU RGB+D: a file has another name than a recording",
            file=file.file,
            place=file.at("name"),
            expected="S001C001P001R001A001.skeleton, actions A001 to A120",
            found=name,
            remedy="remove the file if it is not part of the set",
        )
    x, mask = _Parser(file).parse()
    if max_persons is not None:
        x, mask = main_actors(x, mask, max_persons)
    return build_clip(
        x,
        get_layout("ntu25"),
        "MTVC",
        file=file.file,
        place=file.place or "",
        mask=mask,
        persons="all",
        missing="mask",
        y=numbers.action - 1,
        name=name,
        subject=numbers.subject,
        camera=numbers.camera,
        setup=numbers.setup,
    )


class _Parser:
    """Goes through the lines of one recording."""

    def __init__(self, file: RawFile) -> None:
        self.file = file
        self.lines = decode(file.read(), file.file, file.place).rstrip().split("\n")
        self.next = 0
        self.frame: int | None = None

    def parse(self) -> tuple[Array, Mask]:
        """Returns coordinates (M, T, V, C) and which joints were tracked (M, T, V)."""
        num_frames = self.whole("the number of frames", 1, _MAX_FRAMES)
        tracks: dict[str, list[tuple[int, NDArray[np.float64]]]] = {}
        for self.frame in range(num_frames):
            here: set[str] = set()
            for _ in range(self.whole("the number of bodies", 0, _MAX_AT_ONCE)):
                body, rows = self.body()
                while body in here:  # the same id twice in a frame: two bodies all the same
                    body += "'"
                here.add(body)
                tracks.setdefault(body, []).append((self.frame, rows))
                if len(tracks) > _MAX_BODIES:
                    self.fail(f"at most {_MAX_BODIES} bodies in a recording", "more ids")
        if self.next < len(self.lines):
            self.fail(f"the end of the file after {num_frames} frames", self.line())
        if not tracks:
            raise DataError(
                "NTU RGB+D: a recording holds no person",
                file=self.file.file,
                place=self.file.place,
                expected="a body in at least one frame",
                found=f"{num_frames} frames without one",
                remedy="leave the recording out: remove it, or pass on_error='skip'",
            )
        x = np.zeros((len(tracks), num_frames, _NUM_JOINTS, 3), np.float32)
        mask = np.zeros(x.shape[:3], bool)
        for m, track in enumerate(tracks.values()):
            frames = [frame for frame, _ in track]
            rows = np.stack([rows for _, rows in track])
            with np.errstate(over="ignore"):
                x[m, frames] = rows[..., :3]
            mask[m, frames] = (rows[..., -1] != 0) & np.isfinite(x[m, frames]).all(-1)
        return x, mask

    def body(self) -> tuple[str, NDArray[np.float64]]:
        """Reads one body of one frame: its id, and 12 values of each joint."""
        head = self.line().split()
        if len(head) != _HEAD:
            self.fail(f"{_HEAD} values of a body", " ".join(head))
        self.next += 1
        self.whole("the number of joints", _NUM_JOINTS, _NUM_JOINTS)
        start = self.next
        words = [line.split() for line in self.lines[start : start + _NUM_JOINTS]]
        for self.next, row in enumerate(words, start=start):
            if len(row) != _ROW:
                self.fail(f"{_ROW} values of a joint", " ".join(row))
        self.next = start + len(words)
        if len(words) < _NUM_JOINTS:
            self.line()
        try:
            return head[0], np.array([[float(word) for word in row] for row in words])
        except ValueError as error:
            self.next = start
            self.fail(f"numbers in the {_NUM_JOINTS} lines from here", error)

    def whole(self, what: str, low: int, high: int) -> int:
        """Reads a line with one whole number."""
        text = self.line().strip()
        legal = text.isascii() and text.isdecimal() and len(text) < 9
        if not legal or not low <= int(text) <= high:
            limits = str(low) if low == high else f"{low} to {high}"
            self.fail(f"{what}, {limits}", text)
        self.next += 1
        return int(text)

    def line(self) -> str:
        """Returns the next line, which must be there."""
        if self.next >= len(self.lines):
            self.fail("more lines", "the end of the file")
        return self.lines[self.next]

    def fail(self, expected: object, found: object) -> NoReturn:
        """Raises an error that names file and line."""
        frame = "" if self.frame is None else f", frame {self.frame}"
        raise DataError(
            "NTU RGB+D: a recording is damaged",
            file=self.file.file,
            place=self.file.at(f"line {self.next + 1}{frame}"),
            expected=expected,
            found=str(found)[:80] or "an empty line",
            remedy=_AGAIN,
        )


def main_actors(x: Array, mask: Mask, max_persons: int) -> tuple[Array, Mask]:
    r"""Returns the persons that matter most, and the frames in which any of them was seen.

    Bodies are taken in the order of their motion energy, the mean of
    $\lVert \mathbf{x}_{v,t} - \bar{\mathbf{x}}_v \rVert^2$ over observed joints and frames, most
    first. A sensor that loses somebody and finds them again gives a new id, so a body joins the
    first person with whom it shares no frame; else it is another person, until there are
    ``max_persons``; else it is left out.

    Args:
        x: Coordinates of the bodies.
        mask: Observed joints.
        max_persons: Most persons, at least 1.

    Shapes:
        - **x**: $(M, T, V, C)$
        - **mask**: $(M, T, V)$
        - **returns**: both, with persons in place of bodies
    """
    seen: Mask = np.any(mask, axis=2)
    energy = motion_energy(x, mask)
    persons: list[list[int]] = []
    for body in np.argsort(-energy, kind="stable"):
        free = (person for person in persons if not (seen[person] & seen[body]).any())
        person = next(free, None)
        if person is not None:
            person.append(int(body))
        elif len(persons) < max_persons:
            persons.append([int(body)])
    frames = seen[[body for person in persons for body in person]].any(axis=0)
    x = np.where(seen[..., None, None], x, 0)
    joined = np.stack([x[person].sum(axis=0) for person in persons])
    return joined[:, frames], np.stack([mask[person].any(axis=0) for person in persons])[:, frames]


def motion_energy(x: Array, mask: Mask) -> NDArray[np.float64]:
    """Returns how much each body moves about the mean places of its joints."""
    weight = mask[..., None]
    x = np.where(weight, x, 0).astype(np.float64)
    mean = x.sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1)
    square = np.where(weight, (x - mean) ** 2, 0).sum(axis=(1, 2, 3))
    energy: NDArray[np.float64] = square / np.maximum(mask.sum(axis=(1, 2)), 1)
    return energy
