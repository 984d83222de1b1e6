import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from sgnkit.data_tools import convert
from sgnkit.datasets import PoseFolder, PosePickle
from sgnkit.datasets._sources import collect
from sgnkit.datasets.formats import FORMATS, ScanOptions
from sgnkit.errors import DataError
from sgnkit.layout import get_layout


def read(path, name, layout="sbu15"):
    clips, errors = collect(FORMATS[name].scan(path, ScanOptions(get_layout(layout))))
    assert not errors
    return sorted(clips, key=lambda data: data.name)


SUFFIX = {"ctr-gcn": ".npz", "pose-pickle": ".pkl", "sgnkit": ".json"}
OPEN = ["pose-pickle", "pose-folder", "csv", "json", "mediapipe", "openpose", "sgnkit"]


@pytest.mark.parametrize("name", OPEN)
def test_there_and_back(name, folder, clip, tmp_path):
    clips = [clip(k, num_frames=1 + k, persons=1 + k % 2, subject=k, camera=1) for k in range(5)]
    path = folder(clips)
    out = tmp_path / f"out{SUFFIX.get(name, '')}"
    done = convert(path, out, name, layout="sbu15")
    assert done == (5, [], 0)
    for data, expected in zip(read(out, name), clips, strict=True):
        assert torch.equal(data.x, expected.x) and torch.equal(data.mask, expected.mask)
        for key in ("name", "y", "subject", "camera"):
            assert data[key] == expected[key]
    convert(out, tmp_path / "back", "pose-folder", format=name, layout="sbu15")
    for data, expected in zip(read(tmp_path / "back", "pose-folder"), clips, strict=True):
        assert torch.equal(data.x, expected.x)
    assert not list(tmp_path.glob("*.convert"))


def test_parts_go_along(tmp_path, write_recording):
    for k in range(1, 5):
        write_recording(tmp_path / "raw" / f"S001C00{1 + k % 3}P00{k}R001A00{k}.skeleton")
    convert(tmp_path / "raw", tmp_path / "ntu.pkl", "pose-pickle", num_classes=60)
    splits = {
        (b, s): len(PosePickle(tmp_path / "ntu.pkl", s, benchmark=b))
        for b in ("xsub", "xview")
        for s in ("trainval", "test")
    }
    assert list(splits.values()) == [3, 1, 3, 1]
    convert(tmp_path / "raw", tmp_path / "ntu.npz", "ctr-gcn", num_classes=60, benchmark="xview")
    with np.load(tmp_path / "ntu.npz") as arrays:
        assert arrays["x_train"].shape[0] == 3 and arrays["y_test"].shape == (1, 60)
    with pytest.raises(DataError, match=r"xsub, xview(?s:.*)'xset'"):
        convert(tmp_path / "raw", tmp_path / "b.npz", "ctr-gcn", benchmark="xset", num_classes=60)


def test_class_names_go_along(folder, tmp_path):
    convert(folder(), tmp_path / "csv", "csv", layout="sbu15")
    assert PoseFolder(tmp_path / "csv", "sbu15").class_names == ("a", "b", "c")


def test_several_processes_give_the_same(folder, clip, tmp_path):
    path = folder([clip(k) for k in range(150)])
    convert(path, tmp_path / "one.pkl", "pose-pickle", layout="sbu15", workers=1)
    convert(path, tmp_path / "two.pkl", "pose-pickle", layout="sbu15", workers=2)
    assert (tmp_path / "one.pkl").read_bytes() == (tmp_path / "two.pkl").read_bytes()


def test_damaged_clips(folder, tmp_path):
    path = folder()
    (path / "b" / "clip1.npz").write_bytes(b"no")
    out = tmp_path / "out.json"
    with pytest.raises(DataError, match=r"clip1\.npz"):
        convert(path, out, "sgnkit", layout="sbu15")
    assert not out.exists()
    done = convert(path, out, "sgnkit", layout="sbu15", on_error="skip")
    assert done.clips == 5 and [row["clip"] for row in done.skipped] == ["clip1"]
    assert len(read(out, "sgnkit")) == 5


def test_what_cannot_be_done(folder, clip, tmp_path):
    path = folder()
    for to, out, message in (
        ("avi", "a", "unknown format to write"),
        ("csv", "mine", "already"),
        ("nw-ucla", "b", r"does not fit(?s:.*)kinect20"),
        ("coco", "c", "2 coordinates"),
    ):
        with pytest.raises(DataError, match=message):
            convert(path, tmp_path / out, to, layout="sbu15")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.convert", "c.convert", "mine"]
    twice = folder([clip(0), clip(1)], name="twice")
    rows = (twice / "clips.csv").read_text().replace("clip1,b", "clip0,b")
    (twice / "clips.csv").write_text(rows)
    with pytest.raises(DataError, match="same name"):
        convert(twice, tmp_path / "d", "sgnkit", layout="sbu15")


def start(path, out, to):
    command = [sys.executable, "-m", "sgnkit", "data", "convert", str(path), str(out)]
    return subprocess.Popen([*command, "--to", to, "--layout", "sbu15", "--workers", "1"])


def kill_when(process, ready):
    limit = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_killed_run_goes_on_where_it_was(folder, clip, tmp_path, capfd):
    path = folder([clip(k) for k in range(640)], kind="csv")
    out, work = tmp_path / "out.pkl", tmp_path / "out.pkl.convert"
    kill_when(start(path, out, "pose-pickle"), lambda: len(list(work.glob("*.done"))) >= 2)
    assert not out.exists()
    before = {file.name: file.stat().st_mtime_ns for file in work.glob("*.done")}
    assert 2 <= len(before) < 10
    (tmp_path / f"out.pkl.{2**22 + 1}.part").write_bytes(b"half")  # of a process that is gone
    done = convert(path, out, "pose-pickle", layout="sbu15")
    assert done.clips == 640 and done.again == 64 * len(before)
    convert(path, tmp_path / "whole.pkl", "pose-pickle", layout="sbu15")
    assert out.read_bytes() == (tmp_path / "whole.pkl").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "out.pkl", "whole.pkl"]


def test_a_run_begins_anew_if_the_source_changed(folder, clip, tmp_path):
    path = folder([clip(k) for k in range(130)])
    out, work = tmp_path / "out.json", tmp_path / "out.json.convert"
    (path / "b" / "clip100.npz").write_bytes(b"no")
    with pytest.raises(DataError):
        convert(path, out, "sgnkit", layout="sbu15")
    assert len(list(work.glob("*.done"))) == 1
    with pytest.raises(DataError):  # the same plan: the first 64 are there
        convert(path, out, "sgnkit", layout="sbu15")
    other = folder([clip(k) for k in range(130)], name="other")
    os.replace(other / "b" / "clip100.npz", path / "b" / "clip100.npz")
    done = convert(path, out, "sgnkit", layout="sbu15")
    assert done == (130, [], 0)


def test_a_damaged_shard_is_read_again_only_when_it_matters(folder, clip, tmp_path):
    path = folder([clip(k) for k in range(130)])
    (path / "b" / "clip1.npz").write_bytes(b"no")
    out, work = tmp_path / "out", tmp_path / "out.convert"
    with pytest.raises(DataError, match="does not fit"):
        convert(path, out, "nw-ucla", layout="sbu15", on_error="skip")
    assert json.loads((work / "000000.done").read_text())[0]["clip"] == "clip1"
    with pytest.raises(DataError, match="clip1"):
        convert(path, out, "nw-ucla", layout="sbu15")
