import numpy as np
import pytest
import torch

from sgnkit.datasets._ctr_gcn_npz_raw import scan_ctr_gcn_npz
from sgnkit.errors import DataError


def clips(number, seed=0, frames=9):
    x = np.random.default_rng(seed).normal(size=(number, frames, 2, 25, 3)).astype(np.float32)
    x[0, 6:] = 0  # padding
    x[0, :, 1] = 0  # one person
    x[0, 0, 0, 1] = 0  # the origin is a joint of the first frame
    x[1, :, 1] = x[1, :, 0]  # one person twice, as in the files of NTU RGB+D 120
    x[2, 3:5, 1] = 0  # a person that is away for a while
    return x.reshape(number, frames, 150)


def content(num_classes=60, **changes):
    labels = np.eye(num_classes)
    arrays = {
        "x_train": clips(4),
        "y_train": labels[[0, 59, 7, 7]],
        "x_test": clips(3, seed=1),
        "y_test": labels[[1, 2, 3]],
    }
    arrays.update(changes)
    return {key: value for key, value in arrays.items() if value is not None}


def write(path, packed=False, **changes):
    (np.savez_compressed if packed else np.savez)(path, **content(**changes))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_scan(tmp_path, packed):
    path = write(tmp_path / "NTU60_CS.npz", packed)
    sources = list(scan_ctr_gcn_npz(path, 60))
    assert [s.name for s in sources] == [
        *("train_00000", "train_00001", "train_00002", "train_00003"),
        *("test_00000", "test_00001", "test_00002"),
    ]
    data = [source.read() for source in sources]
    assert all(clip.validate() for clip in data) and data[0].layout == "ntu25"
    assert [int(clip.y) for clip in data] == [0, 59, 7, 7, 1, 2, 3]
    assert [clip.num_persons for clip in data[:4]] == [1, 1, 2, 2]
    assert [clip.num_frames for clip in data[:4]] == [6, 9, 9, 9]
    x = content()["x_train"].reshape(4, 9, 2, 25, 3)
    assert np.array_equal(data[3].to_array("TMVC"), x[3])
    assert data[0].mask.all() and not data[0].x[1, 0].any()
    away = (~data[2].mask).view(2, 25, 9).any(1)
    assert away.nonzero().tolist() == [[1, 3], [1, 4]]
    assert "subject" not in data[0]


DAMAGE = {
    "key": ({"y_test": None}, r"array 'y_test'(?s:.*)\['x_test', 'x_train', 'y_train'\]"),
    "width": ({"x_test": np.ones((3, 9, 60), "f4")}, r"array 'x_test'(?s:.*)\(3, 9, 60\)"),
    "rank": ({"x_train": np.ones((4, 150), "f4")}, "array 'x_train'"),
    "type": ({"x_train": np.ones((4, 9, 150), "i8")}, "array 'x_train'(?s:.*)int64"),
    "frames": ({"x_train": np.ones((4, 0, 150), "f4")}, "array 'x_train'"),
    "labels": ({"y_train": np.eye(60)[:3]}, r"array 'y_train'(?s:.*)each of 4 clips"),
    "classes": ({"num_classes": 120}, r"array 'y_train'(?s:.*)\(60\)(?s:.*)\(4, 120\)"),
    "numbers": ({"y_train": np.arange(4)}, "array 'y_train'"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_files_that_are_not_right(tmp_path, kind):
    changes, message = DAMAGE[kind]
    path = write(tmp_path / "x.npz", **changes)
    with pytest.raises(DataError, match=message) as caught:
        list(scan_ctr_gcn_npz(path, 60))
    assert str(path) in str(caught.value)


def test_clips_that_are_not_right(tmp_path):
    x, y = clips(4), np.eye(60)[[0, 1, 2, 3]]
    x[0] = 0
    x[2, 4, 30] = np.inf
    y[1, 5] = 1
    y[3] = 0.5
    path = write(tmp_path / "x.npz", x_train=x, y_train=y)
    sources = list(scan_ctr_gcn_npz(path))
    with pytest.raises(DataError, match=r"no person(?s:.*)x_train\[0\]"):
        sources[0].read()
    for i in (1, 3):
        with pytest.raises(DataError, match=rf"not a class(?s:.*)y_train\[{i}\]"):
            sources[i].read()
    data = sources[2].read()
    assert (~data.mask).sum() == 51 and torch.isfinite(data.x).all()  # 2 frames of one, a joint


def test_damaged_files(tmp_path):
    path = write(tmp_path / "x.npz")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"x\.npz"):
        list(scan_ctr_gcn_npz(path))
    np.savez(path, **content(y_train=np.array([[{}]] * 4, dtype=object)))
    with pytest.raises(DataError, match="may hold code"):
        list(scan_ctr_gcn_npz(path))
    with pytest.raises(DataError, match="nothing"):
        list(scan_ctr_gcn_npz(tmp_path / "nothing.npz"))
