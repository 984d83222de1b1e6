"""What the cleaning transforms share: bodies of a clip, and a record of what was done to it."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sgnkit.data import SkeletonData
from sgnkit.data.skeleton_data import body_graph
from sgnkit.transforms._base import ClipTransform, check_clip

__all__ = [
    "Change",
    "CleaningStep",
    "ClipReport",
    "bodies",
    "present",
    "take_bodies",
    "take_frames",
]


class Change(NamedTuple):
    """One thing that a cleaning step did to a clip.

    Attributes:
        step: Class of the step.
        action: What was done: `"dropped"`, `"merged"`, `"ordered"`, `"cut"`, `"hidden"`,
            `"filled"`, `"left"`, `"looped"`, `"zeroed"` or `"applied"`.
        bodies: The bodies that it was done to, counted from 0 as in the recording.
        number: Number of frames, or of joints over all frames, that it was done to.
        why: The reason in words, with figure and threshold.
    """

    step: str
    action: str
    bodies: tuple[int, ...]
    number: int
    why: str


class ClipReport:
    """What cleaning did to one clip.

    Attributes:
        name: Name of the clip.
        bodies_before: Number of bodies of the recording.
        frames_before: Number of frames before cleaning.
        frames_after: Number of frames after cleaning.
        persons: For each person that is left, the bodies of the recording that it is made of.
        changes: What was done, in order.

    Examples:
        >>> import torch
        >>> from sgnkit import SkeletonData
        >>> from sgnkit.transforms import FilterLength
        >>> mask = torch.ones(2, 30, 25, dtype=torch.bool)
        >>> mask[1, 8:] = False
        >>> data = SkeletonData.from_array(
        ...     torch.rand(2, 30, 25, 3), "ntu25", "MTVC", mask=mask, name="S001"
        ... )
        >>> clip, report = FilterLength(11).clean(data)
        >>> print(report)
        S001: 2 bodies in 30 frames -> 1 person in 30 frames
          FilterLength: dropped body 1: observed in 8 frames, more than 11 are needed
    """

    def __init__(self, data: SkeletonData) -> None:
        self.name = str(data.name) if "name" in data else ""
        self.bodies_before = data.num_persons
        self.frames_before = self.frames_after = data.x.size(1)
        self.persons: list[tuple[int, ...]] = [(i,) for i in range(self.bodies_before)]
        self.changes: list[Change] = []

    def add(self, step: object, action: str, persons: list[int], number: int, why: str) -> None:
        """Notes a change; ``persons`` are counted as they are at this point of the cleaning."""
        origin = tuple(sorted(body for i in persons for body in self.persons[i]))
        self.changes.append(Change(type(step).__name__, action, origin, number, why))

    @property
    def is_changed(self) -> bool:
        """Whether a cleaning step did anything; other transforms do not count."""
        return any(change.action != "applied" for change in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as plain numbers, strings, lists and dicts, ready for JSON."""
        return {
            "name": self.name,
            "bodies_before": self.bodies_before,
            "frames_before": self.frames_before,
            "frames_after": self.frames_after,
            "persons": [list(bodies) for bodies in self.persons],
            "changes": [{**c._asdict(), "bodies": list(c.bodies)} for c in self.changes],
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name or 'clip'}: {several(self.bodies_before, 'body', 'bodies')} in "
            f"{several(self.frames_before, 'frame')} -> "
            f"{several(len(self.persons), 'person')} in {several(self.frames_after, 'frame')}"
        ]
        for change in self.changes:
            text = f"  {change.step}: {change.action}"
            if change.bodies:
                noun = "body" if len(change.bodies) == 1 else "bodies"
                text += f" {noun} " + ", ".join(map(str, change.bodies))
            lines.append(f"{text}: {change.why}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, changes={len(self.changes)})"


class CleaningStep(ClipTransform):
    """Base of the transforms that clean: each can tell what it did to a clip."""

    def clean(self, data: SkeletonData) -> tuple[SkeletonData, ClipReport]:
        """Returns the cleaned clip and the report of what was done to it."""
        check_clip(self, data)
        report = ClipReport(data)
        clip = self.apply(copy.copy(data), report)
        report.frames_after = clip.x.size(1)
        return clip, report

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the cleaned clip."""
        return self.apply(data, ClipReport(data))

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Changes the shallow copy ``data``, returns it and adds what it did to ``report``."""
        raise NotImplementedError


def bodies(data: SkeletonData, key: str = "x") -> Tensor:
    """Returns a node attribute with bodies and joints as axes of their own: (M, V, T, ...)."""
    value: Tensor = data[key]
    return value.view(data.num_persons, -1, *value.shape[1:])


def present(data: SkeletonData) -> Tensor:
    """Returns whether any joint of each body was observed in each frame (M, T)."""
    return bodies(data, "mask").any(dim=1)


def node_keys(data: SkeletonData, frames: bool = False) -> list[str]:
    """Returns the names of what each node has, or has in each frame."""
    graph = body_graph(data.skeleton, 1).keys()
    num_nodes, num_frames = data.x.shape[:2]
    return [
        key
        for key, value in data
        if isinstance(value, Tensor)
        and key not in graph
        and value.dim() > 1
        and value.size(0) == num_nodes
        and (not frames or value.size(1) == num_frames)
    ]


def take_bodies(data: SkeletonData, index: list[int]) -> SkeletonData:
    """Keeps the bodies ``index`` of the shallow copy ``data``, in that order."""
    if index == list(range(data.num_persons)):
        return data
    device = data.x.device
    chosen = torch.tensor(index, device=device)
    for key, value in {key: bodies(data, key) for key in node_keys(data)}.items():
        data[key] = value[chosen].flatten(0, 1)
    for key, value in body_graph(data.skeleton, len(index)).items():
        data[key] = value.to(device)
    return data


def take_frames(data: SkeletonData, index: Tensor) -> SkeletonData:
    """Keeps the frames ``index`` of the shallow copy ``data``."""
    for key in node_keys(data, frames=True):
        data[key] = data[key].index_select(1, index)
    return data


def drop(
    step: CleaningStep, data: SkeletonData, report: ClipReport, reasons: dict[int, str]
) -> SkeletonData:
    """Takes bodies out of the shallow copy ``data``; ``reasons`` says which and why."""
    frames = present(data).sum(dim=1)
    for body, why in reasons.items():
        report.add(step, "dropped", [body], int(frames[body]), why)
    kept = [i for i in range(data.num_persons) if i not in reasons]
    report.persons = [report.persons[i] for i in kept]
    return take_bodies(data, kept)


def several(number: int, one: str, many: str = "") -> str:
    """Returns a number with its noun, in the singular or the plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"
