"""Checks of a layout table, and its way from and to plain values and YAML."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import yaml

from sgnkit.errors import DataError

if TYPE_CHECKING:
    from sgnkit.layout import SkeletonLayout

__all__ = [
    "build",
    "check_table",
    "from_rows",
    "is_joint",
    "nearest",
    "read_yaml",
    "to_dict",
    "to_yaml",
]

_REQUIRED = ("name", "joints", "parents")
_OPTIONAL = ("pairs", "center", "source", "coords")


def nearest(name: object, known: Sequence[str]) -> str:
    """Returns ` (did you mean 'x'?)`, or nothing if no known name is near."""
    match = difflib.get_close_matches(str(name), known, n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""


def check_table(layout: SkeletonLayout) -> None:
    """Raises a `ValueError` that names the joint if the table contradicts itself."""
    joints, parents = layout.joints, layout.parents
    if not isinstance(layout.name, str) or not layout.name:
        raise ValueError(f"SkeletonLayout: name must be a non-empty text, got {layout.name!r}")
    what = f"SkeletonLayout {layout.name!r}"
    if not joints:
        raise ValueError(f"{what}: joints is empty, at least one joint is needed")
    for j, joint in enumerate(joints):
        if not isinstance(joint, str) or not joint:
            raise ValueError(f"{what}: joint {j} must have a text as name, got {joint!r}")
        if joint in joints[:j]:
            raise ValueError(f"{what}: joints {joints.index(joint)} and {j} share name {joint!r}")
    if len(parents) != len(joints):
        raise ValueError(f"{what}: {len(joints)} joints but {len(parents)} parents")
    for j, parent in enumerate(parents):
        if not is_joint(parent, len(joints)):
            raise ValueError(
                f"{what}: the parent of joint {j} ({joints[j]!r}) must be an index in "
                f"[0, {len(joints)}), its own if it is a root, got {parent!r}"
            )
    _check_forest(what, joints, parents)
    _check_pairs(what, joints, layout.pairs)
    if not is_joint(layout.center, len(joints)):
        raise ValueError(
            f"{what}: center must be a joint index in [0, {len(joints)}), got {layout.center!r}"
        )
    if layout.coords and len(layout.coords) != len(joints):
        raise ValueError(f"{what}: {len(joints)} joints but {len(layout.coords)} coords")


def is_joint(value: object, num_joints: int) -> TypeGuard[int]:
    """Returns whether a value is an index of one of some joints."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        return False
    return 0 <= int(value) < num_joints


def _check_forest(what: str, joints: Sequence[str], parents: Sequence[int]) -> None:
    for start in range(len(joints)):
        path, joint = [start], start
        while parents[joint] != joint:
            joint = parents[joint]
            if joint in path:
                cycle = [*path[path.index(joint) :], joint]
                raise ValueError(
                    f"{what}: parents run in a circle: "
                    + " -> ".join(f"{j} ({joints[j]!r})" for j in cycle)
                    + "; make one of them a root, its own parent"
                )
            path.append(joint)


def _check_pairs(what: str, joints: Sequence[str], pairs: Sequence[tuple[int, int]]) -> None:
    seen: dict[int, tuple[int, int]] = {}
    for pair in pairs:
        for joint in pair:
            if not is_joint(joint, len(joints)):
                raise ValueError(
                    f"{what}: pair {pair} must hold joint indices in [0, {len(joints)}), "
                    f"got {joint!r}"
                )
        if pair[0] == pair[1]:
            raise ValueError(f"{what}: joint {pair[0]} ({joints[pair[0]]!r}) is paired with itself")
        for joint in pair:
            if joint in seen:
                raise ValueError(
                    f"{what}: joint {joint} ({joints[joint]!r}) stands in two pairs, "
                    f"{seen[joint]} and {pair}"
                )
            seen[joint] = pair


def from_rows(
    cls: type[SkeletonLayout],
    name: str,
    center: str,
    source: str,
    rows: Sequence[tuple[str, str, float, float]],
) -> SkeletonLayout:
    """Builds a layout from a table of `sgnkit.layouts`."""
    joints = [row[0] for row in rows]
    return cls(
        name=name,
        joints=tuple(joints),
        parents=tuple(joints.index(row[1]) for row in rows),
        pairs=tuple(
            (j, joints.index(joint.replace("left", "right")))
            for j, joint in enumerate(joints)
            if "left" in joint
        ),
        center=joints.index(center),
        source=source,
        coords=tuple((row[2], row[3]) for row in rows),
    )


def build(cls: type[SkeletonLayout], table: object, file: object = None) -> SkeletonLayout:
    """Builds a layout from plain values and explains what is wrong with them."""
    keys = (*_REQUIRED, *_OPTIONAL)
    if not isinstance(table, Mapping):
        raise DataError(
            "a layout is a mapping of keys to values",
            file=file,
            expected=f"the keys {', '.join(_REQUIRED)}, if wanted {', '.join(_OPTIONAL)}",
            found=_show(table),
        )
    for key in table:
        if key not in keys:
            match = difflib.get_close_matches(str(key), keys, n=1)
            raise DataError(
                f"unknown key {key!r} in a layout",
                file=file,
                expected=f"one of {', '.join(keys)}",
                found=key,
                remedy=f"write {match[0]!r}" if match else "remove it",
            )
    for key in _REQUIRED:
        if key not in table:
            raise DataError(
                f"a layout needs the key {key!r}",
                file=file,
                expected=", ".join(_REQUIRED),
                found=", ".join(map(str, table)) or "nothing",
                remedy=f"add {key!r}",
            )
    name = _text(table["name"], "name", file)
    joints = [_text(v, f"joints[{i}]", file) for i, v in enumerate(_list(table, "joints", file))]

    def joint(value: object, place: str) -> int:
        if isinstance(value, str) and value in joints:
            return joints.index(value)
        if is_joint(value, len(joints)):
            return int(value)
        match = difflib.get_close_matches(str(value), joints, n=1)
        raise DataError(
            f"layout {name!r} has no such joint",
            file=file,
            place=place,
            expected=f"a joint name, or an index in [0, {len(joints)})",
            found=_show(value),
            remedy=f"write {match[0]!r}" if match else f"the joints are {', '.join(joints)}",
        )

    def couple(value: object, place: str, expected: str) -> Sequence[Any]:
        if isinstance(value, (list, tuple)) and len(value) == 2:
            return value
        raise DataError(
            "wrong value in a layout", file=file, place=place, expected=expected, found=_show(value)
        )

    pairs = []
    for i, value in enumerate(_list(table, "pairs", file)):
        pair = couple(value, f"pairs[{i}]", "[left joint, right joint]")
        pairs.append((joint(pair[0], f"pairs[{i}][0]"), joint(pair[1], f"pairs[{i}][1]")))
    coords = []
    for i, value in enumerate(_list(table, "coords", file)):
        x, y = couple(value, f"coords[{i}]", "[x, y], two numbers")
        coords.append((_number(x, f"coords[{i}][0]", file), _number(y, f"coords[{i}][1]", file)))
    parents = [joint(v, f"parents[{i}]") for i, v in enumerate(_list(table, "parents", file))]
    center = joint(table.get("center", 0), "center") if joints else 0
    source = _text(table["source"], "source", file, empty=True) if "source" in table else ""
    try:
        return cls(name, tuple(joints), tuple(parents), tuple(pairs), center, source, tuple(coords))
    except ValueError as error:
        raise DataError(str(error), file=file) from None


def _show(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({type(value).__name__})"


def _list(table: Mapping[str, Any], key: str, file: object) -> Sequence[Any]:
    value = table.get(key, ())
    if isinstance(value, (list, tuple)):
        return value
    raise DataError(
        "wrong value in a layout", file=file, place=key, expected="a list", found=_show(value)
    )


def _text(value: object, place: str, file: object, empty: bool = False) -> str:
    if isinstance(value, str) and (value or empty):
        return value
    raise DataError(
        "wrong value in a layout",
        file=file,
        place=place,
        expected="a text",
        found=_show(value),
        remedy="put it in quotes" if not isinstance(value, str) else "name it",
    )


def _number(value: object, place: str, file: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise DataError(
        "wrong value in a layout", file=file, place=place, expected="a number", found=_show(value)
    )


def to_dict(layout: SkeletonLayout) -> dict[str, Any]:
    """Returns plain values, with joints by name."""
    joints = layout.joints
    table: dict[str, Any] = {
        "name": layout.name,
        "source": layout.source,
        "joints": list(joints),
        "parents": [joints[parent] for parent in layout.parents],
        "pairs": [[joints[left], joints[right]] for left, right in layout.pairs],
        "center": joints[layout.center],
    }
    if layout.coords:
        table["coords"] = [list(point) for point in layout.coords]
    return table


def to_yaml(layout: SkeletonLayout) -> str:
    """Returns YAML text."""
    table = to_dict(layout)
    return yaml.safe_dump(table, sort_keys=False, default_flow_style=None, allow_unicode=True)


def read_yaml(path: Path) -> Any:
    """Reads a YAML file with plain values only."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            "there is no such layout file", file=path, remedy="check the path"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(
            "the layout file is not YAML",
            file=path,
            expected="UTF-8 text with the keys name, joints, parents",
            found=" ".join(str(error).split()),
        ) from None
