import zipfile

import pytest

from sgnkit.datasets import SyntheticActions
from sgnkit.datasets.formats import FORMATS, SetInfo
from sgnkit.datasets.guess_format import guess_format
from sgnkit.errors import DataError

FILES = {
    "ntu": "nturgb+d_skeletons/S001C001P001R001A001.skeleton",
    "utd-mhad": "Skeleton/a1_s1_t1_skeleton.mat",
    "sbu": "s01s02/01/001/skeleton_pos.txt",
    "nw-ucla": "all_sqe/a01_s01_e00_v01.json",
}


@pytest.mark.parametrize("name", FILES)
def test_sets_in_folders_and_archives(name, tmp_path):
    path = tmp_path / "set" / FILES[name]
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert guess_format(tmp_path / "set") == guess_format(path.parent) == name
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(path, FILES[name])
    assert guess_format(tmp_path / "set.zip") == name


def test_single_files(tmp_path):
    clips = SyntheticActions(num_clips=4)
    for name, file in {"ctr-gcn": "a.npz", "pose-pickle": "a.pkl", "sgnkit": "a.json"}.items():
        FORMATS[name].write(iter(clips), tmp_path / file, SetInfo())
        assert guess_format(tmp_path / file) == name


@pytest.mark.parametrize("suffix", [".csv", ".json", ".npy", ".npz"])
def test_files_of_ones_own(suffix, tmp_path):
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / f"first{suffix}").write_bytes(b"")
    assert guess_format(tmp_path) == "pose-folder"


def test_an_unknown_format_is_said_to_be_so(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    for path in (tmp_path, tmp_path / "a.mp4", tmp_path / "nothing"):
        with pytest.raises(DataError, match=r"ctr-gcn(?s:.*)--format"):
            guess_format(path)
