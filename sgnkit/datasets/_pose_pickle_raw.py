"""Reads and writes the pose pickle of pyskl and MMAction2."""

from __future__ import annotations

import os
import pickle
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._safe import whole_file
from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.datasets._sources import MAX_CLASSES, Source, broken, build_clip, known_layout
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts

__all__ = ["guess_layout", "read_splits", "scan_pose_pickle", "write_pose_pickle"]

_NTU = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R\d{3}A\d{3}")
_NUMBERS = ("subject", "camera", "setup")
_AGAIN = "write the file anew, with write_pose_pickle for example"


def scan_pose_pickle(
    path: str | os.PathLike[str],
    layout: str | SkeletonLayout | None = None,
    *,
    min_score: float = 0.0,
    num_classes: int = MAX_CLASSES,
    content: Any = None,
) -> Iterator[Source]:
    """Lists the clips of a pose pickle.

    Args:
        path: The pickle.
        layout: Layout of the joints; without it, the only one with as many joints as the first
            clip has.
        min_score: A joint is observed if its score is greater.
        num_classes: Classes are from 0 to one less.
        content: What `restricted_pickle` returned, if that was done already.

    Raises:
        sgnkit.errors.DataError: If the file as a whole is no pose pickle.
    """
    path = Path(path)
    layout = None if layout is None else known_layout(layout)
    content = restricted_pickle(path) if content is None else content
    for number, record in enumerate(_annotations(path, content)):
        place = f"annotations[{number}]"
        name = record.get("frame_dir") if isinstance(record, dict) else None
        try:
            kept = _check(record, path, place, num_classes)
            if layout is None:
                place = f"{kept['place']}, key 'keypoint'"
                layout = guess_layout(kept["keypoint"].shape[2], path, place)
        except DataError as error:
            yield broken(name if isinstance(name, str) and name else place, path, error)
        else:
            yield Source(kept["frame_dir"], path, partial(_read, kept, path, layout, min_score))


def _annotations(path: Path, content: Any) -> list[Any]:
    records = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(records, list) or not records:
        raise DataError(
            "a pickle holds no poses",
            file=path,
            place="key 'annotations'",
            expected="{'split': {name: [ids]}, 'annotations': [...]}, or the list alone",
            found=reprlib.repr(records if isinstance(content, dict) else content)[:80],
            remedy=_AGAIN,
        )
    return records


def read_splits(path: str | os.PathLike[str], content: Any) -> dict[str, list[str]]:
    """Returns the lists of names that a pickle calls its splits."""
    splits = content.get("split", {}) if isinstance(content, dict) else {}
    splits = {} if splits is None else splits

    def fail(key: str, found: Any) -> NoReturn:
        raise DataError(
            "a list of clips is not right",
            file=path,
            place=key,
            expected="names of annotations, each once",
            found=reprlib.repr(found)[:80],
            remedy=_AGAIN,
        )

    if not isinstance(splits, dict):
        fail("key 'split'", splits)
    for key, names in splits.items():
        if not isinstance(key, str) or not isinstance(names, list | tuple):
            fail(f"split {reprlib.repr(key)}", names)
        seen: set[str] = set()
        for name in names:
            if not isinstance(name, str) or name in seen:
                fail(f"split {key!r}", name)
            seen.add(name)
    return {key: list(names) for key, names in splits.items()}


def guess_layout(num_joints: int, file: object, place: str) -> SkeletonLayout:
    """Returns the only registered layout of so many joints, or asks which one is meant."""
    fitting = [n for n in list_layouts() if get_layout(n).num_joints == num_joints]
    if len(fitting) != 1:
        raise DataError(
            "the layout of the joints is not known",
            file=file,
            place=place,
            expected="a number of joints that one registered layout has",
            found=f"{num_joints} joints; layouts with as many: {', '.join(fitting) or 'none'}",
            remedy="name the layout with layout=...; register_layout adds your own",
        )
    return get_layout(fitting[0])


def _check(record: Any, path: Path, place: str, num_classes: int) -> dict[str, Any]:
    """Returns the parts of an annotation that make a clip, or says which one is not right."""

    def fail(key: str, expected: object, found: object) -> NoReturn:
        raise DataError(
            "an annotation is not right",
            file=path,
            place=f"{place}, key {key!r}" if key else place,
            expected=expected,
            found=found if isinstance(found, str) else reprlib.repr(found)[:80],
            remedy=_AGAIN,
        )

    if not isinstance(record, dict):
        fail("", "a dict", type(record).__name__)
    name, label, x = (record.get(key) for key in ("frame_dir", "label", "keypoint"))
    if not isinstance(name, str) or not name:
        fail("frame_dir", "a name", name)
    place = f"{place}, {name[:80]!r}"
    if isinstance(label, bool) or not isinstance(label, int | np.integer):
        fail("label", "a class, counted from 0", label)
    if not 0 <= label < num_classes:
        fail("label", f"a class from 0 to {num_classes - 1}", label)
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu" or x.ndim != 4:
        found = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        fail("keypoint", "numbers (persons, frames, joints, coordinates)", found)
    if 0 in x.shape:
        fail("keypoint", "at least one person, frame, joint and coordinate", f"shape {x.shape}")
    total = record.get("total_frames", x.shape[1])
    if total != x.shape[1]:
        fail("total_frames", f"{x.shape[1]}, as in keypoint", total)
    score = record.get("keypoint_score")
    if score is not None:
        right = isinstance(score, np.ndarray) and score.dtype.kind in "biuf"
        if not right or score.shape != x.shape[:3]:
            found = str(getattr(score, "shape", type(score).__name__))
            fail("keypoint_score", f"numbers of shape {x.shape[:3]}", found)
        score = np.asarray(score)
    numbers = dict(zip(_NUMBERS, _numbers(name), strict=True))
    for key in _NUMBERS:
        value = record.get(key)
        if isinstance(value, int | np.integer) and abs(int(value)) < 2**31:
            numbers[key] = int(value)
    return {
        "frame_dir": name,
        "place": place,
        "label": int(label),
        "keypoint": np.asarray(x),
        "keypoint_score": score,
        "numbers": numbers,
    }


def _numbers(name: str) -> tuple[int | None, ...]:
    """Returns subject, camera and setup of a clip that is named as in NTU RGB+D."""
    match = _NTU.match(name)
    if not match:
        return None, None, None
    setup, camera, subject = (int(group) for group in match.groups())
    return subject, camera, setup


def _read(
    record: dict[str, Any], path: Path, layout: SkeletonLayout, min_score: float
) -> SkeletonData:
    score = record["keypoint_score"]
    return build_clip(
        record["keypoint"],
        layout,
        "MTVC",
        file=path,
        place=record["place"],
        y=record["label"],
        name=record["frame_dir"],
        mask=None if score is None else score > min_score,
        missing="zeros" if score is None else "raise",
        **record["numbers"],
    )


def write_pose_pickle(
    clips: Iterable[SkeletonData],
    path: str | os.PathLike[str],
    splits: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Writes clips as the pose pickle that pyskl and MMAction2 read, whole or not at all.

    `keypoint` is float32 of shape (persons, frames, joints, coordinates); `keypoint_score` is 1
    where a joint was observed and 0 elsewhere. Subject, camera and setup are written where they
    are known; other readers pass over them.

    Args:
        clips: Clips with classes and names of their own.
        path: File to write.
        splits: Names of the clips of each split, for example ``{"train": [...], "val": [...]}``.

    Raises:
        sgnkit.errors.DataError: If a clip has no class, a name comes twice, a split names a clip
            that is not there, or nothing can be written.

    Examples:
        >>> from sgnkit.datasets import PosePickle, SyntheticActions
        >>> clips = SyntheticActions(num_clips=20, layout="coco17")
        >>> path = getfixture("tmp_path") / "mine.pkl"
        >>> write_pose_pickle(clips, path, {"train": clips.names[:10], "val": clips.names[10:]})
        >>> PosePickle(path, split="test")
        PosePickle(10)
    """
    annotations: dict[str, dict[str, Any]] = {}

    def fail(what: str, place: str, remedy: str) -> NoReturn:
        raise DataError(f"write_pose_pickle: {what}", file=path, place=place, remedy=remedy)

    for data in clips:
        if data.y is None or not data.name or data.name in annotations:
            what = "no class" if data.y is None else "no name, or that of another clip"
            fail(f"a clip has {what}", repr(data.name), "give each clip a class and its own name")
        x = data.to_array("MTVC").astype(np.float32)
        annotations[data.name] = {
            "frame_dir": data.name,
            "label": int(data.y),
            "total_frames": x.shape[1],
            "keypoint": x,
            "keypoint_score": data.to_array("MTV", attr="mask").astype(np.float32),
            **{key: int(data[key]) for key in _NUMBERS if key in data},
        }
    lists = {str(key): list(names) for key, names in (splits or {}).items()}
    for key, names in lists.items():
        for name in names:
            if name not in annotations:
                fail("a split names a clip that is not there", f"{key}: {name!r}", "correct it")
    with whole_file(path) as part, part.open("wb") as stream:
        pickle.dump({"split": lists, "annotations": list(annotations.values())}, stream, 4)
