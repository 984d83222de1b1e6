import struct
import zlib

import numpy as np
import pytest

from sgnkit.datasets._mat5 import read_mat5, write_mat5


def element(kind, data, order="<"):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def small(kind, data, order="<"):
    return struct.pack(f"{order}I", len(data) << 16 | kind) + data.ljust(4, b"\0")


def matrix(array, name=b"x", *, kind=9, cls=6, flags=0, shape=None, order="<"):
    shape = array.shape if shape is None else shape
    body = (
        element(6, struct.pack(f"{order}II", cls | flags, 0), order)
        + element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
        + (small(1, name, order) if len(name) <= 4 else element(1, name, order))
        + element(kind, array.tobytes(order="F"), order)
    )
    return element(14, body, order)


def head(order="<", version=0x0100):
    text = b"MATLAB".ljust(124)
    return text + struct.pack(f"{order}H", version) + (b"IM" if order == "<" else b"MI")


X = np.arange(24.0).reshape(2, 3, 4) / 7


@pytest.mark.parametrize("packed", [True, False])
def test_write_and_read(packed):
    found = read_mat5(write_mat5({"first": X, "b": X[0]}, packed))
    assert list(found) == ["first", "b"]
    assert np.array_equal(found["first"], X) and np.array_equal(found["b"], X[0])
    assert found["first"].dtype == np.float64


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", [b"x", b"a_long_name"])
def test_byte_orders_and_short_elements(order, name):
    content = head(order) + matrix(X.astype(f"{order}f8"), name, order=order)
    assert np.array_equal(read_mat5(content)[name.decode()], X)


def test_numbers_stored_in_a_smaller_type():
    whole = np.arange(6, dtype="<u1").reshape(2, 3)
    (found,) = read_mat5(head() + matrix(whole, kind=2)).values()
    assert found.dtype == np.float64 and np.array_equal(found, whole)
    (single,) = read_mat5(head() + matrix(X.astype("<f4"), kind=7, cls=7)).values()
    assert single.dtype == np.float32


def test_other_variables_are_named_and_not_read():
    content = (
        head() + matrix(X, b"c", flags=0x800) + matrix(X, b"t", cls=4) + matrix(X, b"s", cls=2)
    )
    assert read_mat5(content + element(99, b"skipped")) == {
        "c": "complex",
        "t": "char",
        "s": "struct",
    }


def packed(body):
    data = zlib.compress(body)
    return struct.pack("<II", 15, len(data)) + data


WHOLE = head() + matrix(X)
GARBLED = {
    "empty": (b"", "head"),
    "page": (b"<html>" * 99, "head"),
    "version": (head(version=0x0200) + matrix(X), "head"),
    "cut": (WHOLE[:-50], "ends after"),
    "cut head": (WHOLE[:132], "inside an element"),
    "shape": (head() + matrix(X, shape=(2, 3, 5)), "takes other than 192 bytes"),
    "huge shape": (head() + matrix(X, shape=(2**31 - 1,) * 8), "takes other than"),
    "minus": (head() + matrix(X, shape=(-2, -3, 4)), "takes other than"),
    "one axis": (head() + matrix(X, shape=(24,)), "no head"),
    "type": (head() + matrix(X, kind=16), "unknown type"),
    "no zlib": (head() + element(15, b"hello"), "cannot be unpacked"),
    "cut zlib": (head() + packed(matrix(X)[:-20]), "ends after"),
    "bomb": (head() + packed(element(14, bytes(9 * 2**20))), "more than 8388608 bytes"),
    "long": (head() + struct.pack("<I", 5 << 16 | 14) + bytes(4), "longer than its place"),
}


@pytest.mark.parametrize("kind", GARBLED)
def test_garbled_files(kind):
    content, message = GARBLED[kind]
    with pytest.raises(ValueError, match=message):
        read_mat5(content)


def test_scipy_agrees(tmp_path):
    io = pytest.importorskip("scipy.io", reason="SciPy is not installed")
    (tmp_path / "ours.mat").write_bytes(write_mat5({"d_skel": X}))
    assert np.array_equal(io.loadmat(tmp_path / "ours.mat")["d_skel"], X)
    for packed in (True, False):
        variables = {"d_skel": X, "whole": np.arange(300.0).reshape(3, 100), "t": "text"}
        io.savemat(tmp_path / "theirs.mat", variables, do_compression=packed)
        found = read_mat5((tmp_path / "theirs.mat").read_bytes())
        assert np.array_equal(found["d_skel"], X) and found["t"] == "char"
        assert np.array_equal(found["whole"], variables["whole"])
