"""Clips of any length at rest: memory-mapped NumPy files, of which only what is used is read."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from sgnkit import _layout_io
from sgnkit.data import SkeletonData
from sgnkit.data.clip_list import GRAPH, ClipList, bodies, follows_layout
from sgnkit.datasets._columns import Column, ColumnWriter, encode
from sgnkit.datasets._npy import NpyWriter, open_npy
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts, register_layout

__all__ = ["StoredClips", "remove_leftovers", "write_clips"]

_FORMAT = "sgnkit clips 2"
_ALL = (1 << len(GRAPH)) - 1
_MAX_INDEX = 64 * 2**20  # bytes


def write_clips(clips: Iterable[SkeletonData], path: Path) -> int:
    """Writes clips one by one, whole or not at all, and returns their number.

    The file at ``path`` is an index in JSON. It names the folder beside it that holds the
    attributes, one group of `.npy` files each; it replaces an older one in a single step, when
    that folder is complete. Frames are stored as they are, without padding. The bone graph is not
    stored where it is that of the layout, whose table stands in the index.

    Raises:
        sgnkit.errors.DataError: If an attribute cannot be stored.
    """
    remove_leftovers(path)
    folder = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    folder.mkdir()
    part = folder / "index.json"
    try:
        index = _write_columns(clips, folder, path)
        part.write_text(json.dumps(index, indent=1), encoding="utf-8")
        older = _folder_of(path)
        part.replace(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if older is not None:
        shutil.rmtree(older, ignore_errors=True)
    return int(index["num_clips"])


def _write_columns(clips: Iterable[SkeletonData], folder: Path, path: Path) -> dict[str, Any]:
    columns: dict[tuple[str, tuple[str, str, int]], ColumnWriter] = {}
    layouts: dict[str, int] = {}
    tables: list[SkeletonLayout] = []
    keys: dict[str, None] = {}
    graph = NpyWriter(folder / "graph.npy", np.int32, width=3)
    count, whole = 0, False
    try:
        for count, clip in enumerate(clips, 1):
            layout, persons, derived = follows_layout(clip)
            if layout is not None and layout.name not in layouts:
                layouts[layout.name] = len(tables)
                tables.append(layout)
            bits = sum(1 << GRAPH.index(key) for key in derived)
            graph.append([-1 if layout is None else layouts[layout.name], persons, bits])
            written = set()
            for key, value in clip.to_dict().items():
                keys.setdefault(key)
                if key in derived:
                    continue
                try:
                    encoded = encode(value)
                except (TypeError, ValueError, RecursionError, OverflowError) as error:
                    raise _cannot_store(path, clip, key, value, error) from error
                place = (key, ColumnWriter.sort(encoded))
                if place not in columns:
                    columns[place] = ColumnWriter(folder, len(columns), key, encoded)
                    columns[place].skip(count - 1)
                columns[place].append(encoded)
                written.add(place)
            for place, column in columns.items():
                if place not in written:
                    column.skip(1)
        whole = True
    finally:
        graph.close(whole)
        described = [column.close(count, whole) for column in columns.values()]
    return {
        "format": _FORMAT,
        "num_clips": count,
        "folder": folder.name,
        "keys": list(keys),
        "layouts": [_layout_io.to_dict(layout) for layout in tables],
        "columns": described,
    }


class StoredClips(Sequence[SkeletonData]):
    """The clips that `write_clips` wrote, read when they are asked for.

    Args:
        path: What was given to `write_clips`.
        data_cls: Class of the clips.
    """

    def __init__(self, path: Path, data_cls: type = SkeletonData) -> None:
        self.path = path
        self.data_cls = data_cls
        index = _read_index(path)
        if index["format"] != _FORMAT:
            raise ValueError(f"format {index['format']!r}")
        folder = path.with_name(_plain_name(index["folder"]))
        self._count = int(index["num_clips"])
        self._keys: list[str] = list(index["keys"])
        self.layouts = [_registered(table, path) for table in index["layouts"]]
        self._graph = open_npy(folder / "graph.npy")
        self._columns = [Column(folder, **column) for column in index["columns"]]
        if len(self._graph) != self._count:
            raise ValueError(f"{len(self._graph)} graphs of {self._count} clips")

        kinds = {column.key: column for column in self._columns}
        self._alike = (
            len(kinds) == len(self._columns)
            and not any(column.absent() for column in self._columns)
            and all(k in kinds and kinds[k].is_tensor(dim) for k, dim in (("x", 3), ("mask", 2)))
        )

    def __reduce__(self) -> Any:
        return StoredClips, (self.path, self.data_cls)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(f"there are {self._count} clips, no clip {index}")
        index %= self._count
        layout, persons, bits = self._graph[index].tolist()
        values = {
            column.key: column.read([index])[0] for column in self._columns if column.present(index)
        }
        if bits:
            graph = bodies(self.layouts[layout], persons)
            values.update({key: graph[key] for k, key in enumerate(GRAPH) if bits >> k & 1})
        return self.data_cls(**{key: values[key] for key in self._keys if key in values})

    def __iter__(self) -> Iterator[SkeletonData]:
        return (self[i] for i in range(self._count))

    def read(self, indices: Sequence[int]) -> ClipList | None:
        """Returns some clips at once, or None if they have no layout or no keys in common."""
        chosen = np.asarray(indices, np.int64)
        graph = self._graph[chosen]
        if not self._alike or (graph[:, 0] != graph[0, 0]).any() or (graph[:, 2] != _ALL).any():
            return None
        values = {c.key: c.read(chosen, c.key == "mask") for c in self._columns}
        x, mask = values.pop("x"), values.pop("mask")
        layout = self.layouts[int(graph[0, 0])]
        return ClipList(layout, x, mask, values, self._keys, self.data_cls)

    def joined(self, key: str, indices: Sequence[int]) -> Tensor | None:
        """Returns one attribute of some clips as a tensor, if it is one number of each."""
        columns = [column for column in self._columns if column.key == key]
        return columns[0].joined(np.asarray(indices, np.int64)) if len(columns) == 1 else None

    def values(self, key: str, indices: Sequence[int] | None = None) -> list[Any]:
        """Returns one attribute of each clip, or of some, None where a clip has no such one."""
        wanted = np.arange(self._count) if indices is None else np.asarray(indices, np.int64)
        columns = [column for column in self._columns if column.key == key]
        if len(columns) == 1 and not columns[0].absent():
            return columns[0].read(wanted)
        if key in GRAPH:
            return [self[i][key] for i in wanted.tolist()]
        found = [None] * len(wanted)
        for column in columns:
            here = [k for k, i in enumerate(wanted.tolist()) if column.present(i)]
            for k, value in zip(here, column.read(wanted[here]), strict=True):
                found[k] = value
        return found


def _read_index(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = file.read(_MAX_INDEX + 1)
    if len(content) > _MAX_INDEX:
        raise ValueError(f"more than {_MAX_INDEX} bytes")
    index = json.loads(content)
    if not isinstance(index, dict):
        raise ValueError(f"a {type(index).__name__}")
    return index


def _plain_name(name: object) -> str:
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"folder {name!r}")
    return name


def _folder_of(path: Path) -> Path | None:
    """Returns the folder of the clips that are stored at a path, if there are any."""
    try:
        folder = path.with_name(_plain_name(_read_index(path)["folder"]))
    except (OSError, ValueError, KeyError):
        return None
    return folder if folder.name.startswith(f"{path.name}.") else None


def remove_leftovers(path: Path) -> None:
    """Removes what killed writers of a path left beside it: `NAME.PID-*` and `NAME.PID.part`."""
    current = _folder_of(path)
    for found in path.parent.glob(f"{glob.escape(path.name)}.*"):
        match = re.fullmatch(r"(\d+)(-[0-9a-f]{8}|\.part)", found.name[len(path.name) + 1 :])
        if match is None or found == current or _runs(int(match[1])):
            continue
        if found.is_dir():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _registered(table: Any, path: Path) -> SkeletonLayout:
    """Returns a layout of the index, which is known from then on under its name."""
    layout = _layout_io.build(SkeletonLayout, table, path)
    if layout.name not in list_layouts():
        return register_layout(layout)
    known = get_layout(layout.name)
    if (known.joints, known.parents) != (layout.joints, layout.parents):
        raise ValueError(f"another layout {layout.name!r} than the registered one")
    return known


def _cannot_store(
    path: Path, clip: SkeletonData, key: str, value: object, error: Exception
) -> DataError:
    return DataError(
        "an attribute of a clip cannot be stored",
        file=path,
        place=f"clip {clip.to_dict().get('name', '')!r}, attribute {key!r}",
        expected="a number, a text, a dense tensor, a NumPy array of numbers, or lists and "
        "dictionaries of plain values",
        found=f"{type(value).__name__} ({error})",
        remedy="turn it into one of these, or take it out, with pre_transform",
    )
