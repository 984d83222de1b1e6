import json

import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets._sources import collect
from sgnkit.datasets.formats import FORMATS, ScanOptions, SetInfo
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

LAYOUTS = {"nw-ucla": "kinect20", "utd-mhad": "utd_mhad20", "sbu": "sbu15"}
CHANNELS = {"coco": 2}
PERSONS = {"nw-ucla": (1,), "utd-mhad": (1,), "sbu": (2,)}
NAMES = {
    "nw-ucla": "a01_s{k:02d}_e00_v0{c}",
    "utd-mhad": "a{a}_s{k}_t1",
    "sbu": "s01s02_0{a}_00{k}",
    "ntu": "S001C00{c}P00{k}R001A00{a}",
    "ctr-gcn": "train_0000{i}",
}


def clips(name, number=4):
    """Clips that fit a format in all respects."""
    layout = get_layout(LAYOUTS.get(name, "ntu25"))
    found = []
    for i in range(number):
        rng, k, c, label = np.random.default_rng(i), i + 1, 1 + i % 3, 0 if name == "nw-ucla" else i
        persons = PERSONS.get(name, (1, 2))
        shape = (persons[i % len(persons)], 3 + i, layout.num_joints, CHANNELS.get(name, 3))
        x = rng.normal(size=shape).astype("float32")
        mask = None
        if name not in ("sbu", "ctr-gcn"):
            mask = rng.random(shape[:3]) > 0.1
            mask[:, 0] = True
            x[~mask] = 0
        subject = 1 if name == "sbu" else k
        known = {"subject": subject, "camera": c, "setup": 1}
        for key in {"sbu": ("camera", "setup"), "utd-mhad": ("camera", "setup")}.get(name, ()):
            del known[key]
        if name == "nw-ucla":
            del known["setup"]
        if name == "ctr-gcn":
            known = {}
        clip_name = NAMES.get(name, "clip{i}").format(k=k, c=c, a=label + 1, i=i)
        found.append(
            SkeletonData.from_array(
                *(x, layout, "MTVC"), y=label, name=clip_name, mask=mask, persons="all", **known
            )
        )
    return found


def options(name):
    return ScanOptions(layout=get_layout(LAYOUTS.get(name, "ntu25")))


def write(name, path, found=None, info=None):
    suffix = {"ctr-gcn": ".npz", "pose-pickle": ".pkl", "sgnkit": ".json"}.get(name, "")
    path = path / f"{name}{suffix}"
    FORMATS[name].write(iter(found or clips(name)), path, info or SetInfo())
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read(name, tmp_path):
    path = write(name, tmp_path)
    assert [p.name for p in tmp_path.iterdir() if "." not in p.name or p == path] == [path.name]
    read, errors = collect(FORMATS[name].scan(path, options(name)))
    assert not errors
    pairs = [sorted(found, key=lambda d: d.name) for found in (read, clips(name))]
    for data, expected in zip(*pairs, strict=True):
        extra = {"duplicate"} if name == "nw-ucla" else set()
        assert set(data.keys()) - extra == set(expected.keys())
        for key in set(expected.keys()) - {"x"}:
            same = data[key] == expected[key]
            assert same.all() if torch.is_tensor(same) else same, key
        tolerance = 1e-5 if name == "sbu" else 0.0
        torch.testing.assert_close(data.x, expected.x, atol=tolerance, rtol=0)


def facts(**values):
    return SkeletonData(**{"name": "", "subject": 1, "camera": 1, "setup": 1, **values})


def test_parts_and_known_counts(tmp_path):
    def parts(form, **values):
        return FORMATS[form].parts(tmp_path, ScanOptions(num_classes=60))(facts(**values))

    assert parts("nw-ucla", camera=3) == {"": "test"} and parts("nw-ucla") == {"": "train"}
    assert parts("utd-mhad", subject=2) == {"": "test"}
    assert parts("ntu", subject=3, camera=2) == {"xsub": "test", "xview": "train"}
    assert list(parts("sbu", subject=5).items()).count(("fold2", "test")) == 1
    assert list(parts("sbu", subject=5).values()).count("train") == 4
    assert parts("ctr-gcn", name="test_00001") == {"": "test"}
    for name, total in {"nw-ucla": 1484, "utd-mhad": 861, "sbu": 282, "ntu": 113_945}.items():
        known = FORMATS[name].known(ScanOptions())
        assert known and all(sum(part.values()) == total for part in known.values())
    known = FORMATS["ntu"].known(ScanOptions(num_classes=60))
    assert known["xsub"] == {"train": 40_091, "test": 16_487}
    assert all(len(f.summary) < 80 for f in FORMATS.values())


def test_parts_that_stand_in_the_files(tmp_path):
    found = clips("pose-pickle")
    info = SetInfo(parts={"xsub": {"train": ["clip0", "clip2"], "test": ["clip1"]}})
    path = write("pose-pickle", tmp_path, found, info)
    rule = FORMATS["pose-pickle"].parts(path, options("pose-pickle"))
    assert [rule(clip) for clip in found] == [
        *({"xsub": "train"}, {"xsub": "test"}, {"xsub": "train"}, {})
    ]
    path = write("ctr-gcn", tmp_path, found, info)
    read, _ = collect(FORMATS["ctr-gcn"].scan(path, options("ctr-gcn")))
    assert [clip.name for clip in read] == [*(f"train_0000{k}" for k in range(3)), "test_00000"]
    folder = write("pose-folder", tmp_path, found, SetInfo(("a", "b", "c", "d")))
    assert FORMATS["pose-folder"].class_names(folder, options("ntu")) == ("a", "b", "c", "d")
    words = ("split", "train", "test", "val", "train")
    rows = (folder / "clips.csv").read_text().splitlines()
    rows = [f"{row},{word}" for row, word in zip(rows, words, strict=True)]
    (folder / "clips.csv").write_text("\n".join(rows))
    again = tmp_path / "again"
    folder.rename(again)
    rule = FORMATS["pose-folder"].parts(again, options("ntu"))
    assert [rule(clip)[""] for clip in found] == ["train", "test", "val", "train"]


def test_files_of_ones_own_need_a_layout(tmp_path):
    path = write("csv", tmp_path)
    with pytest.raises(DataError, match="--layout"):
        collect(FORMATS["csv"].scan(path, ScanOptions()))


def test_stored_clips_that_are_damaged(tmp_path):
    path = write("sgnkit", tmp_path)
    folder = tmp_path / json.loads(path.read_text())["folder"]
    next(folder.glob("*_x.npy")).unlink()
    with pytest.raises(DataError, match=r"sgnkit\.json(?s:.*)FileNotFound"):
        collect(FORMATS["sgnkit"].scan(path, ScanOptions()))
