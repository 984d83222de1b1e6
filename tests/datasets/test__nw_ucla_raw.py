import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from sgnkit.datasets._nw_ucla_raw import fingerprint, scan_nw_ucla
from sgnkit.datasets._sources import collect
from sgnkit.errors import DataError


def skeletons(seed, num_frames=5):
    return np.random.default_rng(seed).uniform(-1, 1, (num_frames, 20, 3)).round(4).tolist()


def record(action, subject, view):
    name = f"a{action:02d}_s{subject:02d}_e00_v{view:02d}"
    return {"file_name": name, "skeletons": skeletons(subject * 10 + view), "label": action}


def write_zip(path, records):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in records:
            archive.writestr(f"all_sqe/{item['file_name']}.json", json.dumps(item))
    return path


def read_clips(path):
    clips, _ = collect(scan_nw_ucla(path))
    return clips


def test_scan_nw_ucla(tmp_path):
    records = [record(2, 10, 3), record(1, 1, 1)]
    path = write_zip(tmp_path / "all_sqe.zip", records)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._a01_s01_e00_v01.json", b"\0")
        archive.writestr("all_sqe/.DS_Store", b"\0")
        archive.writestr("all_sqe/readme.txt", "hello")
    clips = read_clips(path)
    assert [clip.name for clip in clips] == ["a01_s01_e00_v01", "a02_s10_e00_v03"]
    last = clips[1]
    assert (int(last.y), last.subject, last.camera, last.duplicate) == (1, 10, 3, False)
    expected = np.array(records[0]["skeletons"], dtype=np.float32)
    assert last.validate() and np.array_equal(last.to_array("TVC"), expected)

    folder = tmp_path / "all_sqe"
    folder.mkdir()
    for item in records:
        (folder / f"{item['file_name']}.json").write_text(json.dumps(item))
    (folder / "notes.txt").write_text("mine")
    again = read_clips(folder)
    assert [clip.name for clip in again] == [clip.name for clip in clips]
    assert all(torch.equal(a.x, b.x) for a, b in zip(again, clips, strict=True))


def test_fingerprint_sees_the_last_bit_and_the_shape():
    x = np.ones((2, 20, 3))
    y = x.copy()
    y[1, 3, 2] = np.nextafter(1.0, 2.0)
    prints = [fingerprint(x), fingerprint(y), fingerprint(x[:1]), fingerprint(x.reshape(1, 40, 3))]
    assert len(set(prints)) == 4 and fingerprint(x.copy()) == prints[0]


def changed(**changes):
    item = record(1, 1, 1)
    item.update(changes)
    return item


def with_coordinate(value):
    item = record(1, 1, 1)
    item["skeletons"][3][4][1] = value
    return json.dumps(item)


NAME = "all_sqe/a01_s01_e00_v01.json"
BAD = {
    "not json": (NAME, "{", "not JSON"),
    "deep": (NAME, "[" * 100_000, "not JSON"),
    "list": (NAME, "[]", "a JSON object"),
    "no key": (NAME, json.dumps({"file_name": "a01_s01_e00_v01"}), "key 'skeletons'"),
    "other name": (NAME, json.dumps(changed(file_name="a01_s01_e00_v02")), "key 'file_name'"),
    "label": (NAME, json.dumps(changed(label=2)), r"key 'label'(?s:.*)1, as action a01"),
    "label true": (NAME, json.dumps(changed(label=True)), "key 'label'"),
    "no frames": (NAME, json.dumps(changed(skeletons=[])), "no frames"),
    "joints": (
        NAME,
        json.dumps(changed(skeletons=[skeletons(0, 1)[0], skeletons(0, 1)[0][:19]])),
        r"frame 1(?s:.*)20 joints(?s:.*)19 joints",
    ),
    "two numbers": (NAME, json.dumps(changed(skeletons=[[[0.0, 1.0]] * 20])), "three numbers"),
    "words": (NAME, with_coordinate("1.0"), r"frame 3, joint 4(?s:.*)three numbers"),
    "nan": (NAME, with_coordinate(float("nan")), r"frame 3, joint 4(?s:.*)finite(?s:.*)nan"),
    "huge": (NAME, with_coordinate(1e300), r"frame 3, joint 4(?s:.*)finite"),
    "huge whole": (NAME, with_coordinate(10**400), "finite"),
    "action": ("all_sqe/a07_s01_e00_v01.json", "{}", "unknown action"),
    "subject": ("all_sqe/a01_s11_e00_v01.json", "{}", "unknown subject"),
    "view": ("all_sqe/a01_s01_e00_v04.json", "{}", "unknown view"),
    "name": ("all_sqe/readme.json", "{}", "another name than a clip"),
    "absolute": ("/etc/a01_s01_e00_v01.json", "{}", "leads out"),
    "parent": ("../a01_s01_e00_v01.json", "{}", "leads out"),
    "windows": ("C:\\a01_s01_e00_v01.json", "{}", "leads out"),
    "bomb": (NAME, "1" * (17 * 2**20), "far too large"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_member(tmp_path, case):
    member, content, message = BAD[case]
    path = write_zip(tmp_path / "all_sqe.zip", [record(2, 1, 1)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    with pytest.raises(DataError, match=message) as caught:
        read_clips(path)
    assert "all_sqe.zip" in str(caught.value) and "remedy" in str(caught.value)
    assert Path(member.replace("\\", "/")).name.split(".")[0] in str(caught.value)


def test_damaged_archive(tmp_path):
    path = write_zip(tmp_path / "all_sqe.zip", [record(1, 1, v) for v in (1, 2, 3)])
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:-400], whole[:300] + b"\0" * 40 + whole[340:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"all_sqe\.zip"):
            read_clips(path)
    write_zip(path, [])
    with pytest.raises(DataError, match="no clips"):
        read_clips(path)
    write_zip(path, [record(1, 1, 1)])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("again/a01_s01_e00_v01.json", json.dumps(record(1, 1, 1)))
        archive.writestr("__MACOSX/._a01_s01_e00_v01.json", b"\0")
        archive.writestr("all_sqe/.DS_Store", b"\0")
    with pytest.raises(DataError, match="the same name"):
        read_clips(path)
