import pickle

import numpy as np
import pytest

from sgnkit.datasets import SyntheticActions, write_pose_pickle
from sgnkit.datasets._pose_pickle_raw import read_splits, scan_pose_pickle
from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.datasets._sources import collect
from sgnkit.errors import DataError


def record(name="a", **changes):
    x = np.random.default_rng(0).uniform(1, 9, (2, 5, 17, 2)).astype(np.float16)
    item = {"frame_dir": name, "label": 3, "total_frames": 5, "keypoint": x}
    item.update(changes)
    return item


def write(path, annotations, **more):
    path.write_bytes(pickle.dumps({"annotations": annotations, **more}, 4))
    return path


def test_scan_pose_pickle(tmp_path):
    score = np.ones((2, 5, 17), np.float16)
    score[0, 1, 2] = 0.12
    score[1] = 0.1
    records = [
        record("S012C003P004R001A005_rgb", keypoint_score=score, img_shape=(1080, 1920)),
        record("b", keypoint=np.concatenate([record()["keypoint"], np.zeros((1, 5, 17, 2))])),
    ]
    path = write(tmp_path / "a.pkl", records, split={"train": ["b"]})
    first, second = collect(scan_pose_pickle(path, min_score=0.15))[0]
    assert (first.subject, first.camera, first.setup, int(first.y)) == (4, 3, 12, 3)
    assert first.layout == "coco17" and first.x.dtype.itemsize == 4 and first.num_persons == 1
    assert np.array_equal(first.to_array("TVC"), records[0]["keypoint"][0].astype(np.float32))
    assert (~first.mask).nonzero().tolist() == [[2, 1]]
    assert second.num_persons == 2 and second.name == "b" and "subject" not in second

    path.write_bytes(pickle.dumps(records))  # the list alone, as older files have it
    assert len(collect(scan_pose_pickle(path))[0]) == 2


def test_written_pickle_is_what_pyskl_reads(tmp_path):
    clips = SyntheticActions(num_clips=6, layout="ntu25", num_persons=2)
    path = tmp_path / "a.pkl"
    write_pose_pickle(clips, path, {"train": clips.names[:4]})
    content = pickle.loads(path.read_bytes())
    assert content["split"] == {"train": clips.names[:4]}
    first, data = content["annotations"][0], clips[0]
    assert first["frame_dir"] == data.name and first["label"] == int(data.y)
    assert first["total_frames"] == data.num_frames and type(first["label"]) is int
    assert first["keypoint"].dtype == np.float32
    assert np.array_equal(first["keypoint"], data.to_array("MTVC"))
    assert np.array_equal(first["keypoint_score"], data.to_array("MTV", attr="mask"))


@pytest.mark.parametrize("num_persons", [1, 2])
def test_round_trip(tmp_path, num_persons, assert_same_clips):
    clips = SyntheticActions(num_clips=12, layout="coco17", num_persons=num_persons, dropped=0.2)
    write_pose_pickle(clips, tmp_path / "a.pkl")
    assert_same_clips(collect(scan_pose_pickle(tmp_path / "a.pkl"))[0], clips)


def test_write_is_whole_or_not_at_all(tmp_path):
    clips = list(SyntheticActions(num_clips=3, layout="coco17"))
    path = tmp_path / "a.pkl"
    nameless, classless = clips[0].clone(), clips[1].clone()
    nameless.name = ""
    del classless.y
    for message, wrong in {
        "that of another clip": [*clips, clips[0]],
        "no name": [nameless],
        "no class": [classless],
    }.items():
        with pytest.raises(DataError, match=message):
            write_pose_pickle(wrong, path)
    with pytest.raises(DataError, match=r"clip that is not there(?s:.*)train: 'x'"):
        write_pose_pickle(clips, path, {"train": ["x"]})
    assert list(tmp_path.iterdir()) == []


X = record()["keypoint"]
BAD = {
    "no dict": (1, "annotations[0]"),
    "no name": (record(frame_dir=None), "key 'frame_dir'"),
    "no label": (record(label=None), "key 'label'"),
    "label true": (record(label=True), "key 'label'"),
    "label list": (record(label=[1]), "key 'label'"),
    "negative label": (record(label=-1), "a class from 0 to"),
    "huge label": (record(label=10**9), "a class from 0 to 9999"),
    "keypoint list": (record(keypoint=X.tolist()), "persons, frames, joints"),
    "three axes": (record(keypoint=X[0]), "float16 (5, 17, 2)"),
    "zero bodies": (record(keypoint=X[:0]), "at least one person"),
    "all zeros": (record(keypoint=X * 0), "no person"),
    "no frames": (record(keypoint=X[:, :0], total_frames=0), "at least one person, frame"),
    "text": (record(keypoint=X.astype("U9")), "key 'keypoint'"),
    "total": (record(total_frames=6), "key 'total_frames'"),
    "total list": (record(total_frames=[5]), "key 'total_frames'"),
    "score": (record(keypoint_score=np.ones((2, 5, 16))), "key 'keypoint_score'"),
    "infinite": (record(keypoint=np.where(X > 8.9, np.inf, X)), None),
    "nan": (record(keypoint_score=np.ones(X.shape[:3]), keypoint=X * np.nan), "no person"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_annotation(tmp_path, case):
    item, message = BAD[case]
    path = write(tmp_path / "a.pkl", [record("good"), item])
    if message is None:  # without scores infinity is as good as not observed
        assert not collect(scan_pose_pickle(path, "coco17"))[0][1].mask.all()
        return
    place = "annotations[1]"
    with pytest.raises(DataError, match=r"a\.pkl(?s:.*)remedy") as caught:
        collect(scan_pose_pickle(path, "coco17"))
    assert place in str(caught.value) or message.startswith("annotations")
    assert message.replace("annotations[0]", place) in str(caught.value)
    with pytest.warns(UserWarning, match="1 clips were skipped"):
        clips, _ = collect(scan_pose_pickle(path, "coco17"), "skip")
    assert [data.name for data in clips] == ["good"]


def test_layouts_that_do_not_match(tmp_path):
    path = write(tmp_path / "a.pkl", [record(), record("b", keypoint=X[:, :, :16])])
    with pytest.raises(DataError, match=r"annotations\[1\], 'b'(?s:.*)17 joints(?s:.*)16 joints"):
        collect(scan_pose_pickle(path))
    with pytest.raises(DataError, match=r"annotations\[0\](?s:.*)25 joints"):
        collect(scan_pose_pickle(path, "ntu25"))
    path = write(path, [record(keypoint=np.ones((1, 5, 20, 3)))])
    with pytest.raises(DataError, match=r"kinect20, utd_mhad20(?s:.*)layout="):
        collect(scan_pose_pickle(path))
    path = write(path, [record(keypoint=np.ones((1, 5, 19, 3)))])
    with pytest.raises(DataError, match="as many: none"):
        collect(scan_pose_pickle(path))


@pytest.mark.parametrize("content", [[], {}, {"annotations": []}, {"annotations": {}}, 3, None])
def test_no_pose_pickle(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=r"holds no poses(?s:.*)a\.pkl"):
        list(scan_pose_pickle(tmp_path / "a.pkl"))


@pytest.mark.parametrize("split", [[], {"a": "b"}, {1: []}, {"a": [1]}, {"a": ["x", "x"]}])
def test_bad_split(tmp_path, split):
    path = write(tmp_path / "a.pkl", [record()], split=split)
    with pytest.raises(DataError, match=r"list of clips is not right(?s:.*)split"):
        read_splits(path, restricted_pickle(path))
    assert read_splits(path, {"split": None}) == {}
