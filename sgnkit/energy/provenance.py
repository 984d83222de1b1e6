"""Where tensors come from: from neurons, from the clip, or from weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

__all__ = ["Kind", "Origin", "Provenance", "Work", "is_whole"]


class Kind(Enum):
    """What a tensor is made of."""

    CONSTANT = "no data and no weights: zeros, masks, indices"
    EMPTY = "memory that nothing was seen to write"
    WEIGHT = "parameters and buffers alone"
    SPIKES = "outputs of neurons, selected, moved, or added to each other"
    REAL = "anything else that depends on the clip"


class Work(NamedTuple):
    """Operations that summing a tensor of weighted messages takes."""

    numel: int
    mac: float
    ac: float
    synops: float
    zeros: float
    binary: float


@dataclass(frozen=True)
class Origin:
    """What is known about a tensor: its kind, and the mean rate of the spikes it stems from."""

    kind: Kind
    rate: float | None = None
    work: Work | None = None

    @property
    def is_data(self) -> bool:
        """Whether the tensor depends on the clip."""
        return self.kind in (Kind.SPIKES, Kind.REAL)


_CONSTANT, _REAL = Origin(Kind.CONSTANT), Origin(Kind.REAL)


class Provenance:
    """Follows tensors from operation to operation.

    The record belongs to the memory of a tensor, so that views, and writing into views, are
    followed as well. A tensor of numbers that was never seen comes from the clip; one of indices
    or truth values is constant.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[StorageWeakRef, Origin]] = {}

    def mark(self, tensor: Tensor, origin: Origin) -> None:
        """Records the origin of a tensor."""
        key = _storage(tensor)
        if key is not None:
            self._known[key.cdata] = (key, origin)

    def of(self, tensor: Tensor) -> Origin:
        """Returns the origin of a tensor."""
        key = _storage(tensor)
        if key is not None and key.cdata in self._known:
            return self._known[key.cdata][1]
        return _REAL if tensor.is_floating_point() else _CONSTANT

    def spread(self, origin: Origin, inputs: list[Tensor], outputs: Iterable[Tensor]) -> None:
        """Records the outputs of an operation, given what its inputs combine to."""
        numbers = [tensor for tensor in inputs if tensor.is_floating_point()]
        work = self.of(numbers[0]).work if len(numbers) == 1 else None
        for output in outputs:
            kept = work if work and work.numel == output.numel() else None
            self.mark(output, replace(origin, work=kept))

    def combine(self, tensors: Iterable[Tensor]) -> Origin:
        """Returns the origin of what is computed from these tensors.

        Spikes stay spikes among themselves and with constants. Masks and indices do not change
        what they select from. Memory that was written unseen holds something real.
        """
        numbers: list[Origin] = []
        choices: list[Origin] = []
        for tensor in tensors:
            (numbers if tensor.is_floating_point() else choices).append(self.of(tensor))
        if not any(origin.is_data for origin in numbers):
            numbers += [replace(c, kind=Kind.REAL) for c in choices if c.is_data]
        kinds = {origin.kind for origin in numbers}
        if kinds & {Kind.REAL, Kind.EMPTY} or kinds >= {Kind.SPIKES, Kind.WEIGHT}:
            kind = Kind.REAL
        elif Kind.SPIKES in kinds:
            kind = Kind.SPIKES
        else:
            kind = Kind.WEIGHT if Kind.WEIGHT in kinds else Kind.CONSTANT
        rates = [origin.rate for origin in numbers if origin.rate is not None]
        return Origin(kind, sum(rates) / len(rates) if rates else None)


def is_whole(tensor: Tensor) -> bool:
    """Whether all values are whole numbers, as spikes and sums of spikes are."""
    return bool(torch.equal(tensor, tensor.round())) if tensor.is_floating_point() else True


def _storage(tensor: Tensor) -> StorageWeakRef | None:
    try:
        return StorageWeakRef(tensor.untyped_storage())
    except (NotImplementedError, RuntimeError):  # sparse layouts have no storage of their own
        return None
