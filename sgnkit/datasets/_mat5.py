"""MATLAB files of version 5: reads arrays and believes no length in the file; writes them."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_mat5", "write_mat5"]

_MATRIX, _COMPRESSED = 14, 15  # types of elements
_DOUBLE = 9, 6  # type of an element, class of a variable
_STORED = {  # a variable may be stored in a smaller type than its class
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
_CLASSES = {
    **{6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2"},
    **{12: "i4", 13: "u4", 14: "i8", 15: "u8"},
}
_OTHERS = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse"}
_COMPLEX = 0x800


def read_mat5(content: bytes, limit: int = 8 * 2**20) -> dict[str, NDArray[Any] | str]:
    """Returns the real arrays of a file by their names; the kind of other variables as a word.

    Args:
        content: The file.
        limit: Most bytes of a variable, unpacked.

    Raises:
        ValueError: If it is not such a file, or is cut off or garbled.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack(f"{order}H", content[124:126]) != (0x0100,):
        raise ValueError("the head is not that of version 5")
    variables: dict[str, NDArray[Any] | str] = {}
    position = 128
    while position < len(content):
        kind, data, position = _element(content, position, order)
        if kind == _COMPRESSED:
            kind, data, _ = _element(_unpack(data, limit), 0, order)
        if kind == _MATRIX:
            name, value = _variable(data, order)
            variables[name] = value
    return variables


def _unpack(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"a variable cannot be unpacked: {error}") from error
    if len(unpacked) > limit:
        raise ValueError(f"a variable has more than {limit} bytes")
    return unpacked


def _element(buffer: bytes, position: int, order: str) -> tuple[int, bytes, int]:
    """Returns type and content of the element at a position, and where the next one begins."""
    head = buffer[position : position + 8]
    if len(head) < 8:
        raise ValueError("the file ends inside an element")
    kind, size = struct.unpack(f"{order}II", head)
    if kind >> 16:  # up to four bytes stand in the head itself
        kind, size = kind & 0xFFFF, kind >> 16
        if size > 4:
            raise ValueError("an element is longer than its place")
        return kind, head[4 : 4 + size], position + 8
    data = buffer[position + 8 : position + 8 + size]
    if len(data) < size:
        raise ValueError(f"an element of {size} bytes ends after {len(data)}")
    padding = 0 if kind == _COMPRESSED else -size % 8
    return kind, data, position + 8 + size + padding


def _variable(data: bytes, order: str) -> tuple[str, NDArray[Any] | str]:
    """Returns name and value of a variable, or what kind of variable it is."""
    head, position = [], 0
    for _ in range(3):
        _, part, position = _element(data, position, order)
        head.append(part)
    flags, dims, label = head
    if len(flags) != 8 or len(dims) % 4 or not 2 <= len(dims) // 4 <= 8:
        raise ValueError("a variable has no head")
    name = label.decode("latin-1")
    (word,) = struct.unpack(f"{order}I", flags[:4])
    if word & 0xFF not in _CLASSES:
        return name, _OTHERS.get(word & 0xFF, "unknown")
    if word & _COMPLEX:
        return name, "complex"
    stored, values, _ = _element(data, position, order)
    shape = struct.unpack(f"{order}{len(dims) // 4}i", dims)
    if stored not in _STORED:
        raise ValueError(f"the numbers of {name!r} have an unknown type")
    dtype = np.dtype(order + _STORED[stored])
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{name!r} of shape {shape} takes other than {len(values)} bytes")
    array = np.frombuffer(values, dtype).reshape(shape, order="F")
    return name, array.astype(_CLASSES[word & 0xFF])


def write_mat5(variables: dict[str, NDArray[Any]], packed: bool = True) -> bytes:
    """Returns a file of arrays of double precision.

    Args:
        variables: The arrays, by name.
        packed: Whether to compress each of them.

    Examples:
        >>> content = write_mat5({"d_skel": np.ones((20, 3, 5))})
        >>> read_mat5(content)["d_skel"].shape
        (20, 3, 5)
    """
    text = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    return text + b"".join(_matrix(name, array, packed) for name, array in variables.items())


def _matrix(name: str, array: NDArray[Any], packed: bool) -> bytes:
    parts = (
        (6, struct.pack("<II", _DOUBLE[1], 0)),
        (5, struct.pack(f"<{array.ndim}i", *array.shape)),
        (1, name.encode("latin-1")),
        (_DOUBLE[0], array.astype("<f8").tobytes(order="F")),
    )
    body = b"".join(
        struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8) for kind, data in parts
    )
    element = struct.pack("<II", _MATRIX, len(body)) + body
    if not packed:
        return element
    small = zlib.compress(element)
    return struct.pack("<II", _COMPRESSED, len(small)) + small
