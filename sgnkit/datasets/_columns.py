"""Attributes of many clips as columns of plain NumPy files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgnkit.datasets._npy import NpyWriter, ask_for, open_npy, prefetched

__all__ = ["Column", "ColumnWriter", "Encoded", "encode"]

Array = NDArray[Any]

_SCALARS = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float64)}
_NUMPY = {
    torch.from_numpy(np.empty(0, name)).dtype: np.dtype(name)
    for name in (
        *("float16", "float32", "float64", "complex64", "complex128", "bool"),
        *("uint8", "int8", "int16", "int32", "int64"),
    )
}
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # for other dtypes


class Encoded(NamedTuple):
    """One value as numbers, and what is needed to get it back.

    Attributes:
        kind: `"bool"`, `"int"`, `"float"`, `"text"`, `"json"`, `"tensor"` or `"array"`.
        dtype: Dtype of a tensor or array.
        numbers: What is written, one axis.
        shape: Shape of a tensor or array.
    """

    kind: str
    dtype: str
    numbers: Array
    shape: tuple[int, ...] = ()


def encode(value: object) -> Encoded:
    """Returns a value as numbers.

    Raises:
        TypeError: If there is no way back from numbers to this value.
    """
    if type(value) in _SCALARS and (type(value) is not int or -(2**63) <= value < 2**63):
        dtype = _SCALARS[type(value)]
        return Encoded(type(value).__name__, dtype.name, np.array([value], dtype))
    if type(value) is str:
        return Encoded("text", "uint8", _bytes(value))
    if isinstance(value, Tensor):
        if type(value) is not Tensor or value.layout is not torch.strided or value.is_quantized:
            raise TypeError(f"a {type(value).__name__} that is not a plain, dense tensor")
        value = value.detach().cpu().contiguous()
        shape, dtype_name = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        flat = value.flatten()
        if value.dtype not in _NUMPY:
            flat = flat.view(_BITS[value.element_size()])
        return Encoded("tensor", dtype_name, _pack(flat.numpy()), shape)
    if type(value) is np.ndarray and value.dtype.isnative and value.dtype.kind in "biufc":
        flat_array = np.ascontiguousarray(value).reshape(-1)
        return Encoded("array", value.dtype.name, _pack(flat_array), value.shape)
    text = json.dumps(value)
    if repr(json.loads(text)) != repr(value):
        raise TypeError(f"a {type(value).__name__} that JSON changes")
    return Encoded("json", "uint8", _bytes(text))


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _pack(flat: Array) -> Array:
    """Packs booleans into bits; if all of them are True, nothing is written at all."""
    if flat.dtype != bool:
        return flat
    return np.empty(0, np.uint8) if flat.all() else np.packbits(flat)


class ColumnWriter:
    """Writes one attribute, of one kind, of clips in turn.

    Args:
        folder: Where its files go.
        number: Number of the column, part of their names.
        key: Name of the attribute.
        first: The first value.
    """

    def __init__(self, folder: Path, number: int, key: str, first: Encoded) -> None:
        self.folder = folder
        self.key = key
        safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in key)[:40]
        self.stem = f"{number:02d}_{safe}"
        self.kind, self.dtype, self.ndim = first.kind, first.dtype, len(first.shape)
        self.has_shape = self.kind in ("tensor", "array")
        self.num_rows = 0
        self._values = NpyWriter(folder / f"{self.stem}.npy", first.numbers.dtype)
        self._parts = [self._values]
        if self.kind not in ("bool", "int", "float"):
            self._offsets = self._part("offsets", np.int64)
            self._offsets.append(0)
        if self.ndim:
            self._shapes = self._part("shapes", np.int64, self.ndim)
        self._rows = self._part("rows", np.int64)

    def _part(self, name: str, dtype: Any, width: int = 0) -> NpyWriter:
        writer = NpyWriter(self.folder / f"{self.stem}.{name}.npy", dtype, width)
        self._parts.append(writer)
        return writer

    @staticmethod
    def sort(value: Encoded) -> tuple[str, str, int]:
        """Returns what the values of one column share."""
        return value.kind, value.dtype, len(value.shape)

    def skip(self, count: int) -> None:
        """Notes that so many clips have no such attribute."""
        self._rows.append(np.full(count, -1))

    def append(self, value: Encoded) -> None:
        """Writes the value of the next clip."""
        self._values.append(value.numbers)
        if self.kind not in ("bool", "int", "float"):
            self._offsets.append(self._values.count)
        if self.ndim:
            self._shapes.append(value.shape)
        self._rows.append(self.num_rows)
        self.num_rows += 1

    def close(self, num_clips: int, whole: bool = True) -> dict[str, Any]:
        """Closes the files and returns what describes them."""
        for part in self._parts:
            part.close(whole)
        sparse = self.num_rows != num_clips
        if not sparse:
            (self.folder / f"{self.stem}.rows.npy").unlink()
        names = ("key", "stem", "kind", "dtype", "ndim")
        return {**{name: getattr(self, name) for name in names}, "sparse": sparse}


class Column:
    """Reads what a `ColumnWriter` wrote.

    Args:
        folder: Where the files are.
        key: Name of the attribute.
        stem: How the names of the files begin.
        kind: Kind of the values, see `Encoded`.
        dtype: Dtype of tensors or arrays.
        ndim: Number of their axes.
        sparse: Whether some clips have no such attribute.
    """

    def __init__(
        self, folder: Path, *, key: str, stem: str, kind: str, dtype: str, ndim: int, sparse: bool
    ) -> None:
        if Path(stem).name != stem:
            raise ValueError(f"file name {stem!r}")
        self.key, self.kind, self.dtype = key, kind, dtype
        self._values = open_npy(folder / f"{stem}.npy")
        self._map = prefetched(self._values)
        self._scalar = kind in ("bool", "int", "float")
        if not self._scalar:
            self._offsets = open_npy(folder / f"{stem}.offsets.npy")
            if int(self._offsets[-1]) != len(self._values):
                raise ValueError(f"{stem}.npy has {len(self._values)} numbers")
        self._shapes = open_npy(folder / f"{stem}.shapes.npy") if ndim else None
        self._rows = open_npy(folder / f"{stem}.rows.npy") if sparse else None
        self._torch = getattr(torch, dtype) if kind == "tensor" else None
        self._bits = self._torch is not None and self._torch not in _NUMPY

    def present(self, index: int) -> bool:
        """Whether a clip has this attribute, in this kind."""
        return self._rows is None or self._rows[index] >= 0

    def is_tensor(self, ndim: int) -> bool:
        """Whether the values are tensors with so many axes."""
        return self.kind == "tensor" and self._shapes is not None and self._shapes.shape[1] == ndim

    def absent(self) -> bool:
        """Whether any clip lacks this attribute, in this kind."""
        return self._rows is not None

    def read(self, indices: Sequence[int] | Array, true_as_none: bool = False) -> list[Any]:
        """Returns the values of some clips, all of which have one.

        Args:
            indices: Numbers of the clips.
            true_as_none: Whether None stands for a tensor that is True everywhere.
        """
        rows = np.asarray(indices) if self._rows is None else self._rows[indices]
        if self._scalar:
            return self._values[rows].tolist()
        starts, ends = self._offsets[rows].tolist(), self._offsets[rows + 1].tolist()
        if self._map is not None:
            for start, end in zip(starts, ends, strict=True):
                ask_for(self._map, start * self._values.itemsize, end * self._values.itemsize)
        parts = [self._values[a:b] for a, b in zip(starts, ends, strict=True)]
        if self.kind in ("text", "json"):
            texts = [part.tobytes().decode("utf-8", "surrogatepass") for part in parts]
            return texts if self.kind == "text" else [json.loads(text) for text in texts]
        shapes: Iterable[Any] = [()] * len(parts)
        if self._shapes is not None:
            shapes = self._shapes[rows].tolist()
        if true_as_none and self.dtype == "bool":
            return [
                self._whole(part, shape) if len(part) else None
                for part, shape in zip(parts, shapes, strict=True)
            ]
        return [self._whole(part, shape) for part, shape in zip(parts, shapes, strict=True)]

    def joined(self, indices: Sequence[int] | Array) -> Tensor | None:
        """Returns the one number of each of some clips as a tensor, if each has one."""
        rows = np.asarray(indices) if self._rows is None else self._rows[indices]
        if self.kind != "tensor" or self.dtype == "bool" or self._bits or (rows < 0).any():
            return None
        starts = self._offsets[rows]
        if (self._offsets[rows + 1] - starts != 1).any():
            return None
        return torch.from_numpy(self._values[starts])

    def _whole(self, numbers: Array, shape: Sequence[int]) -> Any:
        """Returns a tensor or an array that belongs to the caller."""
        if self.dtype == "bool":
            size = int(np.prod(shape, dtype=np.int64))
            full = len(numbers) == 0
            flat = np.ones(size, bool) if full else np.unpackbits(numbers, count=size).view(bool)
        else:
            flat = numbers.copy()
        if self.kind == "array":
            return flat.reshape(shape)
        tensor = torch.from_numpy(flat)
        if self._torch is not None and self._bits:
            tensor = tensor.view(self._torch)
        return tensor.view(shape)
