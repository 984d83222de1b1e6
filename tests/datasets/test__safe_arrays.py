import io
import zipfile

import numpy as np
import pytest

from sgnkit.datasets._safe_arrays import map_npz, read_npy, read_npz
from sgnkit.errors import DataError


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.save(stream, array, **kwargs)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3).T, np.array("TVC"), np.zeros((0, 2))]
)
def test_read_npy(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy")
    assert np.array_equal(found, array) and found.dtype == array.dtype


WHOLE = npy(np.arange(6.0))
BAD = {
    "cut": WHOLE[:-8],
    "longer": WHOLE + b"\0",
    "no header": WHOLE[:20],
    "text": b"hello",
    "empty": b"",
    "objects": npy(np.array([{}], dtype=object), allow_pickle=True),
    "fields": npy(np.zeros(2, "f4,f4")),
    "bomb": WHOLE.replace(b"(6,)", b"(9999999999999,)"),
    "negative": WHOLE.replace(b"(6,)", b"(-6,)"),
    "code": WHOLE.replace(b"(6,)", b"(f())"),
    "version": WHOLE[:6] + b"\x03" + WHOLE[7:],
}


@pytest.mark.parametrize("case", BAD)
def test_bad_npy(tmp_path, case):
    (tmp_path / "a.npy").write_bytes(BAD[case])
    with pytest.raises(DataError, match=r"a\.npy(?s:.*)remedy"):
        read_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", BAD[case])
    for read in (read_npz, map_npz):
        with pytest.raises(DataError, match=r"a\.npz(?s:.*)x\.npy"):
            read(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("read", [read_npz, map_npz])
def test_read_npz(tmp_path, save, read):
    arrays = {
        "x": np.arange(6.0).reshape(2, 3).T,
        "word": np.array("TVC"),
        "none": np.zeros((0, 3)),
    }
    save(tmp_path / "a.npz", **arrays)
    found = read(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[key], arrays[key]) for key in arrays)
    assert isinstance(found["x"], np.memmap) == (read is map_npz and save is np.savez)


def test_npz_limits(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(1_000_000))
    for read in (read_npz, map_npz):
        with pytest.raises(DataError, match=r"x\.npy(?s:.*)at most 1000 bytes"):
            read(tmp_path / "bomb.npz", limit=1000)
    np.savez(tmp_path / "large.npz", x=np.zeros(1_000_000))
    assert map_npz(tmp_path / "large.npz", limit=1000)["x"].shape == (1_000_000,)
    path = tmp_path / "a.npz"
    path.write_bytes((tmp_path / "large.npz").read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"a\.npz"):
        map_npz(path)
