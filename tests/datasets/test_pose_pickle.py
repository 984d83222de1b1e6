import os
import pickle

import numpy as np
import pytest
from torch_geometric.loader import DataLoader

from sgnkit.datasets import PosePickle, SyntheticActions, write_pose_pickle
from sgnkit.errors import DataError
from sgnkit.transforms import UniformSample


@pytest.fixture
def clips():
    return SyntheticActions(num_clips=40, layout="coco17", num_classes=4)


def test_pose_pickle(tmp_path, clips, assert_same_clips):
    path = tmp_path / "mine.pkl"
    write_pose_pickle(clips, path)
    dataset = PosePickle(path)
    assert str(dataset) == "PosePickle(40)"
    assert dataset.layout.name == "coco17" and dataset.class_names == ("0", "1", "2", "3")
    assert_same_clips(dataset, clips)
    named = PosePickle(tmp_path, class_names=clips.class_names, transform=UniformSample(8))
    assert named.class_names == clips.class_names and named[0].x.shape[1] == 8
    batch = next(iter(DataLoader(named, batch_size=4)))
    assert batch.x.shape == (4 * 17, 8, 3)


def test_splits_of_the_file(tmp_path, clips):
    names, path = clips.names, tmp_path / "mine.pkl"
    lists = {
        *(("train", tuple(names[:20])), ("val", tuple(names[20:30])), ("test", tuple(names[30:]))),
        *(("xsub_train", tuple(names[:20])), ("xsub_val", tuple(names[20:]))),
    }
    write_pose_pickle(clips, path, dict(lists))
    sizes = {s: len(PosePickle(path, s)) for s in ("train", "val", "trainval", "test", "all")}
    assert sizes == dict(train=20, val=10, trainval=30, test=10, all=40)
    sizes = {s: len(PosePickle(path, s, benchmark="xsub")) for s in ("train", "val", "test")}
    assert sizes["test"] == 20 and sizes["train"] + sizes["val"] == 20 and sizes["val"] >= 2
    val = PosePickle(path, "val", benchmark="xsub")
    train = PosePickle(path, "train", benchmark="xsub")
    assert not set(val.values("subject")) & set(train.values("subject"))
    assert set(PosePickle(path, "test", benchmark="xsub").names) == set(names[20:])
    with pytest.raises(ValueError, match=r"benchmark='xview'(?s:.*)'xview_train'(?s:.*)'xsub'"):
        PosePickle(path, "train", benchmark="xview")

    write_pose_pickle(clips, path, {"xsub_train": names})
    with pytest.raises(ValueError, match="benchmark may be 'xsub'"):
        PosePickle(path, "train")
    assert len(PosePickle(path, "all")) == 40


def test_splits_without_lists(tmp_path, clips):
    path = tmp_path / "mine.pkl"
    write_pose_pickle(clips, path)
    parts = {s: PosePickle(path, s, val_fraction=0.2) for s in ("train", "val", "test")}
    assert sum(len(part) for part in parts.values()) == 40
    subjects = [set(part.values("subject")) for part in parts.values()]
    assert not set.intersection(*subjects) and all(subjects)
    assert set(PosePickle(path, "test", seed=5).names) != set(parts["test"].names)


def test_lists_that_are_not_right(tmp_path, clips):
    path = tmp_path / "mine.pkl"
    write_pose_pickle(clips, path)
    content = pickle.loads(path.read_bytes())
    content["split"] = {"train": [*clips.names[:3], "lost"]}
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="'lost' is not there"):
        PosePickle(path, "train")
    content["split"] = {"train": clips.names[:3], "test": clips.names[2:5]}
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="is in two lists"):
        PosePickle(path, "train")


def test_bad_files(tmp_path, clips):
    path = tmp_path / "mine.pkl"
    with pytest.raises(DataError, match=r"one file that ends with \.pkl(?s:.*)found: +none"):
        PosePickle(tmp_path)
    with pytest.raises(DataError, match="no raw data"):
        PosePickle(path)
    write_pose_pickle(clips, path)
    with pytest.raises(DataError, match=r"key 'label'(?s:.*)a class from 0 to 1"):
        PosePickle(path, class_names=["a", "b"])
    (tmp_path / "second.pkl").write_bytes(b"")
    with pytest.raises(DataError, match=r"mine\.pkl, second\.pkl(?s:.*)name the file itself"):
        PosePickle(tmp_path)
    os.remove(tmp_path / "second.pkl")

    content = pickle.loads(path.read_bytes())
    content["annotations"][1]["keypoint"] = np.zeros((1, 2, 17, 3))
    content["annotations"].append(content["annotations"][0])
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="total_frames"):
        PosePickle(path)
    with pytest.warns(UserWarning, match="2 clips were skipped"):
        dataset = PosePickle(path, on_error="skip")
    assert len(dataset) == 39 and len(dataset.skipped) == 2
    with pytest.raises(ValueError, match="val_fraction"):
        PosePickle(path, val_fraction=1)
