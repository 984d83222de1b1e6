"""Writes clips as files of one's own: what `PoseFolder` reads."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._keypoint_json_write import write_coco, write_mediapipe, write_openpose
from sgnkit.datasets._pose_csv import write_csv
from sgnkit.datasets._pose_folder_raw import NUMBERS, TABLE
from sgnkit.datasets._pose_json import write_json
from sgnkit.datasets._safe import reason, whole_file
from sgnkit.datasets._sources import MAX_CLASSES
from sgnkit.errors import DataError

__all__ = ["write_npz", "write_pose_folder"]


def write_npz(data: SkeletonData, path: Path) -> None:
    """Writes one clip as arrays `keypoints`, `mask`, `axes` and `layout`, whole or not at all."""
    x = data.to_array("MTVC").astype(np.float32)
    mask = data.to_array("MTV", attr="mask")
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, keypoints=x, mask=mask, axes="MTVC", layout=str(data.layout))


_WRITERS: dict[str, tuple[str, Callable[[SkeletonData, Path], None]]] = {
    "npz": (".npz", write_npz),
    "csv": (".csv", write_csv),
    "json": (".json", write_json),
    "openpose": ("", write_openpose),
    "coco": (".json", write_coco),
    "mediapipe": (".json", write_mediapipe),
}
"""How the name of a clip ends, and what writes it."""


def write_pose_folder(
    clips: Iterable[SkeletonData],
    path: str | os.PathLike[str],
    kind: str = "npz",
    class_names: Sequence[str] | None = None,
) -> None:
    """Writes clips as a folder that [`PoseFolder`][sgnkit.datasets.PoseFolder] reads, whole or
    not at all: a file for each clip, and the table `clips.csv` with name, class, subject, camera
    and setup.

    Coordinates are stored as float32. Two clips whose names differ in signs that file systems do
    not take get different files; the table keeps their names.

    Args:
        clips: Clips with names of their own.
        path: Folder to make; there must be nothing of that name.
        kind: `"npz"`, `"csv"` or `"json"`; or, in the form of a pose estimator, `"openpose"`, a
            folder for each clip, `"coco"`, two coordinates only, or `"mediapipe"`.
        class_names: Name of each class; the default is their numbers.

    Raises:
        sgnkit.errors.DataError: If a clip has no class, a name comes twice, or nothing can be
            written.
        ValueError: If ``kind`` is not legal.

    Examples:
        >>> from sgnkit.datasets import PoseFolder, SyntheticActions
        >>> clips = SyntheticActions(num_clips=20, layout="mediapipe33")
        >>> folder = getfixture("tmp_path") / "mine"
        >>> write_pose_folder(clips, folder, "csv", clips.class_names)
        >>> PoseFolder(folder, "mediapipe33", split="all")
        PoseFolder(20)
    """
    if kind not in _WRITERS:
        legal = ", ".join(_WRITERS)
        raise ValueError(f"write_pose_folder: kind must be one of {legal}, got {kind!r}")
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            raise FileExistsError("something of that name is there")
        part.mkdir(parents=True)
        _write(clips, part, kind, class_names)
        part.rename(path)
    except OSError as error:
        raise DataError(
            "a folder cannot be written",
            file=path,
            expected="a new folder, in one that can be written",
            found=reason(error),
            remedy="give another path, or remove the folder that is there",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(
    clips: Iterable[SkeletonData], folder: Path, kind: str, class_names: Sequence[str] | None
) -> None:
    names: set[str] = set()
    files: set[str] = set()
    suffix, write = _WRITERS[kind]
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "name", "class", *NUMBERS])
        for data in clips:
            label = MAX_CLASSES if data.y is None else int(data.y)
            known = range(MAX_CLASSES if class_names is None else len(class_names))
            twice = data.name in names
            if label not in known or not _is_plain(data.name) or twice:
                found = "no class" if data.y is None else f"class {label}"
                raise DataError(
                    "a clip cannot be written",
                    file=folder,
                    place=repr(data.name),
                    expected=f"a class from 0 to {len(known) - 1}, a printable name of its own",
                    found=f"{found}, {'the name of another clip' if twice else 'this name'}",
                    remedy="give each clip a class and its own name",
                )
            action = str(label) if class_names is None else class_names[label]
            stem = _file_name(data.name)
            while stem.lower() in files:
                stem += "_"
            names.add(data.name)
            files.add(stem.lower())
            file = f"{_file_name(action)}/{stem}{suffix}"
            write(data, folder / file)
            table.writerow(
                [file, data.name, action, *(int(data[k]) if k in data else "" for k in NUMBERS)]
            )


def _file_name(name: str) -> str:
    """Returns a name that every file system takes."""
    return re.sub(r"[^\w.()+=@-]+", "_", name, flags=re.ASCII).strip(".")[:100] or "_"


def _is_plain(name: str) -> bool:
    """Whether a name stays what it is in a cell of a table."""
    return name != "" and name.isprintable() and name == name.strip()
