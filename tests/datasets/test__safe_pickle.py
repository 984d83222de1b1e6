import collections
import os
import pickle
import pickletools
import tracemalloc

import numpy as np
import pytest

from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.errors import DataError

VALUES = {
    "half": np.arange(12, dtype=np.float16).reshape(3, 4),
    "scalar": np.float32(3.5),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "text": np.array(["ab", "c"]),
    "big": np.arange(3, dtype=">i4"),
    "empty": np.zeros((0, 3)),
    "plain": [1, 2.5, "ä", None, True, (1, 2), b"bytes", {"a": {1, 2}}, 10**30],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_restricted_pickle(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    values = dict(VALUES, plain=VALUES["plain"][:-2]) if protocol < 4 else VALUES
    path.write_bytes(pickle.dumps(values, protocol))
    found = restricted_pickle(path)
    assert found.keys() == values.keys() and found["plain"] == values["plain"]
    for key in values.keys() - {"plain"}:
        assert np.array_equal(found[key], values[key])
        assert np.asarray(found[key]).dtype.kind == np.asarray(values[key]).dtype.kind


def test_python_2_pickle(tmp_path):
    # what Python 2 wrote at protocol 2: bytes as text, BINSTRING and SHORT_BINSTRING
    content = np.array([1.5, 2.5]).tobytes()
    text = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b"
        b"\x87Rq\x03(K\x01K\x02\x85cnumpy\ndtype\nq\x04U\x02f8K\x00K\x01\x87Rq\x05(K\x03U\x01<NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x10\x00\x00\x00" + content + b"tb."
    )
    (tmp_path / "a.pkl").write_bytes(text)
    assert restricted_pickle(tmp_path / "a.pkl").tolist() == [1.5, 2.5]


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def raw(body):
    return b"\x80\x04" + body + b"."


ARRAY = pickle.dumps(np.arange(4.0), 2)
BAD = {
    "system": (lambda path: pickle.dumps(Runs(os.system, (f"touch {path}",))), "posix.system"),
    "eval": (
        lambda path: pickle.dumps(Runs(eval, (f"open({str(path)!r}, 'w')",))),
        "builtins.eval",
    ),
    "nested": (lambda path: pickle.dumps([np.arange(3), {"a": Runs(print, ("x",))}]), "print"),
    "objects": (lambda path: pickle.dumps(np.array([{}, []], dtype=object)), "dtype 'O8'"),
    "fields": (lambda path: pickle.dumps(np.zeros(2, "f4,f4")), "dtype"),
    "class": (lambda path: pickle.dumps(collections.OrderedDict()), "OrderedDict"),
    "attribute": (lambda path: raw(b"\x8c\x05numpy\x8c\x0bndarray.sum\x93"), "ndarray.sum"),
    "registry": (lambda path: raw(b"\x82\x01"), "EXT1"),
    "persistent": (lambda path: raw(b"Pname\n"), "PERSID"),
    "memo": (lambda path: raw(b"Nr\x00\x00\x00\x70"), "memo slot"),
    "change of a name": (
        lambda path: raw(b"\x8c\x05numpy\x8c\x07ndarray\x93}\x8c\x08function\x8c\x01xsb"),
        "change of a name",
    ),
    "codec": (
        lambda path: raw(b"\x8c\x07_codecs\x8c\x06encode\x93\x8c\x01a\x8c\x04zlib\x86R"),
        "codecs.encode",
    ),
    "new": (lambda path: raw(b"\x8c\x05numpy\x8c\x07ndarray\x93J\xff\xff\xff\x7f\x85\x81"), ""),
    "shape": (lambda path: ARRAY.replace(b"K\x04\x85", b"K\x08\x85"), "shape"),
    "bytes": (lambda path: raw(b"\x8e\xff\xff\xff\xff\x00\x00\x00\x00abc"), "ValueError"),
    "frame": (lambda path: raw(b"\x95\xff\xff\xff\xff\xff\xff\x00\x00N"), ""),
    "cut": (lambda path: pickle.dumps(VALUES)[:-20], "cannot be read"),
    "empty": (lambda path: b"", "empty"),
    "text": (lambda path: b"hello world", "cannot be read"),
    "stack": (lambda path: raw(b"0"), "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pickle(tmp_path, case):
    make, message = BAD[case]
    witness, path = tmp_path / "witness", tmp_path / "a.pkl"
    path.write_bytes(make(witness))
    with pytest.raises(DataError, match=r"a\.pkl(?s:.*)remedy") as caught:
        restricted_pickle(path)
    assert message in str(caught.value)
    assert not witness.exists()


def test_arrays_that_copy_each_other(tmp_path):
    """One long text, of which a short program makes a hundred swapped arrays."""
    one = pickle.dumps(np.zeros(100_000, ">f4"), 2)
    ops = [(op.name, arg, pos) for op, arg, pos in pickletools.genops(one)]
    start = next(pos for name, _, pos in ops if name == "GLOBAL")
    body = one[start:-1]
    (tmp_path / "one.pkl").write_bytes(one)
    assert restricted_pickle(tmp_path / "one.pkl").shape == (100_000,)
    # Memo slot of the content, which each further array takes from there.
    position = next(o for o in ops if o[0] == "BINUNICODE" and len(o[1]) > 1000)[2]
    put = one.index(b"q", position + 5 + 400_000)
    slot = one[put : put + 2]
    content = one[position : put + 2]
    again = body.replace(content, b"h" + slot[1:])
    bomb = b"\x80\x02](" + body + again * 100 + b"e."
    (tmp_path / "bomb.pkl").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DataError, match="larger than the file"):
        restricted_pickle(tmp_path / "bomb.pkl")
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()


def test_size_limit(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([1] * 1000))
    with pytest.raises(DataError, match="at most 100 bytes"):
        restricted_pickle(path, limit=100)
    with pytest.raises(DataError, match="not a file"):
        restricted_pickle(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        restricted_pickle(tmp_path / "none.pkl")
