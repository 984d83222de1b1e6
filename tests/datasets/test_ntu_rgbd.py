import itertools
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sgnkit.datasets import NTURGBD
from sgnkit.datasets._ntu_facts import TRAIN_SUBJECTS
from sgnkit.errors import DataError
from sgnkit.training.config import build_transforms

pytestmark = pytest.mark.filterwarnings("ignore:NTURGBD. .* official set:UserWarning")

SETUPS, CAMERAS, SUBJECTS, ACTIONS = (1, 2, 18), (1, 2), (1, 3, 35), (1, 61)
NAMES = [
    f"S{s:03d}C{c:03d}P{p:03d}R001A{a:03d}"
    for s, c, p, a in itertools.product(SETUPS, CAMERAS, SUBJECTS, ACTIONS)
    if (a > 60) == (s > 17)
]


@pytest.fixture
def raw(tmp_path, write_recording):
    for name in NAMES:
        write_recording(tmp_path / "nturgb+d_skeletons" / f"{name}.skeleton")
    return tmp_path


def names(*args, **kwargs):
    return set(NTURGBD(*args, **kwargs).names)


def test_ntu_rgbd(raw):
    with pytest.warns(UserWarning, match="held 12 clips .* official set has 56578"):
        dataset = NTURGBD(raw)
    assert str(dataset) == "NTURGBD(4)"
    assert dataset.layout.name == "ntu25"
    assert dataset.num_classes == 60 and dataset.class_names[0] == "drink water"
    data = dataset[0]
    assert data.validate() and data.name == "S001C001P001R001A001"
    assert data.x.shape == (25, 4, 3) and data.x.dtype is torch.float32
    assert (data.setup, data.camera, data.subject, int(data.y)) == (1, 1, 1, 0)
    with pytest.warns(UserWarning, match="held 18 clips .* official set has 113945"):
        assert NTURGBD(raw, 120, split="all").num_classes == 120


@pytest.mark.parametrize(
    ("num_classes", "benchmark"), [(60, "xsub"), (60, "xview"), (120, "xsub"), (120, "xset")]
)
def test_ntu_rgbd_splits(raw, num_classes, benchmark):
    parts = {
        split: names(raw, num_classes, benchmark, split)
        for split in ("train", "val", "trainval", "test", "all")
    }
    known = {name for name in NAMES if int(name[-3:]) <= num_classes}
    assert parts["all"] == known == parts["trainval"] | parts["test"]
    assert parts["trainval"] == parts["train"] | parts["val"]
    assert not parts["train"] & parts["val"] and not parts["trainval"] & parts["test"]
    assert {name[8:12] for name in parts["val"]} == {"P035"}
    rule = {
        "xsub": lambda name: int(name[9:12]) in TRAIN_SUBJECTS[num_classes],
        "xview": lambda name: name[4:8] in ("C002", "C003"),
        "xset": lambda name: int(name[1:4]) % 2 == 0,
    }[benchmark]
    assert parts["trainval"] == set(filter(rule, known))
    assert len(os.listdir(raw / "processed")) <= 5  # benchmarks share the stored clips


def test_ntu_rgbd_arguments(raw):
    for arguments, message in [
        ((40,), "num_classes must be 60 or 120"),
        ((60, "xset"), "benchmark must be one of xsub, xview"),
        ((120, "xview"), "benchmark must be one of xsub, xset"),
        ((60, "xsub", "valid"), "split must be one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            NTURGBD(raw, *arguments)
    with pytest.raises(ValueError, match="val_subjects must be of 1, 2, 4"):
        NTURGBD(raw, val_subjects=[3])
    assert names(raw, 60, "xview", "val", val_subjects=[3]) == {
        *("S001C002P003R001A001", "S002C002P003R001A001")
    }
    with pytest.raises(ValueError, match="max_persons must be at least 1"):
        NTURGBD(raw, max_persons=0)


def test_ntu_rgbd_persons(tmp_path, write_recording):
    rng = np.random.default_rng(0)
    frames = [{str(b): rng.normal(size=(25, 3)) for b in range(3)}, {}]
    write_recording(tmp_path / "S001C001P001R001A050.skeleton", frames)
    for max_persons, persons, length in ((2, 2, 1), (1, 1, 1), (None, 3, 2)):
        data = NTURGBD(tmp_path, split="all", max_persons=max_persons)[0]
        assert (data.num_persons, data.num_frames) == (persons, length)


def test_ntu_rgbd_damaged_files(raw):
    folder = raw / "nturgb+d_skeletons"
    content = (folder / f"{NAMES[3]}.skeleton").read_bytes()
    (folder / f"{NAMES[3]}.skeleton").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"{NAMES[3]}.skeleton\n(?s:.*)line \d+, frame \d"):
        NTURGBD(raw)
    with pytest.warns(UserWarning, match=f"1 clips were skipped(?s:.*){NAMES[3]}"):
        dataset = NTURGBD(raw, split="all", on_error="skip")
    assert len(dataset) == 11 and list(dataset.skipped) == [NAMES[3]]


def write_npz(path, num_train=20, num_classes=60):
    x = np.random.default_rng(1).normal(size=(num_train, 5, 150)).astype(np.float32)
    y = np.eye(num_classes)[np.arange(num_train) % num_classes]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x_train=x, y_train=y, x_test=x[:3], y_test=y[:3])
    return path


def test_ntu_rgbd_npz(tmp_path, monkeypatch):
    write_npz(tmp_path / "raw" / "NTU60_CS.npz")
    parts = {s: NTURGBD(tmp_path, split=s).names for s in ("train", "val", "trainval", "test")}
    assert [len(part) for part in parts.values()] == [18, 2, 20, 3]
    assert parts["val"] == ["train_00018", "train_00019"]
    assert NTURGBD(tmp_path, split="all")[0].num_persons == 2
    write_npz(tmp_path / "raw" / "NTU60_CV.npz", num_train=10)
    assert len(NTURGBD(tmp_path, 60, "xview", "trainval")) == 10
    assert len(NTURGBD(tmp_path, 60, "xsub", "trainval")) == 20
    given = write_npz(tmp_path / "mine.npz", num_train=7)
    assert len(NTURGBD(given, split="trainval", processed_root=tmp_path / "p")) == 7

    known = {(60, "xsub"): (40, 7), (60, "xview"): (7, 3)}
    monkeypatch.setattr("sgnkit.datasets.ntu_rgbd.KNOWN_COUNTS", known)
    with pytest.raises(DataError, match=r"that of another benchmark(?s:.*)benchmark='xview'"):
        NTURGBD(given, processed_root=tmp_path / "q")
    with pytest.raises(DataError, match=r"array 'y_train'(?s:.*)\(120\)"):
        monkeypatch.undo()
        NTURGBD(given, 120, processed_root=tmp_path / "q")


def write_pickle(path, joints=25, channels=3, extra=()):
    annotations = [
        {
            "frame_dir": name,
            "label": int(name[-3:]) - 1 if name[-3:].isdigit() else 0,
            "total_frames": 3,
            "keypoint": np.full((1, 3, joints, channels), 0.5, np.float16),
        }
        for name in [*NAMES, *extra]
    ]
    path.write_bytes(pickle.dumps({"split": {}, "annotations": annotations}))
    return path


def test_ntu_rgbd_pickle(tmp_path):
    write_pickle(tmp_path / "ntu60_3danno.pkl", extra=["S001C002P005R002A008"])
    dataset = NTURGBD(tmp_path, split="all")
    assert dataset.names == [name for name in NAMES if int(name[-3:]) <= 60]
    assert len(NTURGBD(tmp_path, 60, "xview", "test")) == 6
    flat = write_pickle(tmp_path / "ntu120_hrnet.pkl", joints=17, channels=2)
    dataset = NTURGBD(flat, 120, "xset", "trainval", processed_root=tmp_path / "p")
    assert dataset.layout.name == "coco17" and dataset[0].x.shape == (17, 3, 2)
    assert len(dataset) == 12

    other = write_pickle(tmp_path / "other.pkl", extra=["a_video"])
    with pytest.raises(DataError, match=r"another name than a recording(?s:.*)a_video"):
        NTURGBD(other, processed_root=tmp_path / "q")
    with pytest.warns(UserWarning, match="1 clips were skipped(?s:.*)a_video"):
        assert (
            len(NTURGBD(other, split="all", on_error="skip", processed_root=tmp_path / "q")) == 12
        )


def test_ntu_rgbd_archives(raw, write_recording):
    with zipfile.ZipFile(raw / "nturgbd_skeletons_s001_to_s017.zip", "w") as archive:
        for path in (raw / "nturgb+d_skeletons").iterdir():
            archive.write(path, f"nturgb+d_skeletons/{path.name}")
            path.unlink()
    assert len(NTURGBD(raw, split="all")) == 12
    archive = raw / "nturgbd_skeletons_s001_to_s017.zip"
    assert len(NTURGBD(archive, 120, split="all", processed_root=raw / "p")) == 18


def test_ntu_rgbd_without_data(tmp_path):
    with pytest.raises(DataError, match=r"no raw data were found(?s:.*)rose1\.ntu\.edu\.sg"):
        NTURGBD(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing of use")
    with pytest.raises(DataError, match=r"notes\.txt"):
        NTURGBD(tmp_path / "notes.txt")
    with zipfile.ZipFile(tmp_path / "videos.zip", "w") as archive:
        archive.writestr("S001C001P001R001A001_rgb.avi", b"")
    with pytest.raises(DataError, match="videos"):
        NTURGBD(tmp_path / "videos.zip")


CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("ntu*/*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_configs_give_clips_of_64_frames(tmp_path, write_recording, path):
    config = yaml.safe_load(path.read_text())
    rng = np.random.default_rng(0)
    still = rng.normal(size=(2, 25, 3)) * [0.2, 0.5, 0.1]
    frames = [{str(b): still[b] + [0, 0, 0.01 * t] for b in range(2)} for t in range(30)]
    write_recording(tmp_path / "S002C002P001R001A050.skeleton", [*frames, {}])
    arguments = {**config["data"], "root": tmp_path}
    assert arguments.pop("name") == "NTURGBD"
    arguments["pre_transform"] = build_transforms(config["pre_transforms"])
    for place in ("train_transforms", "test_transforms"):
        transform = build_transforms(config[place])
        data = NTURGBD(**arguments, split="all", transform=transform)[0]
        assert data.validate() and data.x.shape == (50, 64, 3)
    assert data.x[1, 0].norm() < 0.01  # centred; the first of 64 frames is near the first
