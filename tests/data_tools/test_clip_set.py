import numpy as np
import pytest

from sgnkit.data_tools.clip_set import ClipSet, default_workers, looks
from sgnkit.errors import DataError
from sgnkit.layout import get_layout


def test_looks(folder, clip):
    data = clip(1, persons=2, subject=7, camera=2)
    data.mask[:, 1] = False
    data.mask[3, 0] = False
    path = folder([clip(0), data, clip(0, name="again")])
    clips = ClipSet(path, layout="sbu15")
    assert clips.format == "pose-folder" and default_workers(clips) == 1
    first, second, again = looks(clips, quiet=True)
    assert (second.name, second.label, second.subject, second.camera) == ("clip1", 1, 7, 2)
    assert (second.layout, second.persons, second.frames, second.empty) == ("sbu15", 2, 4, 1)
    assert second.unobserved == 31 and second.error is None
    assert first.print == again.print != second.print
    x = data.x[data.mask].numpy()
    assert np.allclose(second.low, x.min(0)) and np.allclose(second.high, x.max(0))
    assert list(looks(clips, workers=2, quiet=True)) == [first, second, again]


def test_a_damaged_clip_tells_what_is_wrong(folder):
    path = folder()
    file = path / "b" / "clip1.npz"
    file.write_bytes(b"no")
    found = {look.name: look for look in looks(ClipSet(path, layout="sbu15"), quiet=True)}
    assert found["clip1"].error["file"] == str(file) and "remedy" in found["clip1"].error
    assert sum(look.error is None for look in found.values()) == 5


def test_options(folder, tmp_path):
    path = folder()
    get_layout("sbu15").to_yaml(tmp_path / "own.yaml")
    assert len(ClipSet(path, layout=str(tmp_path / "own.yaml")).sources) == 6
    for options, message in (
        ({"path": tmp_path / "none"}, "nothing to read"),
        ({"path": path, "format": "avi"}, "unknown format"),
        ({"path": path, "layout": "sbu16"}, "sbu15"),
        ({"path": path}, "--layout"),
    ):
        with pytest.raises(DataError, match=message):
            ClipSet(**options)
