import copy

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader as PyGLoader

from sgnkit.data import ClipList, SkeletonData, collate
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
