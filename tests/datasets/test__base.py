import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import Subset
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import BaseTransform

from sgnkit.data import SkeletonData, collate
from sgnkit.datasets import SkeletonDataset
from sgnkit.errors import DataError
from sgnkit.layout import get_layout


class Tiny(SkeletonDataset):
    layout = get_layout("sbu15")
    class_names = ("a", "b", "c")

    def __init__(self, clips, transform=None):
        super().__init__(None, transform)
        self._clips = clips


def clip(k, num_frames=4, persons=1):
    array = np.random.default_rng(k).normal(size=(persons, num_frames, 15, 3))
    return SkeletonData.from_array(array, "sbu15", "MTVC", y=k % 3, name=f"clip{k}", subject=k)


def test_skeleton_dataset():
    dataset = Tiny([clip(k, num_frames=3 + k, persons=1 + k % 2) for k in range(6)])
    assert str(dataset) == "Tiny(6)" and len(dataset) == 6
    assert dataset.num_classes == 3 and dataset.num_node_features == 3
    assert dataset[2].x.shape == (15, 5, 3) and dataset[3].num_persons == 2
    assert isinstance(dataset[2].num_frames, int) and isinstance(dataset[2].subject, int)
    part = dataset[[4, 1]]
    assert part.names == ["clip4", "clip1"] and part.y.tolist() == [1, 1]
    assert len(dataset[2:]) == 4 and len(dataset[dataset.y == 0]) == 2
    shuffled, order = dataset.shuffle(return_perm=True)
    assert shuffled.names == [f"clip{k}" for k in order.tolist()]
    assert [data.name for data in dataset] == [f"clip{k}" for k in range(6)]


def test_skeleton_dataset_hands_out_copies():
    dataset = Tiny([clip(k) for k in range(3)])
    data = dataset[0]
    data.x = data.x + 1
    data.extra = 5
    assert torch.equal(dataset[0].x, clip(0).x) and "extra" not in dataset[0]
    deep = dataset.copy([0, 2])
    deep[1].x.add_(1)
    assert torch.equal(dataset[2].x, clip(2).x) and deep.names == ["clip0", "clip2"]
    assert dataset.copy().to("cpu").names == dataset.names


def test_skeleton_dataset_batches_one_and_two_persons():
    dataset = Tiny([clip(k, persons=1 + k % 2) for k in range(4)])
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch.num_graphs == 4 and batch.x.shape == (6 * 15, 4, 3)
    assert batch.name == [f"clip{k}" for k in range(4)]


def test_skeleton_dataset_save_and_load(tmp_path):
    path = str(tmp_path / "clips.pt")
    clips = [clip(k, num_frames=1 + k, persons=1 + k % 2) for k in range(5)]
    clips[1].duplicate = True
    SkeletonDataset.save(clips, path)
    index, folder = sorted(tmp_path.iterdir())
    assert index.name == "clips.pt" and folder.name == json.loads(index.read_text())["folder"]
    dataset = Tiny([])
    dataset.load(path)
    for data, expected in zip(dataset, clips, strict=True):
        assert isinstance(data, SkeletonData) and data.validate()
        assert list(data.to_dict()) == list(expected.to_dict())
        for key in expected.keys():  # noqa: SIM118
            same = data[key] == expected[key]
            assert same.all() if isinstance(same, torch.Tensor) else same
    # clips share their bones in the file, but each of them may be changed
    data = dataset[0]
    data.edge_index = data.edge_index.flip(0)
    assert torch.equal(dataset[2].edge_index, clips[2].edge_index)

    (tmp_path / "clips.pt").write_text('{"format": "sgnkit clips 99"}')
    with pytest.raises(DataError, match=r"clips\.pt(?s:.*)sgnkit clips 99(?s:.*)force_reload"):
        dataset.load(path)
    with pytest.raises(DataError, match="FileNotFoundError"):
        dataset.load(str(tmp_path / "none.pt"))


def test_skeleton_dataset_reads_single_attributes(tmp_path):
    clips = [clip(k, num_frames=1 + k) for k in range(5)]
    clips[1].duplicate = True
    SkeletonDataset.save(iter(clips), str(tmp_path / "clips"))
    opened = Tiny([])
    opened.load(str(tmp_path / "clips"))
    for dataset in (Tiny(clips), opened):
        assert dataset[[3, 1]].values("subject") == [3, 1]
        assert dataset.values("duplicate") == [None, True, None, None, None]
        assert dataset.values("num_frames") == [1, 2, 3, 4, 5]
        dataset.keep(lambda data: data.subject != 2 and not data.duplicate)
        assert dataset.names == ["clip0", "clip3", "clip4"] and len(dataset) == 3
        assert dataset[[1, 2]].y.tolist() == [0, 1] and str(dataset) == "Tiny(3)"
        assert [data.name for data in dataset[1:]] == ["clip3", "clip4"]
        assert dataset.copy([2])[0].name == "clip4"
        with pytest.raises(AttributeError, match="no clip has an attribute 'num_persons'"):
            dataset.keep(lambda data: data.num_persons == 1)


class Grow(BaseTransform):
    def forward(self, data):
        data.x = data.x[:, :3] * torch.rand(())
        data.mask = data.mask[:, :3]
        return data


@pytest.mark.parametrize("transform", [None, Grow()])
def test_skeleton_dataset_fetches_many_at_once(tmp_path, transform):
    clips = [clip(k, num_frames=3 + 2 * (transform is not None) * k) for k in range(6)]
    SkeletonDataset.save(clips, str(tmp_path / "clips"))
    opened = Tiny([], transform)
    opened.load(str(tmp_path / "clips"))
    for dataset in (Tiny(clips, transform)[[5, 0, 3]], opened[[5, 0, 3]]):
        found = dataset.fetch([2, 0], seeds=[7, 8])
        for data, index, seed in zip(found, (2, 0), (7, 8), strict=True):
            torch.manual_seed(seed)
            expected = dataset[index]
            assert list(data.to_dict()) == list(expected.to_dict()) and data.name == expected.name
            assert torch.equal(data.x, expected.x) and torch.equal(data.mask, expected.mask)
        torch.manual_seed(1)
        (batch,) = TorchLoader(dataset, batch_size=3, collate_fn=collate)
        torch.manual_seed(1)
        (expected,) = DataLoader(dataset, batch_size=3)
        assert torch.equal(batch.x, expected.x) and batch.name == expected.name
        assert dataset.fetch([]) == []
    reordered = TorchLoader(Subset(opened, [4, 2]), batch_size=2, collate_fn=collate)
    assert next(iter(reordered)).name == ["clip4", "clip2"]


def test_skeleton_dataset_that_overrides_get_is_asked(tmp_path):
    class Named(Tiny):
        def get(self, idx):
            data = super().get(idx)
            data.name = f"mine{idx}"
            return data

    assert [data.name for data in Named([clip(0), clip(1)]).fetch([1, 0])] == ["mine1", "mine0"]
