"""Reads the `.npz` of CTR-GCN: all clips of one benchmark of NTU RGB+D, padded to one length."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._safe_arrays import map_npz
from sgnkit.datasets._sources import Source, build_clip
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["scan_ctr_gcn_npz"]

_PARTS = ("train", "test")
_BODY = 25 * 3
_AGAIN = "make the file again with CTR-GCN's scripts, or get it again"


def scan_ctr_gcn_npz(
    path: str | os.PathLike[str], num_classes: int | None = None
) -> Iterator[Source]:
    """Lists the clips of such a file, named `train_00000` and so on: it keeps no other names.

    Args:
        path: The file.
        num_classes: Number of classes that it should have.

    Raises:
        sgnkit.errors.DataError: If the file as a whole is no such file.
    """
    path = Path(path)
    for part in _PARTS:
        x, _ = _arrays(path, part, num_classes)
        for index in range(len(x)):
            read = functools.partial(_read, path, part, index, num_classes)
            yield Source(f"{part}_{index:05d}", path, read)


def _arrays(path: Path, part: str, num_classes: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns the arrays of one part, when their shapes are right."""

    def fail(key: str, expected: str, found: object) -> NoReturn:
        raise DataError(
            "an npz file is not one of CTR-GCN",
            file=path,
            place=f"array {key!r}",
            expected=expected,
            found=found,
            remedy=_AGAIN,
        )

    stat = path.stat() if path.exists() else None
    arrays = _mapped(path, stat and (stat.st_size, stat.st_mtime_ns))
    for key in (f"x_{part}", f"y_{part}"):
        if key not in arrays:
            fail(key, "x_train, y_train, x_test and y_test", f"{sorted(arrays)}")
    x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
    shape = "numbers (clips, frames, persons * 25 * 3)"
    if x.ndim != 3 or x.dtype.kind != "f" or x.shape[2] % _BODY or 0 in x.shape[1:]:
        fail(f"x_{part}", shape, f"{x.dtype} {x.shape}")
    classes = "classes" if num_classes is None else str(num_classes)
    legal = y.ndim == 2 and y.dtype.kind in "biuf" and len(y) == len(x)
    if not legal or num_classes not in (None, y.shape[1]):
        fail(f"y_{part}", f"one row of ({classes}) for each of {len(x)} clips", f"{y.shape}")
    return x, y


@functools.lru_cache(maxsize=2)
def _mapped(path: Path, _identity: object) -> dict[str, NDArray[Any]]:
    return map_npz(path)


def _read(path: Path, part: str, index: int, num_classes: int | None) -> SkeletonData:
    x, y = _arrays(path, part, num_classes)
    place = f"x_{part}[{index}]"
    row = np.asarray(y[index])
    if not (np.isin(row, (0, 1)).all() and row.sum() == 1):
        raise DataError(
            "a label is not a class",
            file=path,
            place=f"y_{part}[{index}]",
            expected="a single 1 among zeros",
            found=f"{np.count_nonzero(row)} entries other than 0, sum {row.sum():.4g}",
            remedy=_AGAIN,
        )
    clip = np.asarray(x[index]).reshape(len(x[index]), -1, 25, 3)
    seen = (clip != 0).any(axis=(2, 3))
    if not seen.any():
        raise DataError(
            "a clip holds no person",
            file=path,
            place=place,
            expected="a frame with coordinates other than 0",
            found="zeros",
            remedy=f"leave it out with on_error='skip', or {_AGAIN}",
        )
    length = int(np.flatnonzero(seen.any(axis=1))[-1]) + 1
    clip, seen = clip[:length], seen[:length]
    twins = [m for m in range(1, clip.shape[1]) if np.array_equal(clip[:, m], clip[:, 0])]
    kept = [m for m in range(clip.shape[1]) if m not in twins and seen[:, m].any()]
    return build_clip(
        clip[:, kept],
        get_layout("ntu25"),
        "TMVC",
        file=path,
        place=place,
        mask=np.repeat(seen[:, kept, None], 25, axis=2),
        persons="all",
        missing="mask",
        y=int(row.argmax()),
        name=f"{part}_{index:05d}",
    )
