"""NumPy files of strangers: `.npy` and `.npz`, within limits and without objects."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sgnkit.datasets._safe import MAX_MEMBER, read_bytes, read_member, reason, zip_members
from sgnkit.errors import DataError

__all__ = ["MAX_ARRAY", "map_npz", "read_npy", "read_npz"]

MAX_ARRAY = 512 * 2**20
"""Bytes of one array of a clip."""

Array = NDArray[Any]


def read_npy(path: str | os.PathLike[str], limit: int = MAX_ARRAY) -> Array:
    """Returns the numbers, or the text, of an `.npy` file.

    Raises:
        sgnkit.errors.DataError: If it is not such a file, is cut off, holds objects or is larger
            than the limit.
    """
    return _parse(read_bytes(path, limit), path, None)


def read_npz(path: str | os.PathLike[str], limit: int = MAX_ARRAY) -> dict[str, Array]:
    """Returns the arrays of an `.npz` file by their names.

    Raises:
        sgnkit.errors.DataError: As `read_npy`, also for what
            [`zip_members`][sgnkit.datasets._safe.zip_members] refuses.
    """
    names = zip_members(path, keep=_is_array, max_member=limit, max_total=limit, max_members=1000)
    return {n[: -len(".npy")]: _parse(read_member(path, n, limit), path, n) for n in names}


def map_npz(path: str | os.PathLike[str], limit: int = MAX_MEMBER) -> dict[str, Array]:
    """Returns the arrays of an `.npz` file by their names, mapped where they are not packed.

    `np.savez` packs nothing: a file of many gigabytes takes no memory until it is used.

    Args:
        path: The file.
        limit: Most bytes of an array that is packed, as `np.savez_compressed` does.

    Raises:
        sgnkit.errors.DataError: As `read_npz`.
    """
    path = Path(path)
    unlimited = 2**62
    arrays = {}
    for name in zip_members(
        path, keep=_is_array, max_member=unlimited, max_total=unlimited, max_members=1000
    ):
        mapped = _map(path, name)
        whole = _parse(read_member(path, name, limit), path, name) if mapped is None else mapped
        arrays[name[: -len(".npy")]] = whole
    return arrays


def _is_array(name: str) -> bool:
    return name.endswith(".npy")


def _map(path: Path, name: str) -> Array | None:
    """Returns an array of an archive as a memory map, or nothing if it is packed."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
            member = archive.getinfo(name)
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                return None
            stream.seek(member.header_offset)
            header = struct.unpack("<4s5H3L2H", stream.read(30))
            if header[0] != b"PK\3\4":
                raise ValueError("no member where the archive says there is one")
            stream.seek(header[-1] + header[-2], io.SEEK_CUR)
            start = stream.tell()
            shape, fortran, dtype = _header(stream)
            offset, size = stream.tell(), math.prod(shape) * dtype.itemsize
            if offset - start + size != member.file_size or offset + size > path.stat().st_size:
                raise ValueError(f"an array of shape {shape} in {member.file_size} bytes")
        if size == 0:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    except Exception as error:
        raise _failed(path, name, error) from error


def _parse(content: bytes, file: object, place: str | None) -> Array:
    try:
        stream = io.BytesIO(content)
        shape, fortran, dtype = _header(stream)
        offset, size = stream.tell(), math.prod(shape) * dtype.itemsize
        if len(content) != offset + size:
            raise ValueError(
                f"shape {shape} of {dtype} takes {size} bytes, the file has {len(content) - offset}"
            )
        array = np.frombuffer(content, dtype, offset=offset) if size else np.empty(shape, dtype)
        return array.reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # whatever a broken header makes NumPy raise
        raise _failed(file, place, error) from error


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Reads the header of an `.npy` file and refuses objects."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.kind not in "biufSU" or dtype.fields or dtype.subdtype:
        raise ValueError(f"an array of dtype {str(dtype)[:60]}, which may hold code")
    if not all(0 <= n < 2**48 for n in shape) or len(shape) > 16:
        raise ValueError(f"an array of shape {str(shape)[:60]}")
    return shape, fortran, dtype


def _failed(file: object, place: str | None, error: Exception) -> DataError:
    return DataError(
        "an array cannot be read",
        file=file,
        place=place,
        expected="a whole file of NumPy's format that holds numbers",
        found=reason(error),
        remedy="save it anew with np.save or np.savez; arrays of objects are never read",
    )
