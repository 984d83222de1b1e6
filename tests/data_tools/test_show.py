import os

import pytest

from sgnkit.data_tools import show
from sgnkit.datasets.formats import FORMATS, SetInfo
from sgnkit.errors import DataError

Image = pytest.importorskip("PIL.Image")


def frames(path):
    with Image.open(path) as image:
        return image.n_frames


def test_a_clip_of_a_set(folder, clip, tmp_path):
    path = folder([clip(k, num_frames=2 + k) for k in range(3)])
    out = show(path, "clip2", tmp_path / "two.gif", layout="sbu15")
    assert out == tmp_path / "two.gif" and frames(out) == 4
    assert frames(show(path, out=tmp_path / "first.gif", layout="sbu15")) == 2
    with pytest.raises(DataError, match=r"one of 3 names: clip0, clip1(?s:.*)'clip9'"):
        show(path, "clip9", layout="sbu15")


def test_the_file_of_one_clip(folder, clip, tmp_path, monkeypatch, write_recording):
    monkeypatch.chdir(tmp_path)
    path = folder([clip(k, num_frames=2 + k) for k in range(3)])
    out = show(path / "b" / "clip1.npz", layout="sbu15")
    assert os.fspath(out) == "clip1.gif" and frames(out) == 3
    file = write_recording(tmp_path / "S001C001P001R001A001.skeleton")
    write_recording(tmp_path / "S001C001P001R001A002.skeleton")
    assert frames(show(file)) == 4 and (tmp_path / f"{file.stem}.gif").is_file()


def test_two_coordinates_stand_on_their_feet(tmp_path, clip):
    data = clip(0)
    data.x = data.x[..., :2]
    FORMATS["pose-pickle"].write(iter([data]), tmp_path / "a.pkl", SetInfo())
    assert frames(show(tmp_path / "a.pkl", out=tmp_path / "a.gif", layout="sbu15")) == 4
