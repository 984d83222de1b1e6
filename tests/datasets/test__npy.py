import numpy as np
import pytest

from sgnkit.datasets import _npy
from sgnkit.datasets._npy import NpyWriter, ask_for, open_npy, prefetched


def test_files_are_numpys_own(tmp_path):
    writer = NpyWriter(tmp_path / "a.npy", np.float32, width=3)
    writer.append(np.arange(6.0))
    writer.append([[6, 7, 8]])
    writer.close()
    found = np.load(tmp_path / "a.npy")
    assert found.dtype == np.float32 and found.tolist() == np.arange(9.0).reshape(3, 3).tolist()
    assert np.array_equal(open_npy(tmp_path / "a.npy"), found)

    NpyWriter(tmp_path / "none.npy", np.int64).close()
    assert open_npy(tmp_path / "none.npy").shape == (0,)
    with (tmp_path / "a.npy").open("r+b") as file:
        file.truncate(150)
    with pytest.raises(ValueError):
        open_npy(tmp_path / "a.npy")
    NpyWriter(tmp_path / "killed.npy", np.int64).close(whole=False)
    with pytest.raises(ValueError):
        open_npy(tmp_path / "killed.npy")


def test_parts_of_large_files_are_asked_for(tmp_path, monkeypatch):
    writer = NpyWriter(tmp_path / "a.npy", np.int64)
    writer.append(np.arange(100_000))
    writer.close()
    array = open_npy(tmp_path / "a.npy")
    assert prefetched(array) is None  # small files are read as they are
    monkeypatch.setattr(_npy, "_LARGE", 1000)
    found = prefetched(array)
    assert prefetched(np.arange(1000)) is None
    if found is None:
        pytest.skip("this system takes no advice on memory maps")
    for start, end in ((0, 8), (8 * 50_000, 8 * 60_000), (8 * 99_999, 8 * 100_000), (8, 8)):
        ask_for(found, start, end)
    assert array[99_999] == 99_999
