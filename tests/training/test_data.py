import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data._utils.pin_memory import pin_memory

from sgnkit.data import collate
from sgnkit.errors import ConfigError
from sgnkit.training import EpochSampler, SeededClips
from sgnkit.training.data import load_split, train_loader, training_clips
from sgnkit.training.data import test_loader as loader_of_test
from sgnkit.transforms import Clean


class Noise(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, index):
        return torch.rand(2) + index


def test_sampler_shuffles_anew_in_every_epoch():
    sampler = EpochSampler(num_clips=10, batch_size=4, seed=0)
    epochs = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler) == 8
        assert {key[0] for key in keys} == {epoch}
        epochs.append([index for _, index in keys])
        assert len(set(epochs[-1])) == 8
    assert epochs[0] == epochs[2] != epochs[1]
    other = [index for _, index in EpochSampler(num_clips=10, batch_size=4, seed=1)]
    assert other != epochs[0]


def test_processes_share_the_same_batches():
    whole = list(EpochSampler(22, batch_size=6, seed=0))
    parts = [list(EpochSampler(22, 6, seed=0, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(part) for part in parts] == [6, 6, 6]
    for step in range(3):
        shared = {key for part in parts for key in part[2 * step : 2 * step + 2]}
        assert shared == set(whole[6 * step : 6 * step + 6])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_noise_depends_on_seed_epoch_and_clip_only(num_workers):
    clips = SeededClips(Noise(), seed=3)
    drawn = {}
    for epoch in (0, 1):
        sampler = EpochSampler(7, batch_size=7, seed=3)
        sampler.set_epoch(epoch)
        for key, noise in zip(
            sampler,
            DataLoader(clips, batch_size=None, sampler=sampler, num_workers=num_workers),
            strict=True,
        ):
            drawn[key] = noise
            assert torch.equal(noise, clips[key])
    for index in range(7):
        assert not torch.equal(drawn[0, index], drawn[1, index])
    assert not torch.equal(drawn[0, 0], drawn[0, 1] - 1)
    assert not torch.equal(SeededClips(Noise(), seed=4)[0, 0], drawn[0, 0])


def test_seeded_clips_leave_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    SeededClips(Noise(), seed=0)[0, 0]
    assert torch.equal(before, torch.get_rng_state())


def test_loader_never_makes_a_batch_of_one(experiment):
    clips, _ = training_clips(experiment)
    assert len(clips) == 16
    experiment.batch_size = 5
    sizes = [batch.num_graphs for batch in train_loader(experiment, clips)]
    assert sizes == [5, 5, 5]
    assert train_loader(experiment, clips).batch_size == 5
    experiment.batch_size = 8
    assert train_loader(experiment, clips, rank=1, world_size=2).batch_size == 4


@pytest.mark.parametrize(("accelerator", "pinned"), [("auto", True), ("cpu", False)])
def test_batches_for_a_gpu_lie_where_it_can_fetch_them(
    experiment, monkeypatch, accelerator, pinned
):
    clips, _ = training_clips(experiment)
    experiment.trainer.accelerator = accelerator
    assert not loader_of_test(experiment, clips).pin_memory  # no GPU here
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for loader in (train_loader(experiment, clips), loader_of_test(experiment, clips)):
        assert loader.pin_memory == pinned
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self + 0)
    batch = collate([clips[0], clips[1]])
    copy = pin_memory(batch)
    assert type(copy) is type(batch)
    assert copy.name == batch.name
    assert torch.equal(copy.x, batch.x)


@pytest.mark.parametrize(
    ("size", "world_size", "message"),
    [(6, 4, "multiple of 4"), (1, 1, "at least 2"), (2, 2, "at least 4"), (99, 1, "at most 16")],
)
def test_bad_batch_sizes(experiment, size, world_size, message):
    clips, _ = training_clips(experiment)
    experiment.batch_size = size
    with pytest.raises(ConfigError, match=message):
        train_loader(experiment, clips, 0, world_size)


def test_validation_is_held_out(experiment):
    everything, nothing = training_clips(experiment)
    experiment.validation = True
    train, val = training_clips(experiment)
    assert nothing is None
    assert (len(everything), len(train), len(val)) == (16, 14, 2)
    test = load_split(experiment, "test")
    assert not {clip.name for clip in test} & {clip.name for clip in everything}


def test_transforms_of_the_splits(experiment):
    train, test = load_split(experiment, "train", augment=True), load_split(experiment, "test")
    assert not torch.equal(train[0].x, train[0].x)
    assert torch.equal(test[0].x, test[0].x)
    assert train[0].x.size(1) == test[0].x.size(1) == 6


def test_wrong_arguments_of_a_dataset(experiment):
    experiment.data["num_classes"] = 99
    with pytest.raises(ConfigError, match="num_classes"):
        load_split(experiment, "train")


def test_pre_transforms_are_stored(experiment, tmp_path):
    for action in ("nod", "wave"):
        (tmp_path / action).mkdir()
        for number in range(5):
            clip = torch.rand(8, 15, 3).numpy() + 5
            np.save(tmp_path / action / f"clip{number}.npy", clip)
    experiment.data = {"name": "PoseFolder", "root": str(tmp_path), "layout": "sbu15"}
    experiment.pre_transforms = [{"Clean": {"policy": "keypoints"}}]
    experiment.test_transforms = []
    clips = load_split(experiment, "test")
    assert str(clips.pre_transform) == f"Compose([\n  {Clean('keypoints')}\n])"
    assert clips[0].x[1, 0].abs().max() == 0  # the neck, centred
    assert load_split(experiment, "test")[0].x.equal(clips[0].x)
    experiment.data = {"name": "SyntheticActions", "num_clips": 4}
    with pytest.raises(ConfigError, match=r"(?s)SyntheticActions stores no clips.*pre_transforms"):
        load_split(experiment, "test")
