import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset
from torch_geometric.transforms import BaseTransform, Compose

from sgnkit.data import ClipList, RandomStreams, SkeletonData, fetch_clips, transform_clips


def clip(k, num_frames=5):
    x = torch.arange(num_frames * 45.0).view(num_frames, 15, 3) + k
    return SkeletonData.from_array(x, "sbu15", y=k, name=f"clip{k}")


def rand(_):
    return torch.rand(2).tolist()


def alone(seed, count):
    torch.manual_seed(seed)
    return [rand(None) for _ in range(count)]


def test_each_clip_draws_what_it_would_draw_alone():
    expected = [alone(seed, 3) for seed in (3, 9, 3)]
    torch.manual_seed(0)
    before = torch.get_rng_state()
    streams = RandomStreams([3, 9, 3])
    rounds = [streams.draw(rand, "abc") for _ in range(3)]
    assert [list(row) for row in zip(*rounds, strict=True)] == expected
    assert torch.equal(torch.get_rng_state(), before)


def test_without_seeds_the_default_generator_is_used():
    torch.manual_seed(4)
    found = RandomStreams().draw(rand, "ab")
    assert found == alone(4, 2)


def test_an_error_leaves_the_default_generator_as_it_was():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        RandomStreams([1]).draw(lambda k: 1 / 0, "a")
    assert torch.equal(torch.get_rng_state(), before)


class Shift(BaseTransform):
    """Adds a random number; knows many clips at once."""

    calls = 0

    def forward(self, data):
        data.x = data.x + torch.rand(())
        return data

    def forward_batch(self, clips, streams):
        Shift.calls += 1
        numbers = streams.draw(lambda _: torch.rand(()), clips)
        return clips.with_([x + n for x, n in zip(clips.x, numbers, strict=True)])


class Double(BaseTransform):
    """Is called clip by clip."""

    def forward(self, data):
        data.x = data.x * (1 + torch.rand(()))
        return data


class Another(Shift):
    """Overrides `forward` alone, so the inherited `forward_batch` does not hold."""

    def forward(self, data):
        data.x = data.x - torch.rand(())
        return data


class Named(Shift):
    """Overrides neither."""

    name = "other"


@pytest.mark.parametrize(
    ("transform", "calls"),
    [
        (Shift(), 1),
        (Double(), 0),
        (Another(), 0),
        (Named(), 1),
        (Compose([Shift(), Double(), Compose([Shift(), Another()])]), 2),
        (None, 0),
    ],
)
@pytest.mark.parametrize("pack", [list, ClipList.of])
def test_transform_clips_equals_clip_by_clip(transform, calls, pack):
    clips, seeds = [clip(k) for k in range(3)], [7, 8, 9]
    expected = []
    for data, seed in zip(clips, seeds, strict=True):
        torch.manual_seed(seed)
        expected.append(data if transform is None else transform(data))
    Shift.calls = 0
    found = transform_clips(transform, pack(clips), seeds)
    assert Shift.calls == calls
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours.x, theirs.x) and ours.name == theirs.name
    assert torch.equal(clips[1].x, clip(1).x)


def test_transforms_may_return_anything():
    assert transform_clips(lambda data: data.name, [clip(0), clip(1)]) == ["clip0", "clip1"]
    mixed = transform_clips(
        Compose([lambda data: (data.x, data.y), lambda pair: pair[1].item()]), [clip(0), clip(1)]
    )
    assert mixed == [0, 1]
    other = SkeletonData.from_array(torch.ones(2, 25, 3), "ntu25")
    found = transform_clips(Shift(), [clip(0), other], [1, 2])  # no layout in common
    assert isinstance(found, list) and found[1].layout == "ntu25"


class Plain(Dataset):
    """Knows nothing of many clips at once."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return Shift()(clip(index))


class Fast(Plain):
    def fetch(self, indices, seeds=None):
        return transform_clips(Shift(), [clip(i) for i in indices], seeds)


@pytest.mark.parametrize(
    "dataset",
    [
        Plain(),
        Fast(),
        Subset(Fast(), [4, 3, 2, 1, 0]),
        ConcatDataset([Fast(), Plain(), Fast()]),
        ConcatDataset([Fast(), Subset(Fast(), [1]), ConcatDataset([Fast(), Fast()])]),
    ],
    ids=["plain", "fast", "subset", "mixed", "joined"],
)
def test_fetch_clips_equals_one_by_one(dataset):
    indices = [i % len(dataset) for i in (14, 3, 5, 0, 9)]
    found = fetch_clips(dataset, indices, seeds=range(5))
    for seed, (index, data) in enumerate(zip(indices, found, strict=True)):
        torch.manual_seed(seed)
        expected = dataset[index]
        assert data.name == expected.name and torch.equal(data.x, expected.x)
    assert len(fetch_clips(dataset, [1, 1])) == 2
    slow = any(type(part) is Plain for part in getattr(dataset, "datasets", [dataset]))
    assert isinstance(found, list if slow else ClipList)
