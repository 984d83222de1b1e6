"""What all datasets of clips share: ragged clips in memory, labels, storage."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from sgnkit.data import SkeletonData
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["SkeletonDataset"]

_FORMAT = "sgnkit clips 1"
_GRAPH = {"edge_index", "edge_type", "joint", "person", "parent_index"}


class SkeletonDataset(InMemoryDataset):
    """Base of the datasets: a PyG `InMemoryDataset` whose clips may differ in length.

    PyG joins all clips into one tensor per attribute, which needs equal numbers of frames. This
    class keeps the clips as they are. Indexing, slicing, `shuffle`, `transform`, `DataLoader` and
    the `raw` and `processed` folders work as in any PyG dataset.

    Attributes:
        layout: The layout of the clips.
        class_names: Name of each class.
    """

    layout: SkeletonLayout
    class_names: tuple[str, ...]

    def __init__(
        self,
        root: str | None = None,
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
    ) -> None:
        self._clips: list[SkeletonData] = []
        super().__init__(root, transform, pre_transform, pre_filter, force_reload=force_reload)

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not each of them has a clip."""
        return len(self.class_names)

    @property
    def y(self) -> Tensor:
        """Class of each clip."""
        return torch.cat([self._clips[i].y for i in self.indices()])

    @property
    def names(self) -> list[str]:
        """Name of each clip."""
        return [self._clips[i].name for i in self.indices()]

    def len(self) -> int:
        """Returns the number of clips that are stored."""
        return len(self._clips)

    def get(self, idx: int) -> SkeletonData:
        """Returns a stored clip, without the transform; changing its attributes is safe."""
        return copy.copy(self._clips[idx])

    def copy(self, idx: Any = None) -> SkeletonDataset:
        """Returns a deep copy of the dataset, or of the clips ``idx``."""
        part = self if idx is None else self.index_select(idx)
        dataset = copy.copy(self)
        dataset._indices = None
        dataset._clips = [copy.deepcopy(self._clips[i]) for i in part.indices()]
        return dataset

    def to(self, device: Any) -> SkeletonDataset:
        """Moves all clips to a device."""
        self._clips = [copy.copy(clip).to(device) for clip in self._clips]
        return self

    @classmethod
    def save(cls, data_list: Sequence[SkeletonData], path: str) -> None:
        """Writes clips to a file of plain tensors, numbers and strings, whole or not at all."""
        clips = [clip.to_dict() for clip in data_list]
        graphs: dict[Any, Tensor] = {}  # most clips have the same bones: one copy is enough
        for clip in clips:
            for key in _GRAPH & clip.keys():
                value = clip[key]
                identity = (key, value.dtype, tuple(value.shape), value.numpy().tobytes())
                clip[key] = graphs.setdefault(identity, value)
        part = Path(f"{path}.{os.getpid()}.part")
        try:
            torch.save({"format": _FORMAT, "clips": clips}, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def load(self, path: str, data_cls: type = SkeletonData) -> None:
        """Reads the clips of a file that `save` wrote; no code in it is ever run."""
        remedy = f"delete {path}, or pass force_reload=True, to make it anew from the raw data"
        try:
            content = torch.load(path, weights_only=True)
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']!r}")
            self._clips = [data_cls(**clip) for clip in content["clips"]]
        except Exception as error:
            raise DataError(
                f"{type(self).__name__}: the processed file cannot be read",
                file=path,
                expected="a file that this version of sgnkit wrote",
                found=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                remedy=remedy,
            ) from error
