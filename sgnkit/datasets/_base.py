"""What all datasets of clips share: ragged clips in memory or on disk, labels, storage."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from sgnkit.data import SkeletonData, transform_clips
from sgnkit.datasets._storage import StoredClips, write_clips
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["SkeletonDataset"]


class SkeletonDataset(InMemoryDataset):
    """Base of the datasets: a PyG `InMemoryDataset` whose clips may differ in length.

    PyG joins all clips into one tensor per attribute, which needs memory for all of them and equal
    numbers of frames. This class keeps the clips as they are: those that were made in memory as a
    list, those of a processed file on disk, memory-mapped, so that opening costs nothing and only
    the clips in use are read. Indexing, slicing, `shuffle`, `transform`, `DataLoader` and the
    `raw` and `processed` folders work as in any PyG dataset.

    Args:
        root: Folder of the set; `None` for clips that are made in memory.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw files again.

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
        self._clips: Any = []  # a list, or StoredClips
        super().__init__(root, transform, pre_transform, pre_filter, force_reload=force_reload)

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not each of them has a clip."""
        return len(self.class_names)

    @property
    def y(self) -> Tensor:
        """Class of each clip."""
        if isinstance(self._clips, StoredClips):
            joined = self._clips.joined("y", self.indices())
            if joined is not None:
                return joined
        return torch.cat(self.values("y"))

    @property
    def names(self) -> list[str]:
        """Name of each clip."""
        return self.values("name")

    def values(self, key: str) -> list[Any]:
        """Returns one attribute of each clip, None where a clip has none; reads nothing else.

        Examples:
            >>> from sgnkit.datasets import SyntheticActions
            >>> SyntheticActions(num_clips=4).values("subject")
            [1, 2, 3, 4]
        """
        return self._column(key, self.indices())

    def _column(self, key: str, indices: Sequence[int] | None = None) -> list[Any]:
        if isinstance(self._clips, StoredClips):
            return self._clips.values(key, indices)
        chosen = range(self.len()) if indices is None else indices
        return [self._clips[i].to_dict().get(key) for i in chosen]

    def len(self) -> int:
        """Returns the number of clips that are stored."""
        return len(self._clips)

    def get(self, idx: int) -> SkeletonData:
        """Returns a stored clip, without the transform; changing its attributes is safe."""
        return copy.copy(self._clips[idx])

    def fetch(self, indices: Sequence[int], seeds: Sequence[int] | None = None) -> Sequence[Any]:
        """Returns some clips with the transform applied, to many at once where that is faster.

        Loaders call this through `__getitems__`.

        Args:
            indices: Numbers of the clips.
            seeds: Seed of the transform of each clip; without, torch's default generator is used
                as it is, in another order than clip by clip.
        """
        if len(indices) == 0:
            return []
        cls = type(self)
        if cls.get is not SkeletonDataset.get or cls.__getitem__ is not SkeletonDataset.__getitem__:
            return transform_clips(self.__getitem__, indices, seeds)
        places = [self.indices()[int(i)] for i in indices]
        clips: Sequence[Any] | None = None
        if isinstance(self._clips, StoredClips):
            clips = self._clips.read(places)
        if clips is None:
            clips = [self.get(i) for i in places]
        return transform_clips(self.transform, clips, seeds)

    def __getitems__(self, indices: Sequence[int]) -> Sequence[Any]:
        return self.fetch(indices)

    def keep(self, wanted: Callable[[Any], bool]) -> None:
        """Leaves out the clips that are not wanted, for good; the processed file keeps them.

        Args:
            wanted: Tells from the attributes of a clip whether to keep it. An attribute that only
                other clips have is None. Only the attributes that it asks for are read.
        """
        row = _Row(self._column)
        self._indices = [i for i in self.indices() if wanted(row.at(i))]

    def copy(self, idx: Any = None) -> SkeletonDataset:
        """Returns a deep copy in memory of the dataset, or of the clips ``idx``."""
        part = self if idx is None else self.index_select(idx)
        dataset = copy.copy(self)
        dataset._indices = None  # type: ignore[assignment]
        dataset._clips = [copy.deepcopy(self._clips[i]) for i in part.indices()]
        return dataset

    def to(self, device: Any) -> SkeletonDataset:
        """Moves all clips to a device, which reads them into its memory."""
        self._clips = [copy.copy(clip).to(device) for clip in self._clips]
        return self

    @classmethod
    def save(cls, data_list: Iterable[SkeletonData], path: str) -> None:
        """Writes clips one by one, whole or not at all, to memory-mapped NumPy files.

        The file at ``path`` is their index; it names the folder beside it that holds them.

        Args:
            data_list: The clips, each of which is written before the next one is asked for.
            path: The file.

        Raises:
            sgnkit.errors.DataError: If an attribute is neither number, text, dense tensor, NumPy
                array nor a list or dictionary of plain values.
        """
        write_clips(data_list, Path(path))

    def load(self, path: str, data_cls: type = SkeletonData) -> None:
        """Opens the clips of a file that `save` wrote; no code in it is ever run.

        Layouts that are not registered yet are registered.
        """
        remedy = f"delete {path}, or pass force_reload=True, to make it anew from the raw data"
        try:
            self._clips = StoredClips(Path(path), data_cls)
        except Exception as error:
            raise DataError(
                f"{type(self).__name__}: the processed file cannot be read",
                file=path,
                expected="a file that this version of sgnkit wrote, with the folder it names",
                found=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                remedy=remedy,
            ) from error


class _Row:
    """Stands for one clip after the other; an attribute is read when it is asked for."""

    def __init__(self, column: Callable[[str], list[Any]]) -> None:
        self._column = column
        self._known: dict[str, list[Any]] = {}
        self._index = 0

    def at(self, index: int) -> _Row:
        self._index = index
        return self

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        if key not in self._known:
            self._known[key] = self._column(key)
            if all(value is None for value in self._known[key]):
                raise AttributeError(f"no clip has an attribute {key!r}")
        return self._known[key][self._index]
