"""Some clips side by side: what whole batches are transformed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from sgnkit.data.skeleton_data import SkeletonData, body_graph
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts

__all__ = ["GRAPH", "ClipList", "bodies", "follows_layout"]

GRAPH = ("edge_index", "edge_type", "joint", "person", "parent_index")
"""The attributes that follow from the layout and the number of persons."""


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
    in it, see [`transform_clips`][sgnkit.data.transform_clips], and
    [`collate`][sgnkit.data.collate] joins it to a batch.

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


def _fits(value: Any, dim: int, nodes: int) -> bool:
    return type(value) is Tensor and value.is_cpu and value.dim() == dim and len(value) == nodes
