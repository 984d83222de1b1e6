import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sgnkit.data import SkeletonData
from sgnkit.datasets._sources import Source, broken, build_clip, collect, known_layout, read_all
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout

COCO = get_layout("coco17")
FILE = Path("clips.x")


def clip(name):
    return SkeletonData.from_array(np.ones((2, 17, 2)), "coco17", name=name)


def source(name, file=FILE):
    return Source(name, file, partial(clip, name))


def test_collect():
    clips, errors = collect([source("b"), source("a")])
    assert [data.name for data in clips] == ["b", "a"] and errors == []
    assert pickle.loads(pickle.dumps(source("a"))).read().name == "a"
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip'"):
        collect([], "ignore")


def test_collect_skips_and_tells():
    bad = broken("c", FILE, DataError("no such class", file=FILE, place="line 3", found="x\ny"))
    with pytest.raises(DataError, match="no such class"):
        pickle.loads(pickle.dumps(bad)).read()
    with pytest.raises(DataError, match="line 3"):
        collect([source("a"), bad, source("b")])
    twice = source("a", Path("other.x"))
    with pytest.warns(UserWarning) as caught:
        clips, errors = collect([source("a"), bad, twice, source("b")], "skip")
    assert [data.name for data in clips] == ["a", "b"] and len(errors) == 2
    (warning,) = caught
    text = str(warning.message)
    assert "2 clips were skipped" in text
    assert "c: no such class; file clips.x; place line 3; found x y" in text
    assert "a: two clips have the same name; file other.x" in text
    with pytest.raises(DataError, match=r"same name(?s:.*)other\.x(?s:.*)clips\.x"):
        collect([source("a"), twice])


def test_read_all_reads_one_at_a_time():
    read = []

    def note(name):
        read.append(name)
        return clip(name)

    clips = read_all((Source(n, FILE, partial(note, n)) for n in "abc"), "raise", {})
    assert next(clips).name == "a" and read == ["a"]


def test_known_layout(tmp_path):
    assert known_layout("coco17") is COCO and known_layout(COCO) is COCO
    hook = SkeletonLayout("test_hook", ("base", "tip"), (0, 0))
    assert known_layout(hook) is hook and get_layout("test_hook") == hook
    hook.to_yaml(tmp_path / "hook.yaml")
    assert known_layout(str(tmp_path / "hook.yaml")).joints == hook.joints
    with pytest.raises(ValueError, match="'test_hook' belongs to a different layout"):
        known_layout(SkeletonLayout("test_hook", ("base", "top"), (0, 0)))
    with pytest.raises(ValueError, match="coco17"):
        known_layout("coco18")


def test_build_clip():
    data = build_clip(np.ones((1, 3, 17, 2)), COCO, "MTVC", file=FILE, y=1)
    assert data.x.dtype.itemsize == 4 and int(data.y) == 1
    cases = {
        "17 joints": (np.ones((3, 18, 2)), "TVC"),
        "persons and": (np.ones((5000, 1, 17, 2)), "MTVC"),
        "finite": (np.full((3, 17, 2), 1e300), "TVC"),
        "dtype <U1": (np.full((3, 17, 2), "a"), "TVC"),
        "no person": (np.zeros((1, 3, 17, 2)), "MTVC"),
    }
    for message, (array, axes) in cases.items():
        with pytest.raises(DataError, match=r"file: +clips\.x") as caught:
            build_clip(array, COCO, axes, file=FILE, place="key 'k'")
        assert message in str(caught.value) and "place:    key 'k'" in str(caught.value)
    with pytest.raises(DataError, match="far too large"):
        build_clip(np.broadcast_to(np.float32(1), (10**9, 17, 2)), COCO, "TVC", file=FILE)
