"""Random numbers of many clips at once, and transforms that run on many clips at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset
from torch_geometric.transforms import Compose

from sgnkit.data.clip_list import ClipList

__all__ = ["RandomStreams", "fetch_clips", "transform_clips"]

T = TypeVar("T")


class RandomStreams:
    """Torch's default generator, with a state of its own for each of some clips.

    A transform that works on many clips asks for the random numbers of each clip through `draw`.
    With seeds, a clip then gets the numbers that it would get alone after
    `torch.manual_seed(seed)`, in whichever batch it is. Without, all clips draw from the default
    generator in turn.

    Args:
        seeds: One seed per clip.

    Examples:
        >>> streams = RandomStreams(seeds=[5, 6])
        >>> first = streams.draw(lambda clip: torch.rand(()).item(), ["a", "b"])
        >>> second = streams.draw(lambda clip: torch.rand(()).item(), ["a", "b"])
        >>> state = torch.manual_seed(6)
        >>> torch.rand(2).tolist() == [first[1], second[1]]
        True
    """

    def __init__(self, seeds: Sequence[int] | None = None) -> None:
        self._seeds = seeds
        self._states: list[Tensor | None] = [] if seeds is None else [None] * len(seeds)

    def draw(self, function: Callable[[Any], T], clips: Iterable[Any]) -> list[T]:
        """Calls a function that draws for each clip in turn, and returns what it returns.

        Args:
            function: Takes what stands for a clip, for example its number of frames.
            clips: One such thing per clip.
        """
        if self._seeds is None:
            return [function(clip) for clip in clips]
        generator, results = torch.default_generator, []
        before = generator.get_state()
        try:
            for k, clip in enumerate(clips):
                state = self._states[k]
                if state is None:
                    generator.manual_seed(self._seeds[k])
                else:
                    generator.set_state(state)
                results.append(function(clip))
                self._states[k] = generator.get_state()
        finally:
            generator.set_state(before)
        return results


def transform_clips(
    transform: Callable[..., Any] | None,
    clips: Sequence[Any],
    seeds: Sequence[int] | None = None,
) -> Sequence[Any]:
    """Returns clips transformed, many at once where the transform knows how.

    That is a transform with a method `forward_batch(clips, streams)`, which takes a
    [`ClipList`][sgnkit.data.ClipList], returns a new one, and draws through
    [`RandomStreams`][sgnkit.data.RandomStreams] what its `forward` draws for each clip, so that
    both give the same numbers. Any other transform is called clip by clip, and so is a subclass
    that overrides `forward` alone.

    Args:
        transform: A transform, a `Compose` of them, or None.
        clips: A [`ClipList`][sgnkit.data.ClipList] or a list of clips.
        seeds: Seed of each clip; without, the numbers come from the default generator as it is.
    """
    return _run(transform, clips, RandomStreams(seeds))


def fetch_clips(
    dataset: Any, indices: Sequence[int], seeds: Sequence[int] | None = None
) -> Sequence[Any]:
    """Returns some clips of a dataset, transformed, many at once where the dataset knows how.

    That is a [`SkeletonDataset`][sgnkit.datasets.SkeletonDataset], or torch's `Subset` or
    `ConcatDataset` of them; clips of any other dataset are read one by one.

    Args:
        dataset: The dataset.
        indices: Numbers of the clips.
        seeds: Seed of each clip; without, the numbers come from the default generator as it is.

    Examples:
        >>> from sgnkit.datasets import SyntheticActions
        >>> [clip.name for clip in fetch_clips(SyntheticActions(num_clips=9), [7, 0])]
        ['a08_s08_v02_i00007', 'a01_s01_v01_i00000']
    """
    if isinstance(dataset, Subset):
        return fetch_clips(dataset.dataset, [dataset.indices[i] for i in indices], seeds)
    if isinstance(dataset, ConcatDataset):
        parts: list[Sequence[Any]] = []
        order, start = [0] * len(indices), 0
        for part, end in zip(dataset.datasets, dataset.cumulative_sizes, strict=True):
            chosen = [k for k, i in enumerate(indices) if start <= i < end]
            if chosen:
                for rank, k in enumerate(chosen, sum(len(p) for p in parts)):
                    order[k] = rank
                own = None if seeds is None else [seeds[k] for k in chosen]
                parts.append(fetch_clips(part, [indices[k] - start for k in chosen], own))
            start = end
        return ClipList.joined(parts, order)
    if hasattr(dataset, "fetch"):
        return dataset.fetch(indices, seeds)
    return RandomStreams(seeds).draw(dataset.__getitem__, indices)


def _run(transform: Any, clips: Sequence[Any], streams: RandomStreams) -> Sequence[Any]:
    if transform is None:
        return clips
    if type(transform) is Compose:
        for part in transform.transforms:
            clips = _run(part, clips, streams)
        return clips
    if _knows_batches(transform):
        packed = ClipList.of(clips)
        if packed is not None:
            return transform.forward_batch(packed, streams)
    return streams.draw(transform, clips)


def _knows_batches(transform: Any) -> bool:
    """Whether `forward_batch` does what `forward` does: no subclass has another `forward`."""
    for cls in type(transform).__mro__:
        if {"forward", "forward_batch", "__call__"} & vars(cls).keys():
            return "forward_batch" in vars(cls)
    return False
