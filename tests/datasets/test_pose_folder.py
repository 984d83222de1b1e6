import os
import time
import warnings

import numpy as np
import pytest
from torch_geometric.loader import DataLoader

from sgnkit.datasets import PoseFolder, SyntheticActions, write_pose_folder
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout
from sgnkit.transforms import UniformSample


@pytest.fixture(scope="module")
def clips():
    return SyntheticActions(num_clips=40, layout="mediapipe33", num_classes=4)


@pytest.fixture
def folder(tmp_path, clips):
    write_pose_folder(clips, tmp_path / "mine", class_names=clips.class_names)
    return tmp_path / "mine"


def test_pose_folder(folder, clips, assert_same_clips):
    dataset = PoseFolder(folder, "mediapipe33", class_names=clips.class_names)
    assert str(dataset) == "PoseFolder(40)"
    assert dataset.layout.name == "mediapipe33" and dataset.num_classes == 4
    assert dataset.class_names == clips.class_names and dataset.subject_names == ()
    assert_same_clips(dataset, clips)
    assert PoseFolder(folder, "mediapipe33").class_names == tuple(sorted(clips.class_names))
    loader = DataLoader(PoseFolder(folder, "mediapipe33", transform=UniformSample(8)), batch_size=8)
    assert next(iter(loader)).x.shape == (8 * 33, 8, 3)


def test_fraction_by_subject(folder):
    splits = ("train", "val", "test")
    parts = [PoseFolder(folder, "mediapipe33", split=s, val_fraction=0.2) for s in splits]
    assert sum(len(part) for part in parts) == 40 and len(parts[2]) == 8
    subjects = [set(part.values("subject")) for part in parts]
    assert sum(len(s) for s in subjects) == 10 and all(subjects)
    assert len(PoseFolder(folder, "mediapipe33", split="trainval")) == 32
    with pytest.raises(DataError, match="split 'val' has no clip"):
        PoseFolder(folder, "mediapipe33", split="val", val_fraction=0)
    with pytest.raises(ValueError, match="test_fraction must be"):
        PoseFolder(folder, "mediapipe33", test_fraction=2)


def save(path, number=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((3, 17, 2), number, np.float32))


def test_splits_by_folder_and_by_table(tmp_path):
    for part, name in [("train", "a"), ("train", "b"), ("test", "c"), ("val", "d")]:
        save(tmp_path / "parts" / part / "wave" / f"{name}.npy")
        save(tmp_path / "table" / f"{name}.npy")
    found = {
        s: len(PoseFolder(tmp_path / "parts", "coco17", split=s)) for s in ("train", "val", "test")
    }
    assert found == {"train": 2, "val": 1, "test": 1}
    lines = [
        "file,class,split,subject",
        "a.npy,wave,train,ann",
        "b.npy,nod,train,bo",
        "c.npy,nod,test,bo",
    ]
    (tmp_path / "table" / "my.csv").write_text("\n".join(lines))
    dataset = PoseFolder(tmp_path / "table", "coco17", split="test", table="my.csv")
    assert dataset.names == ["c"] and dataset.class_names == ("nod", "wave")
    assert dataset.subject_names == ("ann", "bo") and dataset[0].subject == 2
    train = PoseFolder(tmp_path / "table", "coco17", split="train", table="my.csv", val_fraction=0)
    assert train.names == ["a", "b"]


def test_files_that_changed_are_read_again(tmp_path):
    for name in "abc":
        save(tmp_path / "wave" / f"{name}.npy")
    assert float(PoseFolder(tmp_path, "coco17")[0].x[0, 0, 0]) == 1
    time.sleep(0.01)
    save(tmp_path / "wave" / "a.npy", 2.0)
    assert float(PoseFolder(tmp_path, "coco17")[0].x[0, 0, 0]) == 2
    save(tmp_path / "nod" / "d.npy")
    assert PoseFolder(tmp_path, "coco17").class_names == ("nod", "wave")
    with pytest.raises(DataError, match=r"25 joints(?s:.*)17 joints"):
        PoseFolder(tmp_path, "ntu25")
    masked = PoseFolder(tmp_path, "coco17", axes="TVC", missing="zeros", min_score=0.5)
    assert len(masked) == 4


def test_skip(tmp_path):
    for name in "abc":
        save(tmp_path / "wave" / f"{name}.npy")
    (tmp_path / "wave" / "b.npy").write_bytes(b"x")
    (tmp_path / "wave" / "d.csv").write_text("1,2,3")
    with pytest.raises(DataError, match=r"b\.npy"):
        PoseFolder(tmp_path, "coco17")
    with pytest.warns(UserWarning) as caught:
        dataset = PoseFolder(tmp_path, "coco17", on_error="skip")
    text = str(caught[0].message)
    assert "2 clips were skipped" in text and "wave/b: an array cannot be read" in text
    assert dataset.names == ["wave/a", "wave/c"] and dataset.skipped.keys() == {"wave/b", "wave/d"}
    (tmp_path / "wave" / "b.npy").unlink()
    (tmp_path / "wave" / "d.csv").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PoseFolder(tmp_path, "coco17")


def test_layout_of_ones_own(tmp_path):
    layout = SkeletonLayout("test_finger", ("base", "middle", "tip"), (0, 0, 1))
    (tmp_path / "bend").mkdir()
    (tmp_path / "bend" / "a.csv").write_text(
        "base_x,base_y,middle_x,middle_y,tip_x,tip_y\n1,2,3,4,5,6"
    )
    data = PoseFolder(tmp_path, layout)[0]
    assert data.layout == "test_finger" and data.x.tolist() == [[[1, 2]], [[3, 4]], [[5, 6]]]
    layout.to_yaml(tmp_path / "finger.yaml")
    assert PoseFolder(tmp_path, str(tmp_path / "finger.yaml")).layout == layout


def test_names_that_are_not_utf8(tmp_path):
    save(tmp_path / "wave" / "a.npy")
    try:
        os.rename(tmp_path / "wave" / "a.npy", os.fsencode(tmp_path) + b"/wave/\xff.npy")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert len(PoseFolder(tmp_path, "coco17")) == 1
    os.rename(os.fsencode(tmp_path) + b"/wave/\xff.npy", os.fsencode(tmp_path) + b"/wave/\xfe.csv")
    with pytest.warns(UserWarning, match="1 clips were skipped"), pytest.raises(DataError):
        PoseFolder(tmp_path, "coco17", on_error="skip")


def test_bad_roots(tmp_path):
    with pytest.raises(DataError, match="no raw data"):
        PoseFolder(tmp_path / "none", "coco17")
    with pytest.raises(DataError, match="holds no clips"):
        PoseFolder(tmp_path, "coco17")
    save(tmp_path / "a.npy")
    with pytest.raises(DataError, match="not a folder"):
        PoseFolder(tmp_path / "a.npy", "coco17")
    with pytest.raises(ValueError, match="coco"):
        PoseFolder(tmp_path, "coco18")
