import json

import pytest

from sgnkit.data_tools import stats
from sgnkit.data_tools.stats import as_text
from sgnkit.errors import DataError


def test_stats(folder, clip):
    clips = [clip(k, num_frames=2 + k, persons=1 + k % 2, subject=1 + k) for k in range(4)]
    clips[1].mask[:3, 0] = False
    path = folder(clips)
    (path / "a" / "clip3.npz").write_bytes(b"no")
    found = stats(path, layout="sbu15")
    assert found["clips"] == 3 and found["damaged"] == 1
    assert found["classes"] == {"a": 1, "b": 1, "c": 1} and found["layouts"] == {"sbu15": 3}
    assert found["persons"] == {"1": 2, "2": 1} and found["subject"] == {"1": 1, "2": 1, "3": 1}
    assert found["frames"] == {"least": 2, "median": 3, "most": 4, "all": 9, "empty": 0}
    assert found["unobserved"] == pytest.approx(3 / (15 * (2 + 2 * 3 + 4)))
    assert set(found["coordinates"]) == {"x", "y", "z"} and found["camera"] == {}
    assert json.loads(json.dumps(found)) == found
    text = as_text(found)
    assert "2 to 4, median 3, 9 in all, 0 empty" in text and "cameras" not in text
    assert "3: a (1), b (1), c (1)" in text


def test_stats_of_nothing(folder):
    path = folder()
    for file in path.glob("*/*.npz"):
        file.write_bytes(b"no")
    with pytest.raises(DataError, match=r"6 clips(?s:.*)data check"):
        stats(path, layout="sbu15")
