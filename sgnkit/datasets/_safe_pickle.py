"""Pickles of strangers: NumPy arrays and plain values, and never any code.

Pickle is a language whose programs may call anything. Here a program is looked over before it
runs, and the names it may use stand for functions of this file alone.
"""

from __future__ import annotations

import math
import mmap
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from sgnkit.datasets._safe import reason
from sgnkit.errors import DataError

__all__ = ["MAX_PICKLE", "restricted_pickle"]

MAX_PICKLE = 8 * 2**30
"""Bytes of a pickle. The poses of NTU RGB+D 120 have about 3 GB."""

_KINDS = "biufSU"  # kinds of dtypes whose elements are nothing but their bytes
_HARMLESS_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_FRAMES = ("numpy.core.numeric", "numpy._core.numeric")


class _Refused(Exception):
    """A pickle that asks for more than arrays and plain values."""


def restricted_pickle(path: str | os.PathLike[str], limit: int = MAX_PICKLE) -> Any:
    """Returns what a pickle holds, if that is NumPy arrays, numbers, text and containers.

    Any other name in the file, an array of objects, an array larger than what the file holds for
    it, or a memo that would fill the memory is an error. The file is mapped, not read as a whole.

    Raises:
        sgnkit.errors.DataError: If it is not such a pickle, is cut off or larger than the limit.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if not path.is_file() or size > limit:
            raise _Refused(f"{size} bytes" if path.is_file() else "not a file")
        if size == 0:
            raise EOFError("the file is empty")
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view,
        ):
            _look_over(view, size)
            view.seek(0)
            return _Unpickler(view, size).load()
    except _Refused as error:
        raise DataError(
            "a pickle holds more than arrays and plain values",
            file=path,
            expected=f"NumPy arrays, numbers, text, lists and dicts, at most {limit} bytes",
            found=str(error),
            remedy="nothing of it was run; do not load it by other means unless you trust it",
        ) from error
    except Exception as error:  # whatever a broken program of pickle makes the unpickler raise
        raise DataError(
            "a pickle cannot be read",
            file=path,
            expected="a whole file in Python's pickle format",
            found=reason(error),
            remedy="get the file again, and compare its size with the source",
        ) from error


def _look_over(view: Any, size: int) -> None:
    """Refuses programs that would take memory out of proportion or use a registry of code."""
    puts = 0
    for opcode, argument, position in pickletools.genops(view):
        name = opcode.name
        if name.startswith("EXT") or name in ("PERSID", "BINPERSID", "NEXT_BUFFER"):
            raise _Refused(f"opcode {name} at byte {position}")
        if name == "MEMOIZE":
            puts += 1
        elif name.endswith("PUT"):
            puts += 1
            if (
                argument is None or int(argument) > 2 * puts + 1000
            ):  # picklers count the slots of the memo
                raise _Refused(f"memo slot {argument} at byte {position}")


class _Unpickler(pickle.Unpickler):
    """An unpickler for which only the names of `_safe_names` exist."""

    def __init__(self, stream: Any, budget: int) -> None:
        super().__init__(stream, encoding="latin1")  # arrays pickled by Python 2 need this
        self._names = _safe_names(_Budget(budget))

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._names:
            raise _Refused(f"the name {module[:60]}.{name[:60]}")
        return self._names[module, name]


class _Budget:
    """Bytes that arrays may still take: all of them stand in the file once."""

    def __init__(self, size: int) -> None:
        self.left = 2 * size + 1024

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _Refused("arrays that are larger than the file")


class _Name:
    """A name of the pickle: it can be called, and in no way be changed."""

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __setstate__(self, state: Any) -> None:
        raise _Refused("a change of a name")


class _DType:
    """What is known of a dtype before its byte order is."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, *_: Any) -> None:
        dtype = np.dtype(code) if type(code) is str and len(code) < 12 else None
        if dtype is None or dtype.kind not in _KINDS or dtype.fields or dtype.subdtype:
            raise _Refused(f"an array of dtype {str(code)[:40]!r}")
        self.dtype = dtype

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise _Refused("a dtype with fields")
        if order != "|":
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array whose content comes only after it was compared with its shape."""

    budget: _Budget

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        if type(content) is str:  # pickled by Python 2
            content = content.encode("latin1")
        dtype = _checked(shape, dtype, content, self.budget)
        whole: Any = (1, shape, dtype, bool(fortran), content)
        super().__setstate__(whole)


def _checked(shape: Any, dtype: Any, content: Any, budget: _Budget) -> np.dtype[Any]:
    """Returns the dtype if the bytes of an array are as many as its shape says."""
    if not isinstance(dtype, _DType) or type(content) not in (bytes, bytearray):
        raise _Refused("an array of objects")
    if type(shape) is not tuple or len(shape) > 16:
        raise ValueError("an array without a shape")
    if not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError(f"an array of shape {str(shape)[:60]}")
    if math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise ValueError(f"an array of shape {shape} with {len(content)} bytes")
    budget.take(len(content))
    return dtype.dtype


def _safe_names(budget: _Budget) -> dict[tuple[str, str], _Name]:
    """Returns what the names of NumPy's pickles stand for."""

    class Array(_Array):
        pass

    Array.budget = budget

    def reconstruct(*_: Any) -> Any:
        return np.ndarray.__new__(Array, (0,), np.uint8)

    def scalar(dtype: Any, content: Any) -> Any:
        if type(content) is str:
            content = content.encode("latin1")
        return np.frombuffer(content, _checked((), dtype, content, budget), 1)[0]

    def from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> Any:
        if type(content) not in (bytes, bytearray) or order not in ("C", "F"):
            raise _Refused("an array of objects")
        dtype = _checked(shape, dtype, content, budget)
        return np.frombuffer(content, dtype).reshape(shape, order=order)

    def encode(text: Any, encoding: Any = "latin1") -> bytes:
        if type(text) is not str or encoding not in ("latin1", "latin-1"):
            raise _Refused("a call of codecs.encode")
        budget.take(len(text))
        return text.encode("latin1")

    def empty_bytes(*args: Any) -> bytes:
        if args:
            raise _Refused("a call of bytes")
        return b""

    names = {("numpy", "ndarray"): reconstruct, ("numpy", "dtype"): _DType}
    for module in _HARMLESS_MODULES:
        names |= {(module, "_reconstruct"): reconstruct, (module, "scalar"): scalar}
    names |= {(module, "_frombuffer"): from_buffer for module in _FRAMES}
    names |= {("_codecs", "encode"): encode}
    names |= {(module, "bytes"): empty_bytes for module in ("builtins", "__builtin__")}
    return {key: _Name(function) for key, function in names.items()}
