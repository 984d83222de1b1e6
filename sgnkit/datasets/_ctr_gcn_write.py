"""Writes clips in the form that CTR-GCN and its followers read."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.lib import format as npy

from sgnkit.data import SkeletonData
from sgnkit.datasets._safe import whole_file
from sgnkit.datasets._sources import MAX_CLASSES
from sgnkit.errors import DataError

__all__ = ["write_ctr_gcn"]

_PERSONS = 2
_CHANNELS = 3


def write_ctr_gcn(
    clips: Iterable[SkeletonData],
    path: str | os.PathLike[str],
    test: Collection[str] = (),
    num_classes: int | None = None,
) -> None:
    r"""Writes clips as an `.npz` of CTR-GCN, whole or not at all: `x_train` and `x_test` of shape
    $(N, T, 2 \cdot V \cdot 3)$, `y_train` and `y_test` as one-hot rows.

    Absent persons, frames in which nothing of a person was observed, and the frames after the last
    one of each clip are zeros. Names, subjects, cameras and which single joints were not observed
    have no place in this format. Memory holds one clip at a time.

    Args:
        clips: Clips of one layout with three coordinates, one or two persons and classes.
        path: File to write.
        test: Names of the test clips; all others are training clips.
        num_classes: Length of the one-hot rows; the default is the highest class and one more.

    Raises:
        sgnkit.errors.DataError: If a clip does not fit this format or nothing can be written.
    """
    path, wanted = Path(path), set(test)
    labels: dict[str, list[int]] = {"train": [], "test": []}
    lengths: dict[str, list[int]] = {"train": [], "test": []}

    def fail(data: SkeletonData, expected: object, found: object) -> NoReturn:
        raise DataError(
            "a clip does not fit the CTR-GCN format",
            file=path,
            place=repr(data.name),
            expected=expected,
            found=found,
            remedy="leave it out, or write another format",
        )

    with (
        whole_file(path) as part,
        tempfile.TemporaryFile(dir=part.parent) as train,
        tempfile.TemporaryFile(dir=part.parent) as other,
    ):
        rows, width = {"train": train, "test": other}, 0
        for data in clips:
            num_joints, channels = data.skeleton.num_joints, data.x.size(-1)
            width = width or _PERSONS * num_joints * _CHANNELS
            most = MAX_CLASSES if num_classes is None else num_classes
            if data.y is None or not 0 <= int(data.y) < most:
                fail(
                    data, f"a class from 0 to {most - 1}", data.y if data.y is None else int(data.y)
                )
            if channels != _CHANNELS or data.num_persons > _PERSONS:
                found = f"{channels} coordinates, {data.num_persons} persons"
                fail(data, "3 coordinates, 1 or 2 persons", found)
            if width != _PERSONS * num_joints * _CHANNELS:
                fail(data, "the layout of the clips before", data.layout)
            key = "test" if data.name in wanted else "train"
            x = data.to_array("TMVC", num_persons=_PERSONS).astype("<f4")
            x[~data.to_array("TMV", attr="mask", num_persons=_PERSONS).any(axis=2)] = 0
            rows[key].write(x.tobytes())
            lengths[key].append(len(x))
            labels[key].append(int(data.y))
        total = num_classes or max([*labels["train"], *labels["test"], 0]) + 1
        frames = max([*lengths["train"], *lengths["test"], 0])
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for key in ("train", "test"):
                _write_rows(archive, f"x_{key}", rows[key], lengths[key], frames, width)
                with archive.open(f"y_{key}.npy", "w", force_zip64=True) as stream:
                    npy.write_array(stream, np.eye(total)[labels[key]].reshape(-1, total))


def _write_rows(
    archive: zipfile.ZipFile,
    name: str,
    rows: IO[bytes],
    lengths: list[int],
    num_frames: int,
    width: int,
) -> None:
    """Writes clips that lie behind each other in a file, each padded with zeros."""
    rows.seek(0)
    header: Any = {
        "descr": "<f4",
        "fortran_order": False,
        "shape": (len(lengths), num_frames, width),
    }
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        npy.write_array_header_1_0(stream, header)
        for length in lengths:
            stream.write(rows.read(4 * length * width))
            stream.write(bytes(4 * (num_frames - length) * width))
