import json
import os
from pathlib import Path

import pytest

from sgnkit.data_tools import check
from sgnkit.datasets.formats import FORMATS, SetInfo
from sgnkit.errors import DataError

SHARED = Path(
    os.environ.get("SGNKIT_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)


def pickle(path, clips, **parts):
    FORMATS["pose-pickle"].write(iter(clips), path, SetInfo(parts={"": parts}))
    return path


def test_a_healthy_set(folder):
    report = check(folder(), layout="sbu15")
    assert report.healthy and report.clips == 6 and report.format == "pose-folder"
    assert report.counts == {} and not report.damaged and not report.duplicates
    assert str(report).endswith("healthy") and "damaged: none" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["healthy"] is True


def test_copies_across_splits_and_doubtful_labels(tmp_path, clip):
    clips = [
        *(clip(0), clip(1), clip(2)),
        clip(0, name="copy"),
        clip(1, name="other", label=2),
        clip(3, name="inner"),
        clip(3, name="twin"),
    ]
    names = [data.name for data in clips]
    path = pickle(tmp_path / "a.pkl", clips, train=[*names[:3], *names[5:]], val=["other"],
                  test=["copy"])  # fmt: skip
    report = check(path, layout="sbu15")
    assert report.counts[""] == {
        "train": {"found": 5, "known": None},
        "val": {"found": 1, "known": None},
        "test": {"found": 1, "known": None},
    }
    assert report.copies == {
        "": [
            {"clip": "copy", "part": "test", "copy_of": "clip0", "of_part": "train"},
            {"clip": "other", "part": "val", "copy_of": "clip1", "of_part": "train"},
        ]
    }
    assert report.duplicates == [["clip0", "copy"], ["clip1", "other"], ["inner", "twin"]]
    assert report.two_labels == [{"clip1": 1, "other": 2}]
    assert not report.healthy
    text = str(report)
    assert "copied across splits: 2" in text and "clip1: class 1, other: class 2" in text
    assert text.endswith("DAMAGED")


def test_damaged_files_have_place_and_remedy(folder, clip):
    path = folder([clip(k) for k in range(30)], kind="csv")
    for k in range(12):
        file = path / "abc"[k % 3] / f"clip{k}.csv"
        file.write_text(file.read_text()[:-30])
    report = check(path, layout="sbu15")
    assert not report.healthy and len(report.damaged) == 12 and report.clips == 30
    assert {"clip", "what", "file", "place", "remedy"} <= set(report.damaged[0])
    assert "damaged: 12" in str(report) and "and 2 more, see --json" in str(report)


def test_empty_frames(folder, clip):
    data = clip(0, num_frames=5)
    data.mask[:, 2:4] = False
    report = check(folder([data, clip(1)]), layout="sbu15")
    assert report.empty_frames == [{"clip": "clip0", "empty": 2, "frames": 5}] and report.healthy
    assert "clip0: 2 of 5" in str(report)


def test_two_clips_of_one_name(tmp_path, clip, folder):
    path = folder([clip(0), clip(1)])
    rows = (path / "clips.csv").read_text().replace("clip1,b", "clip0,b")
    (path / "clips.csv").write_text(rows)
    report = check(path, layout="sbu15")
    assert [row["what"] for row in report.damaged] == ["two clips have the same name"]
    assert not report.healthy


def test_a_set_that_cannot_be_listed_is_damaged(tmp_path):
    path = tmp_path / "all_sqe.zip"
    path.write_bytes(b"PK\x03\x04 cut off")
    report = check(path, "nw-ucla")
    assert not report.healthy and "zip" in str(report)
    (tmp_path / "set.pkl").write_bytes(b"no")
    assert not check(tmp_path / "set.pkl").healthy
    with pytest.raises(DataError, match="nothing to read"):
        check(tmp_path / "nothing")
    with pytest.raises(DataError, match="unknown format"):
        check(path, "avi")


def test_counts_that_are_not_those_of_the_official_set(tmp_path, write_recording):
    for subject in (1, 2, 3):
        write_recording(tmp_path / f"S001C002P{subject:03d}R001A010.skeleton")
    report = check(tmp_path, num_classes=60)
    assert report.counts["xsub"] == {
        "train": {"found": 2, "known": 40_091},
        "test": {"found": 1, "known": 16_487},
    }
    assert report.counts["xview"]["train"]["found"] == 3
    assert "NOT THE SAME" in str(report) and report.healthy


def test_check_finds_the_copies_of_nw_ucla():
    archive, listed = SHARED / "nw-ucla.zip", SHARED / "leaked_v02_v03_pairs.txt"
    if not archive.is_file() or not listed.is_file():
        pytest.skip(f"no NW-UCLA data: {archive} is not there (set SGNKIT_TEST_DATA)")
    report = check(archive)
    assert report.healthy and report.format == "nw-ucla" and not report.empty_frames
    assert report.counts[""] == {
        "train": {"found": 1020, "known": 1020},
        "test": {"found": 464, "known": 464},
    }
    pairs = {tuple(line.split()) for line in listed.read_text().splitlines() if line.strip()}
    found = {(row["copy_of"], row["clip"]) for row in report.copies[""]}
    assert len(found) == 95 and found == pairs
