import pytest

from sgnkit.data import SkeletonData
from sgnkit.datasets import SyntheticActions, write_pose_folder
from sgnkit.datasets._pose_folder_raw import scan_pose_folder
from sgnkit.datasets._sources import collect
from sgnkit.errors import DataError


@pytest.mark.parametrize("kind", ["npz", "csv", "json"])
@pytest.mark.parametrize("num_persons", [1, 2])
def test_round_trip(tmp_path, kind, num_persons, assert_same_clips):
    clips = SyntheticActions(
        12, "ntu25", num_classes=12, num_persons=num_persons, num_frames=(1, 9), dropped=0.2
    )
    write_pose_folder(clips, tmp_path / "mine", kind)
    assert_same_clips(collect(scan_pose_folder(tmp_path / "mine", "ntu25"))[0], clips)


def renamed(data, name):
    data = data.clone()
    data.name = name
    return data


def test_names_of_any_kind(tmp_path):
    clips = SyntheticActions(4, "coco17", num_classes=2)
    names = ["a/b", "a:b", "../ü ß", "A/B"]
    folder = tmp_path / "mine"
    strange = [renamed(data, name) for data, name in zip(clips, names, strict=True)]
    write_pose_folder(strange, folder, class_names=["raise the arms", "../flap"])
    again = {data.name: data for data in collect(scan_pose_folder(folder, "coco17"))[0]}
    assert again.keys() == set(names)
    assert sorted(p.name for p in folder.iterdir()) == ["_flap", "clips.csv", "raise_the_arms"]
    assert len(list(folder.rglob("*.npz"))) == 4 and [p.name for p in tmp_path.iterdir()] == [
        "mine"
    ]


def test_whole_or_not_at_all(tmp_path):
    clips = list(SyntheticActions(3, "coco17"))
    folder = tmp_path / "mine"
    unlabelled = SkeletonData.from_array(clips[0].to_array("TVC"), "coco17", name="x")
    cases = {
        "the name of another clip": [*clips, clips[0]],
        "no class": [clips[0], unlabelled],
        "a printable name": [renamed(clips[0], " x")],
        "name of its own": [renamed(clips[0], "")],
        "a class from 0 to 1": clips,
    }
    for message, wrong in cases.items():
        names = ["a", "b"] if "0 to 1" in message else None
        with pytest.raises(DataError, match=message):
            write_pose_folder(wrong, folder, class_names=names)
        assert list(tmp_path.iterdir()) == []
    write_pose_folder(clips, folder)
    with pytest.raises(DataError, match=r"cannot be written(?s:.*)is there"):
        write_pose_folder(clips, folder)
    with pytest.raises(ValueError, match="npz, csv, json, openpose"):
        write_pose_folder(clips, folder, "npy")
