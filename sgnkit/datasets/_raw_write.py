"""Writes clips as the files in which the published sets come."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets import _nw_ucla_raw, _sbu_raw, _utd_mhad_raw
from sgnkit.datasets._mat5 import write_mat5
from sgnkit.datasets._ntu_facts import parse_name
from sgnkit.datasets._safe import reason
from sgnkit.errors import DataError

__all__ = ["whole_folder", "write_ntu", "write_nw_ucla", "write_sbu", "write_utd_mhad"]

_NAMES = {
    "NW-UCLA": r"a(0[1-689]|1[12])_s(0[1-9]|10)_e(?P<take>\d\d)_v0[1-3]",
    "UTD-MHAD": r"a([1-9]|1\d|2[0-7])_s[1-8]_t(?P<take>\d{1,2})",
    "SBU": rf"({'|'.join(_sbu_raw.PAIR_SETS)})_0[1-8]_(?P<take>\d{{3}})",
    "NTU RGB+D": r"S0[0-3]\dC00[1-3]P[01]\d\dR(?P<take>\d{3})A(0\d\d|1[01]\d|120)",
}
_FIRST_BODY = 72_057_594_037_900_001  # a sensor gives ids of this size


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a folder to write to, which takes its name only when all of it is written.

    Raises:
        sgnkit.errors.DataError: If something of that name is there, or nothing can be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            raise FileExistsError("something of that name is there")
        part.mkdir(parents=True)
        yield part
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


class _Namer:
    """Gives each clip the name that a set has for it.

    Args:
        owner: The set.
        path: Where the clips go.
        make: Returns the name of a clip from its class, subject, camera and setup, and a number
            that tells takes apart.
        takes: The numbers that a take may have.
    """

    def __init__(
        self, owner: str, path: Path, make: Callable[[Any, int], str], takes: range
    ) -> None:
        self.owner, self.path, self.make, self.takes = owner, path, make, takes
        self.taken: set[str] = set()

    def __call__(self, data: SkeletonData) -> str:
        match = re.fullmatch(_NAMES[self.owner], data.name)
        takes = [int(match["take"]), *self.takes] if match else self.takes
        for take in takes:
            try:
                name = self.make(data, take)
            except (AttributeError, IndexError, TypeError, ValueError):
                break
            if not re.fullmatch(_NAMES[self.owner], name):
                break
            if name not in self.taken:
                self.taken.add(name)
                return name
        known = {k: data[k] for k in ("subject", "camera", "setup") if k in data}
        label = None if data.y is None else int(data.y)
        self.fail(data, "a class, subject, camera and setup of the set", f"class {label}, {known}")

    def fail(self, data: SkeletonData, expected: object, found: object) -> NoReturn:
        raise DataError(
            f"a clip does not fit the files of {self.owner}",
            file=self.path,
            place=f"clip {data.name!r}",
            expected=expected,
            found=found,
            remedy="leave it out, or write a format that is open to all clips, such as "
            "pose-folder or pose-pickle",
        )

    def body(self, data: SkeletonData, layout: str, persons: range) -> NDArray[np.float32]:
        """Returns coordinates (M, T, V, 3), if the clip has the form of the set."""
        found = f"{data.layout}, {data.num_persons} persons, {data.x.size(-1)} coordinates"
        if data.layout != layout or data.num_persons not in persons or data.x.size(-1) != 3:
            most = f"{persons[0]} to {persons[-1]}" if len(persons) > 1 else str(persons[0])
            self.fail(data, f"{layout}, {most} persons, 3 coordinates", found)
        return data.to_array("MTVC").astype(np.float32)


def write_nw_ucla(clips: Iterable[SkeletonData], path: Path) -> None:
    """Writes clips as JSON files of NW-UCLA, whole or not at all; a lost joint is the origin."""
    actions = list(_nw_ucla_raw.ACTIONS)

    def make(data: Any, take: int) -> str:
        action = actions[int(data.y)]
        return f"a{action:02d}_s{data.subject:02d}_e{take:02d}_v{data.camera:02d}"

    namer = _Namer("NW-UCLA", path, make, range(100))
    with whole_folder(path) as part:
        for data in clips:
            x, name = namer.body(data, "kinect20", range(1, 2))[0], namer(data)
            x[~data.to_array("TV", attr="mask")] = 0
            record = {
                "file_name": name,
                "skeletons": _numbers(x),
                "label": actions.index(int(name[1:3])) + 1,
            }
            (part / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")


def write_utd_mhad(clips: Iterable[SkeletonData], path: Path) -> None:
    """Writes clips as MATLAB files of UTD-MHAD, whole or not at all; a lost joint is the origin."""
    count = len(_utd_mhad_raw.ACTIONS)
    namer = _Namer(
        "UTD-MHAD",
        path,
        lambda data, take: f"a{range(1, count + 1)[int(data.y)]}_s{data.subject}_t{take}",
        range(1, 100),
    )
    with whole_folder(path) as part:
        for data in clips:
            x, name = namer.body(data, "utd_mhad20", range(1, 2))[0], namer(data)
            x[~data.to_array("TV", attr="mask")] = 0
            matrix = x.transpose(1, 2, 0).astype(np.float64)
            (part / f"{name}_skeleton.mat").write_bytes(write_mat5({"d_skel": matrix}))


def write_sbu(clips: Iterable[SkeletonData], path: Path) -> None:
    """Writes clips as text files of SBU, whole or not at all, from metres."""
    pairs, count = _sbu_raw.PAIR_SETS, len(_sbu_raw.ACTIONS)

    def make(data: Any, take: int) -> str:
        return f"{pairs[data.subject - 1]}_{range(1, count + 1)[int(data.y)]:02d}_{take:03d}"

    namer = _Namer("SBU", path, make, range(1, 1000))
    scale, shift = _sbu_raw._METRES
    with whole_folder(path) as part:
        for data in clips:
            x, name = namer.body(data, "sbu15", range(2, 3)), namer(data)
            folder = part.joinpath(*name.split("_"))
            folder.mkdir(parents=True)
            rows = ((x - shift) / scale).transpose(1, 0, 2, 3).reshape(x.shape[1], -1)
            with (folder / "skeleton_pos.txt").open("w", encoding="utf-8") as file:
                for number, row in enumerate(rows, start=1):
                    file.write(",".join([str(number), *(f"{v:.9g}" for v in row)]) + "\n")


def write_ntu(clips: Iterable[SkeletonData], path: Path) -> None:
    """Writes clips as `.skeleton` files of NTU RGB+D, whole or not at all.

    Of what a sensor writes beside the coordinates, only the tracking state is known; the rest is
    zeros.
    """

    def make(data: Any, take: int) -> str:
        numbers = f"S{data.setup:03d}C{data.camera:03d}P{data.subject:03d}"
        return f"{numbers}R{take:03d}A{range(1, 121)[int(data.y)]:03d}"

    namer = _Namer("NTU RGB+D", path, make, range(1, 1000))
    with whole_folder(path) as part:
        for data in clips:
            x, name = namer.body(data, "ntu25", range(1, 7)), namer(data)
            if parse_name(name) is None:
                namer.fail(data, "a name such as S001C001P001R001A001", name)
            lines = _recording(x, data.to_array("MTV", attr="mask"))
            (part / f"{name}.skeleton").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _recording(x: NDArray[np.float32], mask: NDArray[Any]) -> Iterator[str]:
    """Yields the lines of a recording: frames, bodies that are seen, joints."""
    seen: NDArray[Any] = np.any(mask, axis=2)
    yield str(x.shape[1])
    for t in range(x.shape[1]):
        bodies = np.flatnonzero(seen[:, t])
        yield str(len(bodies))
        for m in bodies:
            yield f"{_FIRST_BODY + int(m)} 0 0 0 0 0 0 0 0 2"
            yield str(x.shape[2])
            for point, tracked in zip(x[m, t], mask[m, t], strict=True):
                values = " ".join(str(v) for v in point)
                yield f"{values} 0 0 0 0 0 0 0 0 {2 if tracked else 0}"


def _numbers(x: NDArray[np.float32]) -> Any:
    """Returns nested lists whose text is as short as the numbers allow."""
    return x.astype(str).astype(np.float64).tolist()
