"""NumPy files that grow while they are written, and are mapped into memory when they are read."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["NpyWriter", "ask_for", "open_npy", "prefetched"]

Array = NDArray[Any]

_HEADER = 128  # bytes in front of the numbers of a file
_LARGE = 2**24  # bytes from which a file is read in parts


class NpyWriter:
    """Appends to a `.npy` file; its header is written at the end.

    Args:
        path: The file.
        dtype: Dtype of the numbers.
        width: Numbers in a row; 0 for an array of one axis.
    """

    def __init__(self, path: Path, dtype: Any, width: int = 0) -> None:
        self.dtype = np.dtype(dtype)
        self.width = width
        self.count = 0
        self._file: BinaryIO = path.open("wb")
        self._file.write(b"\0" * _HEADER)

    def append(self, numbers: Any) -> None:
        """Writes numbers behind those that are there."""
        numbers = np.asarray(numbers, self.dtype)
        self.count += numbers.size
        self._file.write(numbers.data if numbers.flags.c_contiguous else numbers.tobytes())

    def close(self, whole: bool = True) -> None:
        """Closes the file, with a header if it is whole."""
        with self._file as file:
            if whole:
                shape = (self.count // self.width, self.width) if self.width else (self.count,)
                text = repr(
                    {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
                )  # the format of NumPy's NEP 1, version 1.0
                magic = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
                file.seek(0)
                file.write(magic + text.ljust(_HEADER - 11).encode() + b"\n")


def open_npy(path: Path) -> Array:
    """Maps a `.npy` file into memory; nothing is read before it is used.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is not whole or holds objects.
    """
    if path.stat().st_size <= _HEADER:
        return np.load(path, allow_pickle=False)
    # As a plain array: each part of a np.memmap would be a np.memmap, which takes time.
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def prefetched(array: Array) -> mmap.mmap | None:
    """Returns the map of a large file whose parts will be read in any order, if it is one.

    By itself the system would read 128 KB around each place that is touched, most of it in vain.
    """
    base = array.base
    found = getattr(base, "_mmap", None)
    if array.nbytes < _LARGE or found is None or not hasattr(found, "madvise"):
        return None
    found.madvise(mmap.MADV_RANDOM)
    return found


def ask_for(file: mmap.mmap, start: int, end: int) -> None:
    """Has the system read a part of a file at once, while other work is done."""
    first = (_HEADER + start) // mmap.PAGESIZE * mmap.PAGESIZE
    if end > start:
        file.madvise(mmap.MADV_WILLNEED, first, _HEADER + end - first)
