import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets import SkeletonDataset
from sgnkit.datasets._storage import StoredClips, write_clips
from sgnkit.errors import DataError
from sgnkit.layout import _REGISTRY, SkeletonLayout, register_layout


def clip(k, num_frames=4, persons=1, **extra):
    rng = np.random.default_rng(k)
    array = rng.normal(size=(persons, num_frames, 15, 3)).astype("float32")
    mask = rng.random((persons, num_frames, 15)) > (0.2 if k % 2 else -1)
    data = SkeletonData.from_array(
        array, "sbu15", "MTVC", y=k % 3, name=f"clip{k}", mask=mask, persons="all"
    )
    for key, value in extra.items():
        data[key] = value
    return data


def assert_same(data, expected):
    assert type(data) is type(expected) and list(data.to_dict()) == list(expected.to_dict())
    for key, value in expected.to_dict().items():
        assert type(data[key]) is type(value), key
        if isinstance(value, torch.Tensor):
            assert data[key].dtype == value.dtype and torch.equal(data[key], value), key
        else:
            assert data[key] == value, key


def stored(tmp_path, clips):
    assert write_clips(iter(clips), tmp_path / "clips") == len(clips)
    return StoredClips(tmp_path / "clips")


def test_clips_come_back_as_they_were(tmp_path):
    clips = [clip(k, 1 + 3 * k, 1 + k % 2, subject=k, duplicate=k == 2) for k in range(6)]
    found = stored(tmp_path, clips)
    assert len(found) == 6 and len(found[2:5]) == 3
    for data, expected in zip(found, clips, strict=True):
        assert_same(data, expected)
    assert_same(found[-1], clips[-1])
    assert found.values("name") == [f"clip{k}" for k in range(6)]
    assert found.values("subject", [4, 1]) == [4, 1]
    with pytest.raises(IndexError):
        found[6]


def test_every_attribute_survives(tmp_path):
    clips = [
        clip(0, score=0.5, note="a", weights=torch.rand(3, 2).half(), tags=["x", None]),
        clip(1, score=1, weights=torch.rand(5).bfloat16()),
        clip(2, note=None, box=np.arange(4), flags=torch.tensor([True, False])),
    ]
    found = stored(tmp_path, clips)
    for data, expected in zip(found, clips, strict=True):
        expected = expected.to_dict()
        assert set(data.keys()) == set(expected)
        for key, value in expected.items():
            same = data[key] == value
            assert same.all() if isinstance(value, torch.Tensor | np.ndarray) else same
            assert type(data[key]) is type(value)
    assert found.values("note") == ["a", None, None]
    assert found.values("score") == [0.5, 1, None]
    assert [type(v) for v in found.values("score")] == [float, int, type(None)]


def test_what_cannot_be_stored_is_named_and_leaves_nothing(tmp_path):
    stored(tmp_path, [clip(0)])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=r"'clip1', attribute 'why'(?s:.*)object(?s:.*)pre_transf"):
        write_clips([clip(0), clip(1, why=object())], tmp_path / "clips")
    assert sorted(tmp_path.iterdir()) == before
    assert StoredClips(tmp_path / "clips").values("name") == ["clip0"]


def test_an_error_of_the_source_keeps_what_was_there(tmp_path):
    stored(tmp_path, [clip(0)])

    def broken():
        yield clip(1)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_clips(broken(), tmp_path / "clips")
    assert StoredClips(tmp_path / "clips").values("name") == ["clip0"]
    assert len(list(tmp_path.iterdir())) == 2


def test_replacing_removes_the_older_clips(tmp_path):
    older = stored(tmp_path, [clip(0), clip(1)])
    write_clips(older, tmp_path / "clips")  # onto itself, while it is read
    assert len(StoredClips(tmp_path / "clips")) == 2
    assert len(list(tmp_path.iterdir())) == 2
    assert_same(older[1], clip(1))  # what is open stays readable


def test_nothing_is_a_set_too(tmp_path):
    found = stored(tmp_path, [])
    assert len(found) == 0 and list(found) == [] and found.values("name") == []


def test_the_bone_graph_is_stored_only_where_it_is_another(tmp_path):
    odd = clip(1)
    odd.edge_index = odd.edge_index.flip(0)
    partial = clip(2)
    del partial.parent_index
    found = stored(tmp_path, [clip(0), odd, partial])
    for data, expected in zip(found, [clip(0), odd, partial], strict=True):
        assert set(data.keys()) == set(expected.keys())
        assert torch.equal(data.edge_index, expected.edge_index)
    stems = {path.name for folder in tmp_path.glob("clips.*") for path in folder.iterdir()}
    assert sum("edge_index" in stem for stem in stems) == 4  # values, offsets, shapes, rows
    assert not any("joint" in stem for stem in stems)
    assert torch.equal(found.values("edge_index")[1], odd.edge_index)


def test_only_real_frames_take_place(tmp_path):
    stored(tmp_path, [clip(k, num_frames=1 if k else 500) for k in range(0, 100, 2)])
    size = sum(p.stat().st_size for f in tmp_path.glob("clips.*") for p in f.iterdir())
    coordinates = (500 + 49) * 15 * 3 * 4
    assert coordinates < size < coordinates + 50_000


def test_a_layout_of_ones_own_comes_with_the_clips(tmp_path):
    own = SkeletonLayout("own_for_storage", ("a", "b", "c"), (0, 0, 1))
    register_layout(own)
    data = SkeletonData.from_array(np.ones((2, 3, 3), "float32"), own, "TVC")
    try:
        write_clips([data], tmp_path / "clips")
        del _REGISTRY["own_for_storage"]
        assert StoredClips(tmp_path / "clips")[0].skeleton == own
        other = SkeletonLayout("own_for_storage", ("a", "b", "c"), (0, 0, 0))
        register_layout(other, overwrite=True)
        with pytest.raises(ValueError, match="another layout 'own_for_storage'"):
            StoredClips(tmp_path / "clips")
    finally:
        del _REGISTRY["own_for_storage"]


def test_changing_a_clip_in_place_changes_nothing_else(tmp_path):
    found = stored(tmp_path, [clip(0), clip(1)])
    found[0].x.add_(1)
    found[0].mask.fill_(False)
    assert_same(found[0], clip(0))


def test_pickle_carries_the_place_not_the_clips(tmp_path):
    found = stored(tmp_path, [clip(k, num_frames=1000) for k in range(3)])
    copied = pickle.dumps(found)
    assert len(copied) < 1000
    assert_same(pickle.loads(copied)[2], clip(2, num_frames=1000))


def damaged(tmp_path, change):
    stored(tmp_path, [clip(0), clip(1)])
    index = json.loads((tmp_path / "clips").read_text())
    change(index, tmp_path / index["folder"])
    (tmp_path / "clips").write_text(json.dumps(index))
    return tmp_path / "clips"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index, folder: index.update(folder="../elsewhere"), "elsewhere"),
        (lambda index, folder: index.update(format="sgnkit clips 99"), "sgnkit clips 99"),
        (lambda index, folder: index.update(num_clips=3), "2 graphs of 3 clips"),
        (lambda index, folder: os.truncate(folder / "00_x.npy", 200), "ValueError"),
        (lambda index, folder: (folder / "graph.npy").unlink(), "FileNotFoundError"),
        (lambda index, folder: index["layouts"][0].update(parents=[0]), "DataError"),
    ],
)
def test_damage_is_told(tmp_path, change, message):
    path = damaged(tmp_path, change)
    dataset = SkeletonDataset()
    with pytest.raises(DataError, match=rf"clips\n(?s:.*){message}(?s:.*)force_reload=True"):
        dataset.load(str(path))


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from sgnkit.data import SkeletonData
from sgnkit.datasets._storage import write_clips
def clips():
    yield SkeletonData.from_array(np.ones((4, 15, 3), "float32"), "sbu15")
    os.kill(os.getpid(), signal.SIGKILL)
write_clips(clips(), Path(sys.argv[1]))
"""


def test_a_killed_writer_leaves_what_was_there(tmp_path):
    stored(tmp_path, [clip(0)])
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "clips")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert StoredClips(tmp_path / "clips").values("name") == ["clip0"]
    assert len(list(tmp_path.iterdir())) == 3
    write_clips([clip(1)], tmp_path / "clips")  # the next writer takes the rest away
    assert len(list(tmp_path.iterdir())) == 2
