import csv
import json

import numpy as np
import pytest

from sgnkit.datasets._pose_folder_raw import pose_options, scan_pose_folder, survey
from sgnkit.datasets._sources import collect
from sgnkit.errors import DataError

X = np.random.default_rng(0).uniform(1, 2, (4, 17, 2)).astype(np.float32).round(3)
COCO = pose_options("coco17")


def put(path, array=X):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, keypoints=array)
    elif path.suffix == ".json":
        path.write_text(json.dumps(array.tolist()))
    else:
        np.savetxt(path, array.reshape(len(array), -1), "%.3f", delimiter=",")
    return path


def write_table(folder, header, *rows):
    folder.mkdir(exist_ok=True)
    with (folder / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def test_folders(tmp_path):
    for name in ("wave/b.csv", "wave/deep/c.json", "nod/a.npy", "nod/A.npz", "processed/x.json"):
        put(tmp_path / name)
    frames = tmp_path / "nod" / "clip10"
    for number in range(2):
        flat = np.concatenate([X[number], np.ones((17, 1))], -1).ravel().tolist()
        put(frames / f"v_{number}_keypoints.json").write_text(
            json.dumps({"people": [{"pose_keypoints_2d": flat}]})
        )
    (tmp_path / "nod" / "readme.txt").write_text("mine")
    found = survey(tmp_path, COCO)
    assert found.class_names == ("nod", "wave") and found.parts == {}
    clips, _ = collect(found.sources)
    names = {data.name: int(data.y) for data in clips}
    expected = {"nod/A": 0, "nod/a": 0, "nod/clip10": 0, "wave/b": 1, "wave/deep/c": 1}
    assert names == expected and set(names) == {source.name for source in found.sources}
    for data in clips:
        frames = 2 if data.name == "nod/clip10" else 4
        assert np.array_equal(data.to_array("TVC"), X[:frames]), data.name
    assert len(list(scan_pose_folder(tmp_path, "coco17"))) == 5


def test_folders_of_splits(tmp_path):
    for name in ("Train/wave/a.npy", "Train/nod/b.npy", "test/wave/a.npy", "val/nod/c.npy"):
        put(tmp_path / name)
    found = survey(tmp_path, COCO)
    assert found.class_names == ("nod", "wave")
    parts = {"Train/nod/b": "train", "Train/wave/a": "train", "test/wave/a": "test"}
    assert found.parts == {**parts, "val/nod/c": "val"}
    put(tmp_path / "other" / "x.npy")  # then these are classes
    assert survey(tmp_path, COCO).class_names == ("Train", "other", "test", "val")


def test_table(tmp_path):
    for name in ("1.npy", "sub/2.npy"):
        put(tmp_path / name)
    header = ("File", "class", "name", "split", "subject", "camera", "note")
    rows = [
        ("1.npy", "wave", "one", "train", "bea", 2, "x"),
        ("sub\\2.npy", "nod", "", "", "al", "", ""),
    ]
    write_table(tmp_path, header, *rows)
    found = survey(tmp_path, COCO)
    assert found.subjects == ("al", "bea") and found.parts == {"one": "train"}
    one, two = collect(found.sources)[0]
    assert (one.name, int(one.y), one.subject, one.camera) == ("one", 1, 2, 2)
    assert (two.name, int(two.y), two.subject) == ("sub/2", 0, 1) and "camera" not in two
    write_table(tmp_path, ("file", "class", "subject"), ("1.npy", "2", "12"))
    found = survey(tmp_path, COCO)
    assert found.class_names == ("0", "1", "2") and found.subjects == ()
    assert collect(found.sources)[0][0].subject == 12


def test_pattern_and_class_names(tmp_path):
    put(tmp_path / "wave" / "s07_c2.npy")
    put(tmp_path / "nod" / "x.npy")
    pattern = r"s(?P<subject>\d+)_c(?P<camera>\d)"
    found = survey(tmp_path, COCO, pattern=pattern, class_names=["wave", "nod", "jump"])
    nod, wave = collect(found.sources)[0]
    assert (wave.subject, wave.camera, int(wave.y), int(nod.y)) == (7, 2, 0, 1)
    assert "subject" not in nod and found.class_names == ("wave", "nod", "jump")
    write_table(tmp_path, ("file", "class"), ("wave/s07_c2.npy", "2"))
    (data,) = collect(survey(tmp_path, COCO, class_names=["wave", "nod", "jump"]).sources)[0]
    assert int(data.y) == 2


def test_arrays(tmp_path):
    score = np.ones((4, 17))
    score[1, 2] = 0.1
    path = tmp_path / "a" / "x.npz"
    path.parent.mkdir()
    np.savez(path, keypoints=X.transpose(1, 0, 2), scores=score.T, axes="VTC", layout="coco17")
    (data,) = collect(scan_pose_folder(tmp_path, "coco17", min_score=0.5))[0]
    assert np.array_equal(data.to_array("TVC"), X) and not data.mask[2, 1] and data.mask.sum() == 67
    np.savez(path, anything=X)
    assert len(collect(scan_pose_folder(tmp_path, "coco17"))[0]) == 1
    two = np.stack([X, X * 0, X + 1])
    np.save(path.with_suffix(".npy"), np.concatenate([two, np.ones((3, 4, 17, 1))], -1))
    path.unlink()
    (data,) = collect(scan_pose_folder(tmp_path, "coco17", confidence=True))[0]
    assert data.num_persons == 2 and data.x.shape[-1] == 2
    (data,) = collect(scan_pose_folder(tmp_path, "coco17"))[0]
    assert data.num_persons == 3 and data.x.shape[-1] == 3


def one(tmp_path, name="a/x.npy", array=X):
    return put(tmp_path / name, array)


def bad_npz(**arrays):
    def make(tmp_path):
        (tmp_path / "a").mkdir()
        np.savez(tmp_path / "a" / "x.npz", **arrays)

    return make


def link(tmp_path):
    outside = put(tmp_path.parent / f"{tmp_path.name}_outside.npy")
    one(tmp_path)
    (tmp_path / "a" / "y.npy").symlink_to(outside)


def table(*rows, header=("file", "class", "split", "camera")):
    def make(tmp_path):
        one(tmp_path, "x.npy")
        write_table(tmp_path, header, *rows)

    return make


BAD = {
    "no class": (lambda p: one(p, "x.npy"), "x.npy", "has the name of its class"),
    "joints": (lambda p: one(p, array=X[:, :16]), "x.npy", "17 joints", "16 joints"),
    "axes": (lambda p: one(p, array=X[0]), "3 axes", "shape (17, 2)"),
    "nan": (lambda p: one(p, array=X * np.nan), "person 0, frame 0", "missing='mask'"),
    "infinite": (lambda p: one(p, array=X / 0), "finite"),
    "text": (lambda p: one(p, array=X.astype("U5")), "dtype <U5"),
    "nobody": (lambda p: one(p, array=np.zeros((1, 4, 17, 2))), "no person"),
    "no frames": (lambda p: one(p, array=X[:0]), "empty", "at least one"),
    "cut": (lambda p: one(p).write_bytes(one(p).read_bytes()[:-5]), "x.npy", "np.save"),
    "objects": (lambda p: np.save(one(p), np.array([None]), allow_pickle=True), "may hold code"),
    "names": (bad_npz(a=X, b=X), "x.npz", "an array keypoints"),
    "axes word": (bad_npz(keypoints=X, axes=3), "axes", "text"),
    "axes letters": (bad_npz(keypoints=X, axes="TXC"), "'TXC'"),
    "layout": (bad_npz(keypoints=X, layout="ntu25"), "layouts do not match", "'ntu25'"),
    "scores": (bad_npz(keypoints=X, scores=X), "scores do not fit", "(4, 17)"),
    "score words": (bad_npz(keypoints=X, scores=X[..., 0].astype("U3")), "scores do not fit"),
    "link": (link, "y.npy", "leads out", "symbolic link"),
    "parent": (table(("../x.npy", "a", "", "")), "leads out", "x.npy"),
    "absolute": (table(("/etc/passwd.npy", "a", "", "")), "leads out", "/etc/passwd.npy"),
    "lost": (table(("y.npy", "a", "", "")), "y.npy", "no such file"),
    "long": (table(("x" * 5000 + ".npy", "a", "", "")), "File name too long"),
    "kind": (table(("y.mp4", "a", "", "")), "y.mp4", ".csv, .json, .npy, .npz"),
    "split": (table(("x.npy", "a", "dev", "")), "clips.csv", "line 2", "train, val, test"),
    "no file": (table(("", "a", "", "")), "clips.csv", "line 2", "a file and a class"),
    "cells": (table(("x.npy", "a")), "line 2", "4 cells"),
    "camera": (table(("x.npy", "a", "", "left")), "camera of x.npy", "digits", "left"),
    "twice": (table(("x.npy", "a", "", ""), ("x.npy", "b", "", "")), "same name", "'x'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_clip(tmp_path, case):
    make, *messages = BAD[case]
    with np.errstate(divide="ignore"):
        make(tmp_path)
    with pytest.raises(DataError, match=r"file:(?s:.*)remedy") as caught:
        collect(scan_pose_folder(tmp_path, "coco17"))
    assert all(message in str(caught.value) for message in messages), str(caught.value)
    with pytest.warns(UserWarning, match="1 clips were skipped"):
        assert len(collect(scan_pose_folder(tmp_path, "coco17"), "skip")[1]) == 1


BAD_FOLDERS = {
    "empty": (lambda p: None, "holds no clips"),
    "columns": (table(header=("path", "label")), "columns file and class"),
    "no lines": (table(), "none in the table"),
    "latin": (lambda p: (p / "clips.csv").write_bytes(b"file,class\n\xff"), "line 2"),
    "folder link": (lambda p: (p / "a").symlink_to(p.parent), "leads out"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folder(tmp_path, case):
    make, message = BAD_FOLDERS[case]
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        list(scan_pose_folder(tmp_path, "coco17"))


def test_classes_out_of_range(tmp_path):
    put(tmp_path / "jump" / "x.npy")
    with pytest.raises(DataError, match=r"class is out of range(?s:.*)wave, nod(?s:.*)'jump'"):
        collect(survey(tmp_path, COCO, class_names=["wave", "nod"]).sources)
    write_table(tmp_path, ("file", "class"), ("jump/x.npy", "2"))
    with pytest.raises(DataError, match=r"clips\.csv, class of jump/x\.npy(?s:.*)'2'"):
        collect(survey(tmp_path, COCO, class_names=["wave", "nod"]).sources)


def test_options():
    with pytest.raises(ValueError, match="axes must be the letters"):
        pose_options("coco17", axes="NCTVM")
    with pytest.raises(ValueError, match="missing must be"):
        pose_options("coco17", missing="ignore")
