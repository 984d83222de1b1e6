"""Own keypoint files: which there are, what class each belongs to, and how each is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._keypoint_json import natural
from sgnkit.datasets._pose import Pose, PoseOptions, split_score, to_clip, wrong
from sgnkit.datasets._pose_csv import parse_csv, read_rows
from sgnkit.datasets._pose_json import is_frame_file, parse_pose_json, read_frame_folder
from sgnkit.datasets._raw_files import list_files
from sgnkit.datasets._safe import inside, read_bytes
from sgnkit.datasets._safe_arrays import read_npy, read_npz
from sgnkit.datasets._sources import MAX_CLASSES, Source, broken, known_layout
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["NUMBERS", "SUFFIXES", "TABLE", "Survey", "pose_options", "scan_pose_folder", "survey"]

SUFFIXES = (".csv", ".json", ".npy", ".npz")
TABLE = "clips.csv"
NUMBERS = ("subject", "camera", "setup")

_PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_PARTS |= {"val": "val", "valid": "val", "validation": "val"}
_KEYS = ("keypoints", "keypoint", "x")
_SCORES = ("scores", "score", "confidence", "mask")


class _Entry(NamedTuple):
    """What is known of a clip before its file is read; an error where that is not right."""

    name: str
    file: str
    action: str
    part: str
    facts: dict[str, str]
    error: DataError | None = None


class Survey(NamedTuple):
    """What a folder holds.

    Attributes:
        sources: The clips.
        class_names: Name of each class.
        parts: `"train"`, `"val"` or `"test"` of each clip, if the folder says so.
        subjects: Names of the subjects by their numbers, if they have names.
    """

    sources: list[Source]
    class_names: tuple[str, ...]
    parts: dict[str, str]
    subjects: tuple[str, ...]


def pose_options(
    layout: str | SkeletonLayout,
    axes: str | None = None,
    confidence: bool = False,
    min_score: float = 0.0,
    missing: str = "raise",
) -> PoseOptions:
    """Returns the options of a reader once they are legal."""
    layout = known_layout(layout)
    if axes is not None and sorted(axes) not in (sorted("TVC"), sorted("MTVC")):
        raise ValueError(
            f"PoseFolder: axes must be the letters T, V, C and perhaps M in any order, got {axes!r}"
        )
    if missing not in ("raise", "mask", "zeros"):
        raise ValueError(f"PoseFolder: missing must be raise, mask or zeros, got {missing!r}")
    return PoseOptions(layout, axes, bool(confidence), float(min_score), missing)


def scan_pose_folder(
    path: str | os.PathLike[str], layout: str | SkeletonLayout, **options: Any
) -> Iterator[Source]:
    """Lists the clips of a folder; the options are those of `pose_options`.

    Raises:
        sgnkit.errors.DataError: If the folder or its table cannot be read, or holds no clip.
    """
    yield from survey(Path(path), pose_options(layout, **options)).sources


def survey(
    root: Path,
    options: PoseOptions,
    *,
    table: str | None = None,
    pattern: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Survey:
    """Finds all clips of a folder and their classes, and reads none of them.

    Args:
        root: The folder.
        options: How the files are to be read.
        table: Table of the clips, relative to the folder; without it `clips.csv`, if it is there,
            else the classes are the names of the folders.
        pattern: Regular expression over the path of a clip with groups named `subject`, `camera`
            or `setup`.
        class_names: The classes in their order, if not all that are found in the order of names.

    Raises:
        sgnkit.errors.DataError: If the folder or its table cannot be read, or holds no clip.
    """
    name = table or (TABLE if (root / TABLE).is_file() else None)
    entries = list(_from_table(root, name) if name else _from_folders(root))
    if not entries:
        found = "none in the table" if name else f"no file that ends with {', '.join(SUFFIXES)}"
        expected = "files like wave/clip01.csv: a folder for each class, a file for each clip"
        raise wrong("a folder holds no clips", root, name, expected, found)
    if pattern is not None:
        entries = [_matched(entry, re.compile(pattern)) for entry in entries]
    classes = _classes(entries, class_names)
    names = sorted({e.facts["subject"] for e in entries if e.facts.get("subject")}, key=natural)
    numbered = all(re.fullmatch(r"\d{1,9}", subject) for subject in names)
    places = {s: int(s) if numbered else i for i, s in enumerate(names, start=1)}
    return Survey(
        [_source(root, name, entry, classes, places, options) for entry in entries],
        tuple(classes),
        {entry.name: entry.part for entry in entries if entry.part},
        () if numbered else tuple(names),
    )


def _from_folders(root: Path) -> Iterator[_Entry]:
    """One clip for each file, or for each folder of frames; the folder around it is its class."""
    files: dict[str, None] = {}
    for raw in list_files(root, SUFFIXES):
        path = PurePosixPath(raw.name)
        if path.parts[0] != "processed" and raw.name != TABLE:
            files[str(path.parent) if is_frame_file(path.name) else raw.name] = None
    tops = {PurePosixPath(file).parts[0].lower() for file in files}
    has_parts = (
        bool(tops) and "train" in {_PARTS.get(top) for top in tops} and tops <= _PARTS.keys()
    )
    for file in sorted(files, key=natural):
        name = str(PurePosixPath(file).with_suffix("")) if (root / file).is_file() else file
        parts = PurePosixPath(file).parts
        part = _PARTS[parts[0].lower()] if has_parts else ""
        inner = parts[1:] if has_parts else parts
        error = None
        if len(inner) < 2:
            expected = "a file in a folder that has the name of its class, or a table clips.csv"
            error = wrong("a clip has no class", root / file, None, expected, "no such folder")
        yield _Entry(name, file, inner[0] if len(inner) > 1 else "", part, {}, error)


def _from_table(root: Path, name: str) -> Iterator[_Entry]:
    """One clip for each line of a table with the columns file and class, and some others."""
    path = inside(root, name)
    rows = read_rows(read_bytes(path), path)
    names = [cell.lower() for cell in rows[0][1]] if rows else []
    for column in ("file", "class"):
        if names.count(column) != 1:
            expected = "columns file and class, and if wanted name, split, subject, camera, setup"
            raise wrong("a table lacks a column", path, "line 1", expected, ", ".join(names)[:100])
    for line, row in rows[1:]:
        cells = dict(zip(names, row, strict=False))
        file = cells.get("file", "").replace("\\", "/")

        def fail(expected: str, found: object, line: int = line) -> DataError:
            return wrong("a line of the table is not right", path, f"line {line}", expected, found)

        error = None
        part = cells.get("split", "").lower()
        if len(row) != len(names):
            error = fail(f"{len(names)} cells, as in line 1", len(row))
        elif not file or not cells["class"]:
            error = fail("a file and a class", row)
        elif part and part not in _PARTS:
            error = fail("a split: train, val, test or nothing", part)
        facts = {key: cells[key] for key in NUMBERS if cells.get(key)}
        default = str(PurePosixPath(file).with_suffix("")) if file else f"line {line}"
        clip = cells.get("name") or default
        yield _Entry(clip, file, cells.get("class", ""), _PARTS.get(part, ""), facts, error)


def _matched(entry: _Entry, pattern: re.Pattern[str]) -> _Entry:
    match = pattern.search(entry.file)
    found = {k: v for k, v in match.groupdict().items() if v} if match else {}
    return entry._replace(facts={**{k: v for k, v in found.items() if k in NUMBERS}, **entry.facts})


def _classes(entries: Iterable[_Entry], given: Sequence[str] | None) -> dict[str, int]:
    """Returns the label of each class; numbers instead of names are labels."""
    found = {entry.action for entry in entries if entry.action}
    if given is not None:
        return {name: i for i, name in enumerate(given)}
    if found and all(re.fullmatch(r"\d{1,4}", action) for action in found):
        return {str(i): i for i in range(max(map(int, found)) + 1)}
    return {name: i for i, name in enumerate(sorted(found, key=natural)[:MAX_CLASSES])}


def _source(
    root: Path,
    table: str | None,
    entry: _Entry,
    classes: dict[str, int],
    subjects: dict[str, int],
    options: PoseOptions,
) -> Source:
    path = root / entry.file
    action = entry.action
    if action not in classes and re.fullmatch(r"\d{1,9}", action):
        number = int(action)
        action = list(classes)[number] if number < len(classes) else action
    error = entry.error
    if error is None and action not in classes:
        expected = f"one of {len(classes)} classes: {', '.join(classes)}"[:200]
        place = f"{table}, class of {entry.file}" if table else None
        error = wrong("a class is out of range", path, place, expected, repr(entry.action))
    facts: dict[str, int] = {}
    for key, value in entry.facts.items():
        if key == "subject":
            facts[key] = subjects[value]
        elif re.fullmatch(r"\d{1,9}", value):
            facts[key] = int(value)
        elif error is None:
            error = wrong("a number is not one", path, f"{key} of {entry.file}", "digits", value)
    if error is not None:
        return broken(entry.name, path, error)
    facts["y"] = classes[action]
    return Source(entry.name, path, partial(_read, root, entry.file, entry.name, options, facts))


def _read(
    root: Path, file: str, name: str, options: PoseOptions, facts: dict[str, int]
) -> SkeletonData:
    return to_clip(read_pose(root, file, options), options, root / file, name=name, **facts)


def read_pose(root: Path, file: str, options: PoseOptions) -> Pose:
    """Returns the keypoints of one file or folder of frames."""
    path = inside(root, file)
    if os.path.isdir(path):  # False also for names that no system takes
        return read_frame_folder(path, options)
    readers: dict[str, Callable[[], Pose]] = {
        ".csv": lambda: parse_csv(read_bytes(path), options, path),
        ".json": lambda: parse_pose_json(read_bytes(path), options, path),
        ".npy": lambda: split_score(read_npy(path), options.axes, options.confidence, path),
        ".npz": lambda: _npz(read_npz(path), options, path),
    }
    if path.suffix.lower() not in readers:
        expected = f"a file that ends with {', '.join(SUFFIXES)}"
        raise wrong("an unknown kind of file", path, None, expected, path.suffix or "no ending")
    return readers[path.suffix.lower()]()


def _npz(arrays: dict[str, np.ndarray], options: PoseOptions, path: Path) -> Pose:
    """Arrays by name: keypoints, and if wanted scores, axes and layout."""

    def fail(place: str, expected: str) -> NoReturn:
        found = ", ".join(f"{key} {value.shape}" for key, value in arrays.items())[:200]
        raise wrong("arrays are not those of a clip", path, place, expected, found or "none")

    key = next((key for key in _KEYS if key in arrays), None)
    if key is None and len(arrays) == 1:
        key = next(iter(arrays))
    if key is None:
        fail("names", "an array keypoints, and if wanted scores, axes, layout")
    words = {}
    for word in ("axes", "layout"):
        if word in arrays:
            if arrays[word].shape != () or arrays[word].dtype.kind != "U":
                fail(word, "text")
            words[word] = str(arrays[word])
    pose = split_score(arrays[key], options.axes or words.get("axes"), options.confidence, path)
    score = next((arrays[key] for key in _SCORES if key in arrays), pose.score)
    return pose._replace(score=score, layout=words.get("layout"))
