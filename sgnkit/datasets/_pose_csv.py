"""Keypoints as tables: a row a frame, or a row a joint."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._pose import Pose, PoseOptions, split_score, wrong
from sgnkit.datasets._safe import decode, reason, whole_file
from sgnkit.datasets._sources import check_size
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["parse_csv", "read_rows", "write_csv"]

_SCORES = ("score", "confidence", "visibility", "likelihood")
_AXES = "xyz"
_MAX_CELLS = 2**24

Fail = Callable[[str, str, object, object], NoReturn]


def read_rows(content: bytes, file: object) -> list[tuple[int, list[str]]]:
    """Returns the cells of a table with the numbers of their lines; empty lines are left out.

    Cells are parted by commas, semicolons or tabs, whichever the first line has most of.

    Raises:
        sgnkit.errors.DataError: If it is not text in UTF-8, or far too large.
    """
    text = decode(content, file)
    head = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(",;\t", key=head.count)
    rows, cells = [], 0
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        for row in reader:
            cells += len(row)
            if cells > _MAX_CELLS:
                raise ValueError(f"more than {_MAX_CELLS} cells")
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except (csv.Error, ValueError) as error:
        raise wrong(
            "a table cannot be read", file, None, "comma-separated values", reason(error)
        ) from error
    return rows


def parse_csv(content: bytes, options: PoseOptions, file: object) -> Pose:
    """Returns the keypoints of a table; see `PoseFolder` for its forms."""

    def fail(what: str, place: str, expected: object, found: object) -> NoReturn:
        raise wrong(what, file, place, expected, found)

    rows = read_rows(content, file)
    if not rows:
        fail("a table is empty", "whole file", "a line for each frame", "none")
    line, head = rows[0]
    if all(_is_number(cell) for cell in head):
        return _plain(rows, options, file, fail)
    names = [cell.lower().replace(" ", "_") for cell in head]
    twice = next((name for i, name in enumerate(names) if name and name in names[:i]), None)
    if twice is not None:
        fail("a column is there twice", f"line {line}", "names of columns, each once", twice)
    for number, row in rows[1:]:
        if len(row) != len(head):
            expected = f"{len(head)} cells, as in line {line}"
            fail("a line has another length", f"line {number}", expected, len(row))
    if len(rows) == 1:
        fail("a table has no frames", "whole file", "lines below the names", "none")
    if "joint" in names:
        return _long(names, rows[1:], options, fail)
    return _wide(names, rows[1:], options, fail)


def _plain(
    rows: list[tuple[int, list[str]]], options: PoseOptions, file: object, fail: Fail
) -> Pose:
    """Rows of numbers alone: all joints of one body in their order."""
    width, num_joints = len(rows[0][1]), options.layout.num_joints
    sizes = (3, 4) if options.confidence else (2, 3)
    if width not in [num_joints * size for size in sizes]:
        expected = f"{num_joints} joints of {sizes[0]} or {sizes[1]} numbers"
        fail("a line has another length", f"line {rows[0][0]}", expected, f"{width} numbers")
    values = np.zeros((len(rows), width))
    for t, (number, row) in enumerate(rows):
        if len(row) != width:
            fail("a line has another length", f"line {number}", f"{width} numbers", len(row))
        values[t] = [_number(cell, number, i, fail) for i, cell in enumerate(row)]
    return split_score(values.reshape(len(rows), num_joints, -1), "TVC", options.confidence, file)


def _columns(names: list[str], layout: SkeletonLayout) -> dict[tuple[int, str], int]:
    """Returns the column of each joint and quantity, whatever way the columns are named."""
    found: dict[tuple[int, str], int] = {}
    place = {name: i for i, name in enumerate(names)}
    for v, joint in enumerate(layout.joints):
        for quantity in (*_AXES, *_SCORES):
            key = quantity if quantity in _AXES else "score"
            joint_name = joint.lower().replace(" ", "_")
            forms = (
                f"{joint_name}_{quantity}",
                f"{v}_{quantity}",
                f"{quantity}{v}",
                f"{quantity}_{v}",
            )
            column = next((place[form] for form in forms if form in place), None)
            if column is not None:
                found.setdefault((v, key), column)
    return found


def _wide(
    names: list[str], rows: list[tuple[int, list[str]]], options: PoseOptions, fail: Fail
) -> Pose:
    """A row a frame and person, a column for each joint and quantity."""
    layout = options.layout
    columns = _columns(names, layout)
    quantities = [
        q for q in (*_AXES, "score") if any((v, q) in columns for v in range(len(layout.joints)))
    ]
    for v, joint in enumerate(layout.joints):
        for quantity in quantities or ["x"]:
            if (v, quantity) not in columns:
                expected = f"a column {joint}_{quantity}, or {quantity}{v}, as for each joint"
                fail("a column is missing", "line 1", expected, ", ".join(names)[:100])
    if "person" in names and "frame" not in names:
        expected = "a column frame beside person"
        fail("a column is missing", "line 1", expected, ", ".join(names)[:100])
    order = [columns[v, q] for v in range(layout.num_joints) for q in quantities]
    table = _Table(layout, quantities, fail)
    for t, (number, row) in enumerate(rows):
        frame = _frame(row, names, number, fail) if "frame" in names else float(t)
        person = row[names.index("person")] if "person" in names else ""
        table.add(number, frame, person, slice(None), row, order)
    return table.pose()


def _long(
    names: list[str], rows: list[tuple[int, list[str]]], options: PoseOptions, fail: Fail
) -> Pose:
    """A row a frame, person and joint."""
    layout = options.layout
    for name in ("frame", "x"):
        if name not in names:
            fail("a column is missing", "line 1", f"a column {name}", ", ".join(names)[:100])
    score = next((name for name in _SCORES if name in names), None)
    quantities = [q for q in _AXES if q in names]
    columns = [names.index(q) for q in quantities] + ([names.index(score)] if score else [])
    known = {joint.lower(): v for v, joint in enumerate(layout.joints)}
    known |= {str(v): v for v in range(layout.num_joints)}
    table = _Table(layout, [*quantities, *(["score"] if score else [])], fail)
    for number, row in rows:
        joint = known.get(row[names.index("joint")].lower())
        if joint is None:
            expected = f"a joint of {layout.name!r}: {', '.join(layout.joints)[:200]}"
            fail("an unknown joint", f"line {number}", expected, row[names.index("joint")][:40])
        frame = _frame(row, names, number, fail)
        person = row[names.index("person")] if "person" in names else ""
        table.add(number, frame, person, joint, row, columns)
    return table.pose()


class _Table:
    """Gathers joints in any order; frames and persons are known at the end."""

    def __init__(self, layout: SkeletonLayout, quantities: list[str], fail: Fail) -> None:
        self.num_joints, self.quantities, self.fail = layout.num_joints, quantities, fail
        self.parts: dict[tuple[float, str, str], tuple[int | slice, Any, Any]] = {}

    def add(
        self,
        line: int,
        frame: float,
        person: str,
        joint: int | slice,
        row: list[str],
        columns: list[int],
    ) -> None:
        """Takes one joint, or all of them, out of a row; an empty cell is one not observed."""
        if (frame, person, str(joint)) in self.parts:
            self.fail("a body is there twice", f"line {line}", "each joint once in a frame", "two")
        cells = [row[column] for column in columns]
        try:
            values, seen = np.array(cells, dtype=np.float64), np.ones(len(cells), bool)
        except ValueError:
            pairs = zip(cells, columns, strict=True)
            values = np.array([_number(c or "0", line, i, self.fail) for c, i in pairs])
            seen = np.array([cell != "" for cell in cells])
        shape = (-1, len(self.quantities))
        self.parts[frame, person, str(joint)] = joint, values.reshape(shape), seen.reshape(shape)

    def pose(self) -> Pose:
        frames = {frame: i for i, frame in enumerate(sorted({key[0] for key in self.parts}))}
        people = sorted({key[1] for key in self.parts}, key=lambda p: (not p.isdigit(), len(p), p))
        persons = {person: i for i, person in enumerate(people)}
        shape = (len(persons), len(frames), self.num_joints, len(self.quantities))
        try:
            check_size(shape, "MTVC")
        except DataError as error:
            self.fail(error.what, "whole file", error.expected, error.found)
        values, seen = np.zeros(shape), np.zeros(shape[:3], bool)
        for (frame, person, _), (joint, part, here) in self.parts.items():
            place = persons[person], frames[frame], joint
            values[place], seen[place] = part, here.all(axis=-1)
        score: Any = np.inf
        if self.quantities[-1] == "score":
            values, score = values[..., :-1], values[..., -1]
        return Pose(values, "MTVC", np.where(seen, score, -np.inf))


def _frame(row: list[str], names: list[str], line: int, fail: Fail) -> float:
    column = names.index("frame")
    frame = _number(row[column], line, column, fail)
    if not math.isfinite(frame):
        fail("a frame has no number", f"line {line}, column {column + 1}", "a number", row[column])
    return frame


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, line: int, column: int, fail: Fail) -> float:
    try:
        return float(cell)
    except ValueError:
        fail(
            "a value is not a number",
            f"line {line}, column {column + 1}",
            "a number",
            repr(cell[:40]),
        )


def write_csv(data: SkeletonData, path: Path) -> None:
    """Writes one clip as a table with a row for each frame and person, whole or not at all."""
    x = data.to_array("MTVC").astype(np.float32)
    score = data.to_array("MTV", attr="mask")
    if x.shape[-1] > len(_AXES):
        raise wrong("a clip does not fit a table", path, None, "1 to 3 coordinates", x.shape[-1])
    quantities = [*_AXES[: x.shape[-1]], *([] if score.all() else ["score"])]
    several = len(x) > 1
    names = [f"{joint}_{q}" for joint in data.skeleton.joints for q in quantities]
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["frame", *(["person"] if several else []), *names])
        for t in range(x.shape[1]):
            for m in range(len(x)):
                cells: list[Any] = [t, *([m] if several else [])]
                for v in range(x.shape[2]):
                    cells += [str(value) for value in x[m, t, v]]
                    cells += [] if score.all() else [int(score[m, t, v])]
                writer.writerow(cells)
