"""Clips in the order, and with the noise, that seed and epoch fix."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Sampler
from torch_geometric.data import Data

from sgnkit.data import collate, fetch_clips
from sgnkit.errors import ConfigError, DataError
from sgnkit.training.config import build_transforms, dataset_class
from sgnkit.training.options import Experiment

__all__ = [
    "EpochSampler",
    "SeededClips",
    "dataset_facts",
    "load_split",
    "test_loader",
    "train_loader",
    "training_clips",
]


def load_split(experiment: Experiment, split: str, augment: bool = False) -> Any:
    """Returns one split of the experiment's dataset, with its transforms.

    Args:
        experiment: What to load.
        split: "train", "val", "test" or "all".
        augment: Whether to use the training transforms.
    """
    options = {key: value for key, value in experiment.data.items() if key != "name"}
    place = "train_transforms" if augment else "test_transforms"
    transform = build_transforms(getattr(experiment, place), place)
    cls = dataset_class(experiment.data["name"])
    if experiment.pre_transforms:
        if "pre_transform" not in inspect.signature(cls).parameters:
            raise ConfigError(
                f"{cls.__name__} stores no clips, so none can be transformed before that",
                place="pre_transforms",
                remedy="put them first in train_transforms and test_transforms",
            )
        options["pre_transform"] = build_transforms(experiment.pre_transforms, "pre_transforms")
    try:
        return cls(**options, split=split, transform=transform)
    except DataError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error), place="data") from error


class SeededClips(Dataset):
    """Clips whose random transforms depend on seed, epoch and clip, and on nothing else.

    The same clip gets different noise in every epoch, whatever the number of loader
    processes, and the same noise again when a training is repeated or continued.

    Args:
        clips: A dataset of clips.
        seed: Seed of the run.

    Examples:
        >>> class Noise(Dataset):
        ...     def __getitem__(self, index):
        ...         return torch.rand(1).item()
        >>> clips = SeededClips(Noise(), seed=0)
        >>> clips[0, 5] == clips[0, 5], clips[0, 5] == clips[1, 5]
        (True, False)
    """

    def __init__(self, clips: Any, seed: int) -> None:
        self.clips = clips
        self.seed = seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        state = torch.get_rng_state()
        torch.default_generator.manual_seed(_mix(self.seed, epoch, index))
        try:
            return self.clips[index]
        finally:
            torch.set_rng_state(state)

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> Sequence[Data]:
        seeds = [_mix(self.seed, epoch, index) for epoch, index in keys]
        return fetch_clips(self.clips, [index for _, index in keys], seeds)


class EpochSampler(Sampler):
    """Shuffled `(epoch, index)` pairs for one of several processes.

    The clips of step k are the same for any number of processes: they only share them out.
    The last clips, which do not fill a batch, are left out; they change with every epoch.

    Args:
        num_clips: Number of clips.
        batch_size: Clips per step, over all processes.
        seed: Seed of the run.
        rank: Number of this process.
        world_size: Number of processes.

    Examples:
        >>> sampler = EpochSampler(num_clips=5, batch_size=2, seed=0)
        >>> sampler.set_epoch(3)
        >>> [epoch for epoch, _ in sampler]
        [3, 3, 3, 3]
    """

    def __init__(
        self, num_clips: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self.num_clips = num_clips
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch. Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_clips // self.batch_size * self.batch_size // self.world_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(_mix(self.seed, self.epoch, -1))
        order = torch.randperm(self.num_clips, generator=generator)
        order = order[: self.num_clips // self.batch_size * self.batch_size]
        return iter([(self.epoch, int(i)) for i in order[self.rank :: self.world_size]])


def train_loader(
    experiment: Experiment, clips: Any, rank: int = 0, world_size: int = 1
) -> DataLoader:
    """Returns the loader of the training clips for one of several processes."""
    size = experiment.batch_size
    if size % world_size:
        raise ConfigError(
            "the batch cannot be shared out evenly: batch_size counts the clips of all processes",
            place="batch_size",
            expected=f"a multiple of {world_size}, the number of processes",
            found=str(size),
        )
    if size < 2 * world_size:
        raise ConfigError(
            "batch normalisation needs two clips in each process",
            place="batch_size",
            expected=f"at least {2 * world_size}",
            found=str(size),
        )
    if len(clips) < size:
        raise ConfigError(
            "the training clips do not fill one batch",
            place="batch_size",
            expected=f"at most {len(clips)}, the number of training clips",
            found=str(size),
        )
    return DataLoader(
        SeededClips(clips, experiment.seed),
        batch_size=size // world_size,
        sampler=EpochSampler(len(clips), size, experiment.seed, rank, world_size),
        num_workers=experiment.num_workers,
        persistent_workers=experiment.num_workers > 0,
        pin_memory=experiment.trainer.on_gpu,
        collate_fn=collate,
    )


def test_loader(experiment: Experiment, clips: Any) -> DataLoader:
    """Returns a loader of all clips in their own order."""
    return DataLoader(
        clips,
        batch_size=experiment.batch_size,
        num_workers=experiment.num_workers,
        pin_memory=experiment.trainer.on_gpu,
        collate_fn=collate,
    )


def training_clips(experiment: Experiment) -> tuple[Any, Any | None]:
    """Returns the clips to train on, and those to validate on, if any."""
    train = load_split(experiment, "train", augment=True)
    if experiment.validation:
        return train, load_split(experiment, "val")
    return ConcatDataset([train, load_split(experiment, "val", augment=True)]), None


def dataset_facts(clips: Any) -> tuple[Any, list[str]]:
    """Returns the layout of a dataset, or of several joined ones, and the class names."""
    first = getattr(clips, "datasets", [clips])[0]
    return first.layout, list(first.class_names)


def _mix(*numbers: int) -> int:
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 1) % 2**63
    return mixed
