import copy

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader as PyGLoader

from sgnkit.data import ClipList, SkeletonData, collate
from sgnkit.data.clip_list import bodies, follows_layout
from sgnkit.layout import get_layout


def clip(k, persons=1, num_frames=6, layout="sbu15", holes=True, **extra):
    rng = np.random.default_rng(k)
    joints = get_layout(layout).num_joints
    array = rng.normal(size=(persons, num_frames, joints, 3)).astype("float32")
    mask = rng.random((persons, num_frames, joints)) > 0.2 if holes else None
    data = SkeletonData.from_array(
        array, layout, "MTVC", y=k % 3, name=f"clip{k}", mask=mask, persons="all", subject=k
    )
    for key, value in extra.items():
        data[key] = value
    return data


def assert_same(found, expected):
    assert type(found) is type(expected) and list(found.to_dict()) == list(expected.to_dict())
    for key, value in expected.to_dict().items():
        assert type(found[key]) is type(value), key
        if isinstance(value, torch.Tensor):
            assert found[key].dtype == value.dtype and torch.equal(found[key], value), key
        else:
            assert repr(found[key]) == repr(value), key


def assert_same_batch(found, expected):
    assert_same(found, expected)
    assert found.num_graphs == expected.num_graphs
    for name in ("_slice_dict", "_inc_dict"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert repr(ours[key]) == repr(value), (name, key)


EXTRAS = {
    "nothing": {},
    "flag": {"duplicate": True},
    "fraction": {"score": 0.5},
    "row": {"weights": torch.rand(2, 3)},
    "zero axes": {"level": torch.tensor(2.0)},  # from here on PyG joins them
    "counts nodes": {"some_index": torch.tensor([0, 3])},
    "dictionary": {"more": {"a": torch.rand(2)}},
    "list": {"tags": ["x", "y"]},
}


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("persons", [(1, 1, 1), (2, 1, 3), (2, 2)])
def test_collate_equals_pygs(extra, persons):
    clips = [clip(k, p, **copy.deepcopy(EXTRAS[extra])) for k, p in enumerate(persons)]
    assert ClipList.of(clips) is not None
    expected = Batch.from_data_list(clips)
    found = collate(clips)
    assert_same_batch(found, expected)
    for ours, theirs in zip(found.to_data_list(), expected.to_data_list(), strict=True):
        assert_same(ours, theirs)
    assert found.validate() and found.num_persons == sum(persons)
    assert_same(found[1], expected[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: [clip(0), clip(1, layout="ntu25")],
        lambda: [clip(0, extra="a"), clip(1, extra=1)],
        lambda: [clip(0), clip(1, holes=False)],
        lambda: [clip(0, w=torch.ones(2)), clip(1, w=torch.ones(2).double())],
        lambda: [clip(0), SkeletonData(**{**clip(1).to_dict(), "x": clip(1).x.double()})],
    ],
)
def test_collate_leaves_mixed_clips_to_pyg(make):
    expected = Batch.from_data_list(make())
    found = collate(make())
    for key in expected.keys():  # noqa: SIM118
        same = found[key] == expected[key]
        assert same.all() if isinstance(same, torch.Tensor) else same


def test_collate_of_other_things():
    odd = [clip(0), clip(1)]
    odd[1].edge_index = odd[1].edge_index.flip(0)
    assert ClipList.of(odd) is None
    assert torch.equal(collate(odd).edge_index, Batch.from_data_list(odd).edge_index)
    missing = [clip(0, extra=1), clip(1)]
    assert ClipList.of(missing) is None
    with pytest.raises(KeyError):
        collate(missing)
    assert collate([torch.ones(2), torch.zeros(2)]).shape == (2, 2)
    assert collate([(1, 2), (3, 4)])[0].tolist() == [1, 3]


def test_clips_of_different_length_make_no_batch():
    with pytest.raises(ValueError, match=r"clips with 4 to 6 frames(?s:.*)UniformSample"):
        collate([clip(0), clip(1, num_frames=4)])


def test_clip_list_reads_like_a_list():
    clips = [clip(k, persons=1 + k % 2, num_frames=3 + k) for k in range(4)]
    found = ClipList.of(clips)
    assert len(found) == 4 and found.num_frames == [3, 4, 5, 6] and found.num_persons == [1, 2] * 2
    for ours, theirs in zip(found, clips, strict=True):
        assert_same(ours, theirs)
    assert [c.name for c in found[1:3]] == ["clip1", "clip2"]
    assert_same(found[-1], clips[-1])
    with pytest.raises(IndexError):
        found[4]
    assert ClipList.of(found) is found


def test_clip_list_replaces_attributes():
    found = ClipList.of([clip(0), clip(1)])
    other = found.with_([x * 2 for x in found.x], [None, None], note=["a", "b"])
    assert torch.equal(other[1].x, clip(1).x * 2) and other[1].mask.all()
    assert other[0].note == "a" and "note" not in found[0]
    assert torch.equal(found[1].x, clip(1).x)
    assert other.to_batch().mask.all() and other.to_batch().note == ["a", "b"]
    half = found.with_(mask=[None, found.mask[1]]).to_batch()
    assert half.mask[:15].all() and torch.equal(half.mask[15:], found.mask[1])


def test_follows_layout():
    data = clip(0, persons=2)
    layout, persons, parts = follows_layout(data)
    assert layout.name == "sbu15" and persons == 2 and len(parts) == 5
    assert all(torch.equal(value, data[key]) for key, value in bodies(layout, 2).items())
    data.joint = data.joint.int()
    assert "joint" not in follows_layout(data)[2]
    data.layout = "nobody_knows"
    assert follows_layout(data) == (None, 0, ())


class Clips(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return clip(index, persons=1 + index % 2)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loader(num_workers):
    loaders = [
        DataLoader(Clips(), batch_size=3, num_workers=num_workers, collate_fn=collate),
        PyGLoader(Clips(), batch_size=3),
    ]
    for found, expected in zip(*loaders, strict=True):
        assert_same_batch(found, expected)
