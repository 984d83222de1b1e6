"""Some clips side by side: what whole batches are transformed in and joined from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info
from torch_geometric.data import Batch
from torch_geometric.data.data import BaseData

from sgnkit.data.skeleton_data import SkeletonData, body_graph
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts

__all__ = ["GRAPH", "ClipList", "bodies", "collate", "follows_layout"]

GRAPH = ("edge_index", "edge_type", "joint", "person", "parent_index")
"""The attributes that follow from the layout and the number of persons."""

_RESERVED = ("index", "batch", "ptr", "face", "adj", "num_nodes")  # PyG treats these on its own


@lru_cache(maxsize=64)
def bodies(layout: SkeletonLayout, num_persons: int) -> dict[str, Tensor]:
    """Returns the graph of some bodies of one layout, which clips share."""
    return body_graph(layout, num_persons)


def follows_layout(clip: SkeletonData) -> tuple[SkeletonLayout | None, int, tuple[str, ...]]:
    """Returns the layout of a clip, its persons, and the parts of its graph that follow."""
    values = clip.to_dict()
    name, joint = values.get("layout"), values.get("joint")
    if name not in list_layouts() or not isinstance(joint, Tensor) or joint.dim() != 1:
        return None, 0, ()
    layout = get_layout(name)
    persons = len(joint) // layout.num_joints
    expected = bodies(layout, persons)
    return layout, persons, tuple(key for key in GRAPH if _same(values.get(key), expected[key]))


def _same(value: Any, expected: Tensor) -> bool:
    return value is expected or (
        type(value) is Tensor
        and value.dtype is expected.dtype
        and value.is_cpu
        and torch.equal(value, expected)
    )


class ClipList(Sequence[SkeletonData]):
    """Clips of one layout, held attribute by attribute instead of clip by clip.

    It reads like a list of clips, and PyG takes it as one. Transforms work on many clips at once
    in it, see [`transform_clips`][sgnkit.data.transform_clips], and `to_batch` joins it to the
    same batch as PyG's `Batch.from_data_list`, in less time.

    Args:
        layout: The layout of all clips.
        x: Coordinates of each clip.
        mask: Observed joints of each clip; None stands for all of them.
        rest: The other attributes, but for the graph, as one list each.
        keys: Names of all attributes, in their order.
        data_cls: Class of the clips.

    Shapes:
        - **x**: $(N_i, T_i, C)$, clip by clip
        - **mask**: $(N_i, T_i)$, clip by clip
    """

    def __init__(
        self,
        layout: SkeletonLayout,
        x: list[Tensor],
        mask: list[Tensor | None],
        rest: dict[str, list[Any]],
        keys: Sequence[str],
        data_cls: type[SkeletonData] = SkeletonData,
    ) -> None:
        self.layout = layout
        self.x = x
        self.mask = mask
        self.rest = rest
        self.keys = tuple(keys)
        self.data_cls = data_cls

    @classmethod
    def of(cls, clips: Sequence[Any]) -> ClipList | None:
        """Returns clips as a `ClipList`, or None if they have no layout or no keys in common."""
        if isinstance(clips, ClipList):
            return clips
        first = clips[0]
        if not isinstance(first, SkeletonData):
            return None
        keys = tuple(first.to_dict())
        rest: dict[str, list[Any]] = {k: [] for k in keys if k not in ("x", "mask", *GRAPH)}
        x: list[Tensor] = []
        mask: list[Tensor | None] = []
        found: set[tuple[SkeletonLayout, torch.dtype]] = set()
        for clip in clips:
            values = clip.to_dict()
            if type(clip) is not type(first) or tuple(values) != keys:
                return None
            layout, persons, derived = follows_layout(clip)
            coordinates, observed = values.get("x"), values.get("mask")
            if (
                layout is None
                or derived != GRAPH
                or not _fits(coordinates, 3, persons * layout.num_joints)
                or not _fits(observed, 2, persons * layout.num_joints)
            ):
                return None
            found.add((layout, coordinates.dtype))
            x.append(coordinates)
            mask.append(observed)
            for key, column in rest.items():
                column.append(values[key])
        if len(found) != 1:
            return None
        return cls(found.pop()[0], x, mask, rest, keys, type(first))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        x, mask = self.x[index], self.mask[index]
        values: dict[str, Any] = dict(bodies(self.layout, x.size(0) // self.layout.num_joints))
        values["x"] = x
        values["mask"] = torch.ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
        values.update({key: column[index] for key, column in self.rest.items()})
        return self.data_cls(**{key: values[key] for key in self.keys})

    def with_(
        self, x: list[Tensor] | None = None, mask: list[Tensor | None] | None = None, **rest: Any
    ) -> ClipList:
        """Returns the clips with some attributes replaced; further ones are lists by name."""
        return ClipList(
            self.layout,
            self.x if x is None else x,
            self.mask if mask is None else mask,
            {**self.rest, **rest},
            (*self.keys, *(key for key in rest if key not in self.keys)),
            self.data_cls,
        )

    @classmethod
    def joined(cls, parts: Sequence[Sequence[Any]], order: Sequence[int]) -> Sequence[Any]:
        """Returns the clips of several lists in a new order, as a `ClipList` if they are alike.

        Args:
            parts: Lists of clips.
            order: Which clip comes first, second, and so on, counted through all parts.
        """
        packed = [part for part in parts if isinstance(part, ClipList)]
        alike = {(p.layout, p.keys, p.data_cls, p.x[0].dtype) for p in packed}
        if len(packed) < len(parts) or len(alike) != 1:
            clips = [clip for part in parts for clip in part]
            return [clips[k] for k in order]

        def take(columns: Iterable[list[Any]]) -> list[Any]:
            values = [value for column in columns for value in column]
            return [values[k] for k in order]

        first = packed[0]
        return cls(
            first.layout,
            take(p.x for p in packed),
            take(p.mask for p in packed),
            {key: take(p.rest[key] for p in packed) for key in first.rest},
            first.keys,
            first.data_cls,
        )

    @property
    def num_frames(self) -> list[int]:
        """Number of frames of each clip, as it is now."""
        return [x.size(1) for x in self.x]

    @property
    def num_persons(self) -> list[int]:
        """Number of persons of each clip."""
        return [x.size(0) // self.layout.num_joints for x in self.x]

    def to_batch(self) -> Any:
        """Joins the clips to one batch, equal to that of PyG's `Batch.from_data_list`.

        Raises:
            ValueError: If the clips differ in their number of frames.
        """
        lengths = set(self.num_frames)
        if len(lengths) > 1:
            raise ValueError(
                f"clips with {min(lengths)} to {max(lengths)} frames make no batch; give the "
                "dataset a transform that makes them equal, such as UniformSample(num_frames=52)"
            )
        joined = {}
        for key, column in self.rest.items():
            done = _join(key, column)
            if done is None:
                return Batch.from_data_list(list(self))
            joined[key] = done
        count, num_joints = len(self), self.layout.num_joints
        persons = torch.tensor(self.num_persons)
        ptr = torch.zeros(count + 1, dtype=torch.long)
        torch.cumsum(persons * num_joints, 0, out=ptr[1:])
        clip = torch.arange(count).repeat_interleave(persons)
        graph = body_graph(self.layout, len(clip))
        first = (ptr[:-1] // num_joints)[clip]
        graph["person"] = (torch.arange(len(clip)) - first).repeat_interleave(num_joints)
        edges = ptr * len(self.layout.edge_index()[1]) // num_joints
        batch = Batch(_base_cls=self.data_cls)
        none = torch.zeros(count, dtype=torch.long)
        slices: dict[str, Tensor] = {}
        incs: dict[str, Tensor | None] = {}
        for key in self.keys:
            if key in joined:
                batch[key], slices[key], with_inc = joined[key]
                incs[key] = none if with_inc else None
                continue
            batch[key] = (
                graph[key] if key in GRAPH else _cat(self.x) if key == "x" else self._joined_mask()
            )
            slices[key] = edges if key in ("edge_index", "edge_type") else ptr
            incs[key] = ptr[:-1] if key in ("edge_index", "parent_index") else none
        batch.batch = clip.repeat_interleave(num_joints)
        batch.ptr = ptr
        batch._num_graphs, batch._slice_dict, batch._inc_dict = count, slices, incs
        return batch

    def _joined_mask(self) -> Tensor:
        if all(mask is None for mask in self.mask):
            nodes = sum(x.size(0) for x in self.x)
            return torch.ones(nodes, self.x[0].size(1), dtype=torch.bool)
        pairs = zip(self.mask, self.x, strict=True)
        return _cat(
            [torch.ones(x.shape[:2], dtype=torch.bool) if m is None else m for m, x in pairs]
        )


def collate(clips: Sequence[Any]) -> Any:
    """Joins clips to a batch, equal to that of PyG's `DataLoader`, in less time.

    Clips of one layout with the same attributes take the fast way, all others PyG's.

    Args:
        clips: A list of clips, or a [`ClipList`][sgnkit.data.ClipList].

    Examples:
        >>> from torch.utils.data import DataLoader
        >>> from sgnkit.datasets import SyntheticActions
        >>> clips = SyntheticActions(num_clips=8, num_frames=(30, 30))
        >>> batch = next(iter(DataLoader(clips, batch_size=4, collate_fn=collate)))
        >>> batch.num_graphs, batch.x.shape
        (4, torch.Size([100, 30, 3]))
    """
    found = ClipList.of(clips)
    if found is not None:
        return found.to_batch()
    if isinstance(clips[0], BaseData):
        return Batch.from_data_list(list(clips))
    return default_collate(list(clips))


def _fits(value: Any, dim: int, nodes: int) -> bool:
    return type(value) is Tensor and value.is_cpu and value.dim() == dim and len(value) == nodes


def _join(key: str, column: list[Any]) -> tuple[Any, Tensor, bool] | None:
    """Returns values joined, where they begin, and whether they count from 0 in each clip."""
    kinds = {type(value) for value in column}
    if any(word in key for word in _RESERVED):
        return None
    starts = torch.arange(len(column) + 1)
    if kinds in ({bool}, {int}, {float}):
        return torch.tensor(column), starts, True
    if kinds == {str}:
        return list(column), starts, False
    if kinds == {Tensor} and all(value.dim() for value in column):
        if len({(value.dtype, value.device, value.shape[1:]) for value in column}) > 1:
            return None
        return torch.cat(column), torch.tensor([0, *accumulate(map(len, column))]), True
    return None


def _cat(parts: list[Tensor]) -> Tensor:
    """Joins tensors; in a loader's process right into the memory that it shares."""
    if get_worker_info() is None:
        return torch.cat(parts)
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    size = parts[0].element_size() * shape[0] * parts[0][0].numel()
    storage = parts[0].untyped_storage()._new_shared(size, device="cpu")
    return torch.cat(parts, out=parts[0].new(storage).view(shape))
