import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets._raw_write import whole_folder
from sgnkit.datasets._sources import collect
from sgnkit.datasets.formats import FORMATS, ScanOptions, SetInfo
from sgnkit.errors import DataError

LAYOUTS = {"nw-ucla": "kinect20", "utd-mhad": "utd_mhad20", "sbu": "sbu15", "ntu": "ntu25"}
JOINTS = {"kinect20": 20, "utd_mhad20": 20, "sbu15": 15, "ntu25": 25}


def clips(name, number=4):
    """Clips with all that a set asks for but a name."""
    layout, found = LAYOUTS[name], []
    for i in range(number):
        shape = (2 if name == "sbu" else 1, 3 + i, JOINTS[layout], 3)
        x = np.random.default_rng(i).normal(size=shape).astype("float32")
        facts = {"subject": 1, "camera": 1, "setup": 1}
        found.append(SkeletonData.from_array(x, layout, "MTVC", y=0, name=f"mine{i}", **facts))
    return found


def write(name, path, found):
    FORMATS[name].write(iter(found), path / name, SetInfo())
    return path / name


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nw-ucla", {"camera": 4, "name": "x"}),
        ("nw-ucla", {"layout": "utd_mhad20"}),
        ("utd-mhad", {"y": torch.tensor([27]), "name": "x"}),
        ("sbu", {"subject": 40, "name": "x"}),
        ("ntu", {"y": torch.tensor([120]), "name": "x"}),
    ],
)
def test_clips_that_do_not_fit(name, change, tmp_path):
    found = clips(name)
    for key, value in change.items():
        found[1][key] = value
    with pytest.raises(DataError, match=rf"does not fit(?s:.*)'{found[1].name}'(?s:.*)pose-folder"):
        write(name, tmp_path, found)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["nw-ucla", "utd-mhad", "sbu", "ntu"])
def test_other_names_become_those_of_the_set(name, tmp_path):
    read, errors = collect(FORMATS[name].scan(write(name, tmp_path, clips(name)), ScanOptions()))
    assert not errors and len({data.name for data in read}) == 4
    for data, expected in zip(sorted(read, key=lambda d: d.name), clips(name), strict=True):
        assert int(data.y) == 0 and data.subject == 1
        torch.testing.assert_close(data.x, expected.x, atol=1e-5, rtol=0)


def test_a_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(RuntimeError, match="broke"), whole_folder(tmp_path / "a") as part:
        (part / "file").write_text("half")
        raise RuntimeError("it broke")
    assert not list(tmp_path.iterdir())
    with whole_folder(tmp_path / "a") as part:
        (part / "file").write_text("whole")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "file"]
    with pytest.raises(DataError, match="something of that name"), whole_folder(tmp_path / "a"):
        pass
