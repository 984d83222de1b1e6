"""The formats in which clips come: how each is read, written, split, and what is known of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sgnkit.data import SkeletonData
from sgnkit.datasets import _nw_ucla_raw, _raw_write, _sbu_raw, _utd_mhad_raw
from sgnkit.datasets._ctr_gcn_npz_raw import scan_ctr_gcn_npz
from sgnkit.datasets._ctr_gcn_write import write_ctr_gcn
from sgnkit.datasets._ntu_facts import BENCHMARKS, KNOWN_COUNTS, action_names, in_train
from sgnkit.datasets._ntu_skeleton_raw import scan_ntu_skeleton
from sgnkit.datasets._pose_folder_raw import Survey, pose_options, survey
from sgnkit.datasets._pose_folder_write import write_pose_folder
from sgnkit.datasets._pose_pickle_raw import read_splits, scan_pose_pickle, write_pose_pickle
from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.datasets._sources import Source
from sgnkit.datasets._storage import StoredClips, write_clips
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["FORMATS", "Format", "Parts", "ScanOptions", "SetInfo"]

Parts = Callable[[Any], Mapping[str, str]]
"""Takes a clip, or what stands for it, and returns its part in each protocol by name."""


class ScanOptions(NamedTuple):
    """How clips are to be read, where a format leaves that open.

    Attributes:
        layout: Layout of the joints, where the files do not tell.
        num_classes: Number of classes, where there are several forms of the set.
        max_persons: Most persons of a clip, for formats that hold more.
    """

    layout: SkeletonLayout | None = None
    num_classes: int | None = None
    max_persons: int | None = None


class SetInfo(NamedTuple):
    """What a writer may want to know beside the clips.

    Attributes:
        class_names: Name of each class, or nothing.
        parts: For each protocol, the names of the clips of each part.
    """

    class_names: tuple[str, ...] | None = None
    parts: Mapping[str, Mapping[str, list[str]]] = {}


class Format(NamedTuple):
    """One format.

    Attributes:
        summary: What it is, in a line.
        scan: Lists the clips below a path without reading them.
        write: Writes clips, whole or not at all; None if it is only read.
        parts: Returns the rule by which a clip is for training or testing, if there is one.
        known: Number of clips of the official parts, by protocol and part.
        class_names: Name of each class, if they are known.
        depth: Folders between the root and the file of a clip; 0 if all clips are in one file.
        drops: What a clip may carry that the written files have no place for.
    """

    summary: str
    scan: Callable[[Path, ScanOptions], Iterator[Source]]
    write: Callable[[Iterable[SkeletonData], Path, SetInfo], object] | None
    parts: Callable[[Path, ScanOptions], Parts] | None = None
    known: Callable[[ScanOptions], Mapping[str, Mapping[str, int]]] = lambda options: {}
    class_names: Callable[[Path, ScanOptions], tuple[str, ...] | None] = lambda p, o: None
    depth: int = 0
    drops: str = ""


def _scan_stored(path: Path, options: ScanOptions) -> Iterator[Source]:
    for index, name in enumerate(_stored(path).values("name")):
        yield Source(name or f"clip {index}", path, functools.partial(_read_stored, path, index))


def _read_stored(path: Path, index: int) -> SkeletonData:
    data: SkeletonData = _stored(path)[index]
    data.validate()
    return data


@functools.lru_cache(maxsize=4)
def _stored(path: Path) -> StoredClips:
    try:
        return StoredClips(path)
    except Exception as error:
        raise DataError(
            "stored clips cannot be opened",
            file=path,
            expected="the index that sgnkit wrote, with the folder it names beside it",
            found=f"{type(error).__name__}: {error}",
            remedy="copy both again, or make them anew from the raw data",
        ) from error


@functools.lru_cache(maxsize=1)
def _pickle(path: Path) -> Any:
    return restricted_pickle(path)


def _pickle_parts(path: Path, options: ScanOptions) -> Parts:
    found: dict[str, dict[str, str]] = {}
    for key, names in read_splits(path, _pickle(path)).items():
        protocol, _, part = key.rpartition("_")
        for name in names:
            found.setdefault(name, {})[protocol] = part
    return lambda clip: found.get(clip.name, {})


def _needs_layout(path: Path, options: ScanOptions) -> SkeletonLayout:
    if options.layout is None:
        raise DataError(
            "files of one's own do not tell their layout",
            file=path,
            expected="the layout of the joints",
            remedy="name it with --layout: a registered name, or a YAML file",
        )
    return options.layout


@functools.lru_cache(maxsize=2)
def _survey(path: Path, options: ScanOptions) -> Survey:
    return survey(path, pose_options(_needs_layout(path, options), missing="mask"))


def _folder_parts(path: Path, options: ScanOptions) -> Parts:
    parts = _survey(path, options).parts
    return lambda clip: {"": parts[clip.name]} if clip.name in parts else {}


def _sbu_parts(clip: Any) -> dict[str, str]:
    folds = enumerate(_sbu_raw.FOLDS, start=1)
    return {f"fold{k}": "test" if clip.subject in sets else "train" for k, sets in folds}


def _sbu_known(options: ScanOptions) -> dict[str, dict[str, int]]:
    tests = (55, 52, 56, 54, 65)
    return {f"fold{k}": {"train": 282 - n, "test": n} for k, n in enumerate(tests, start=1)}


def _ntu_parts(path: Path, options: ScanOptions) -> Parts:
    classes = options.num_classes or 120

    def parts(clip: Any) -> dict[str, str]:
        place = (clip.subject, clip.camera, clip.setup)
        return {
            benchmark: "train" if in_train(benchmark, classes, *place) else "test"
            for benchmark in BENCHMARKS[classes]
        }

    return parts


def _ntu_known(options: ScanOptions) -> dict[str, dict[str, int]]:
    classes = options.num_classes or 120
    counts = {b: KNOWN_COUNTS[classes, b] for b in BENCHMARKS[classes]}
    return {b: {"train": train, "test": test} for b, (train, test) in counts.items()}


def _write_npz(clips: Iterable[SkeletonData], path: Path, info: SetInfo) -> None:
    chosen = next(iter(info.parts.values()), {})
    classes = None if info.class_names is None else len(info.class_names)
    write_ctr_gcn(clips, path, [*chosen.get("test", []), *chosen.get("val", [])], classes)


def _write_pickle(clips: Iterable[SkeletonData], path: Path, info: SetInfo) -> None:
    lists = {
        f"{protocol}_{part}" if protocol else part: names
        for protocol, parts in info.parts.items()
        for part, names in parts.items()
    }
    write_pose_pickle(clips, path, lists)


def _folder(kind: str, summary: str) -> Format:
    def write(clips: Iterable[SkeletonData], path: Path, info: SetInfo) -> None:
        write_pose_folder(clips, path, kind, info.class_names)

    return Format(
        summary,
        lambda path, options: iter(_survey(path, options).sources),
        write,
        _folder_parts,
        class_names=lambda path, options: _survey(path, options).class_names,
        depth=2,
        drops="splits",
    )


def _by(rule: Callable[[Any], bool]) -> Callable[[Path, ScanOptions], Parts]:
    return lambda path, options: lambda clip: {"": "train" if rule(clip) else "test"}


FORMATS: dict[str, Format] = {
    "nw-ucla": Format(
        "Northwestern-UCLA: archive or folder of JSON files",
        lambda path, options: _nw_ucla_raw.scan_nw_ucla(path),
        lambda clips, path, info: _raw_write.write_nw_ucla(clips, path),
        _by(lambda clip: clip.camera in _nw_ucla_raw.TRAIN_VIEWS),
        lambda options: {"": {"train": 1020, "test": 464}},
        lambda path, options: tuple(_nw_ucla_raw.ACTIONS.values()),
        depth=1,
    ),
    "ntu": Format(
        "NTU RGB+D: folder or archives of .skeleton files",
        lambda path, options: scan_ntu_skeleton(
            path, options.num_classes or 120, options.max_persons
        ),
        lambda clips, path, info: _raw_write.write_ntu(clips, path),
        _ntu_parts,
        _ntu_known,
        lambda path, options: action_names(options.num_classes or 120),
        depth=1,
    ),
    "utd-mhad": Format(
        "UTD-MHAD: archive or folder of MATLAB files",
        lambda path, options: _utd_mhad_raw.scan_utd_mhad(path),
        lambda clips, path, info: _raw_write.write_utd_mhad(clips, path),
        _by(lambda clip: clip.subject in _utd_mhad_raw.TRAIN_SUBJECTS),
        lambda options: {"": {"train": 431, "test": 430}},
        lambda path, options: _utd_mhad_raw.ACTIONS,
        depth=1,
    ),
    "sbu": Format(
        "SBU Kinect Interaction: archive or folder of text files",
        lambda path, options: _sbu_raw.scan_sbu(path),
        lambda clips, path, info: _raw_write.write_sbu(clips, path),
        lambda path, options: _sbu_parts,
        _sbu_known,
        lambda path, options: _sbu_raw.ACTIONS,
        depth=4,
    ),
    "ctr-gcn": Format(
        "one .npz of CTR-GCN: x_train, y_train, x_test, y_test",
        lambda path, options: scan_ctr_gcn_npz(path, options.num_classes),
        _write_npz,
        _by(lambda clip: clip.name.startswith("train_")),
        drops="names, subjects, cameras, which joints were observed, splits but one protocol's",
    ),
    "pose-pickle": Format(
        "one pickle of pyskl and MMAction2",
        lambda path, options: scan_pose_pickle(path, options.layout, content=_pickle(path)),
        _write_pickle,
        _pickle_parts,
    ),
    "pose-folder": _folder("npz", "one .npz a clip, with a table; reads any files of one's own"),
    "csv": _folder("csv", "one table a clip, with a table of all clips"),
    "json": _folder("json", "one JSON file a clip, nested lists, with a table of all clips"),
    "openpose": _folder("openpose", "JSON files of OpenPose: a folder a clip, a file a frame"),
    "coco": _folder("coco", "one JSON file of COCO keypoint results a clip"),
    "mediapipe": _folder("mediapipe", "one JSON file of MediaPipe landmarks a clip"),
    "sgnkit": Format(
        "what sgnkit stores: memory-mapped NumPy files behind one index",
        _scan_stored,
        lambda clips, path, info: write_clips(clips, path),
        drops="splits",
    ),
}
"""All formats by their names."""
