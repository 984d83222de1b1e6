"""A chain of cleaning steps, and the report of what it did to many clips."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from torch_geometric.transforms import BaseTransform

from sgnkit.data import SkeletonData
from sgnkit.transforms._cleaning import CleaningStep, ClipReport, several
from sgnkit.transforms.align import AlignBody
from sgnkit.transforms.bodies import AssembleActors, FilterLength, FilterSpread
from sgnkit.transforms.gaps import (
    CutEmptyFrames,
    FillMissing,
    FilterJumps,
    LoopFrames,
    ZeroMissing,
)
from sgnkit.transforms.normalize import Center
from sgnkit.transforms.persons import SelectPersons

__all__ = ["POLICIES", "Clean", "CleanReport", "cleaning_steps"]


def _ctr_gcn() -> list[BaseTransform]:
    return [
        CutEmptyFrames(),
        FilterLength(11),
        FilterSpread(ratio=0.8, share=0.69754),
        SelectPersons(None, by="variance", ratio=0.8),
        AssembleActors(2),
        CutEmptyFrames(),
        Center(1),
        ZeroMissing(),
    ]


def _agcn() -> list[BaseTransform]:
    return [
        SelectPersons(2, by="deviation"),
        LoopFrames(300),
        Center(1, frame="each"),
        AlignBody(),
        ZeroMissing(),
    ]


def _pyskl() -> list[BaseTransform]:
    return [
        SelectPersons(2, by="frames"),
        CutEmptyFrames("first"),
        Center(1),
        AlignBody(),
        ZeroMissing(),
    ]


def _keypoints() -> list[BaseTransform]:
    return [CutEmptyFrames(), FilterJumps(), FillMissing(), Center()]


POLICIES: dict[str, Callable[[], list[BaseTransform]]] = {
    "ctr_gcn": _ctr_gcn,
    "agcn": _agcn,
    "pyskl": _pyskl,
    "keypoints": _keypoints,
}


# What the summary counts for each action: a key of `counts`, and its noun.
_UNITS = {
    **dict.fromkeys(("dropped", "merged"), ("changes", "body", "bodies")),
    **dict.fromkeys(("cut", "looped"), ("number", "frame")),
    **dict.fromkeys(("hidden", "filled", "left", "zeroed"), ("number", "joint")),
}


def cleaning_steps(policy: str) -> list[BaseTransform]:
    """Returns the steps of a named policy of [`Clean`][sgnkit.transforms.Clean], to change them.

    Args:
        policy: Name of the policy, such as `"keypoints"`.

    Raises:
        ValueError: If there is no such policy.

    Examples:
        >>> steps = cleaning_steps("ctr_gcn")
        >>> steps[1]
        FilterLength(11)
    """
    if policy not in POLICIES:
        raise ValueError(f"Clean: no policy {policy!r}; there are {', '.join(POLICIES)}")
    return POLICIES[policy]()


class CleanReport:
    """What cleaning did to many clips: a [`ClipReport`][sgnkit.transforms.ClipReport] for each.

    Attributes:
        clips: The reports.

    Examples:
        >>> import torch
        >>> from sgnkit import SkeletonData
        >>> report = CleanReport()
        >>> clean = Clean([CutEmptyFrames(), FillMissing()], report=report)
        >>> x = torch.rand(9, 25, 3)
        >>> x[:2] = 0
        >>> data = SkeletonData.from_array(x, "ntu25", missing="zeros", name="S001")
        >>> data = clean(data)
        >>> print(report)
        1 clip, 1 of them changed
          CutEmptyFrames: cut 2 frames in 1 clip
        S001: 1 body in 9 frames -> 1 person in 7 frames
          CutEmptyFrames: cut: 2 of 9 frames with nobody in them
    """

    def __init__(self) -> None:
        self.clips: list[ClipReport] = []

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Returns for each step and action the number of clips, of changes and their sum."""
        table: dict[str, dict[str, dict[str, int]]] = {}
        for clip in self.clips:
            kinds = Counter((change.step, change.action) for change in clip.changes)
            for (step, action), changes in kinds.items():
                row = table.setdefault(step, {}).setdefault(
                    action, {"clips": 0, "changes": 0, "number": 0}
                )
                row["clips"] += 1
                row["changes"] += changes
                row["number"] += sum(
                    c.number for c in clip.changes if (c.step, c.action) == (step, action)
                )
        return table

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as plain numbers, strings, lists and dicts, ready for JSON."""
        return {"counts": self.counts(), "clips": [clip.to_dict() for clip in self.clips]}

    def __len__(self) -> int:
        return len(self.clips)

    def __str__(self) -> str:
        changed = [clip for clip in self.clips if clip.is_changed]
        lines = [f"{several(len(self.clips), 'clip')}, {len(changed)} of them changed"]
        for step, actions in self.counts().items():
            for action, row in actions.items():
                key, *noun = _UNITS.get(action, ("number", ""))
                amount = f" {several(row[key], *noun)}" if noun != [""] else ""
                lines.append(f"  {step}: {action}{amount} in {several(row['clips'], 'clip')}")
        return "\n".join([*lines, *map(str, changed)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.clips)} clips)"


class Clean(CleaningStep):
    """Cleans a clip in several steps, with a report of what was done to it.

    The named policies are what released code does to NTU recordings, and one for own keypoints:

    - `"ctr_gcn"`: the data of
      ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213):
      length and spread filter, actors by variance, two actors from bodies that come and go,
      centred on joint 1 of the first actor in its first frame.
    - `"agcn"`: that of
      ["Two-Stream Adaptive Graph Convolutional Networks"](https://arxiv.org/abs/1805.07694): the
      two persons that deviate most, repeated to 300 frames, joint 1 at the origin in each frame,
      spine and shoulders turned to the axes.
    - `"pyskl"`: `PreNormalize3D` of ["PYSKL"](https://arxiv.org/abs/2205.09443): two persons,
      frames of the one that was seen longest, centred on its first, spine and shoulders turned.
    - `"keypoints"`: jumps hidden, gaps filled, centred on the layout's centre.

    Joint 1 is the middle of the spine of NTU and Kinect skeletons and the neck of OpenPose. For
    another one, or another threshold, change the list that
    [`cleaning_steps`][sgnkit.transforms.cleaning_steps] returns.

    Note:
        Persons that the literature fills up with zeros are absent here; see
        [`PadPersons`][sgnkit.transforms.PadPersons].

    Args:
        policy: Name of a policy, or transforms to apply in order; those that are no cleaning steps
            are reported as applied.
        report: Gathers the report of each clip that is cleaned. The caller owns it.

    Shapes:
        - **x**: $(N, T, C)$ becomes $(N', T', C)$

    Raises:
        ValueError: If there is no such policy.

    Examples:
        >>> import torch
        >>> from sgnkit import SkeletonData
        >>> data = SkeletonData.from_array(torch.rand(2, 31, 25, 3), "ntu25", "MTVC", name="S001")
        >>> clip, report = Clean("pyskl").clean(data)
        >>> print(report)
        S001: 2 bodies in 31 frames -> 2 persons in 31 frames
          Center: applied: Center(1, frame='first')
          AlignBody: applied: AlignBody()
    """

    def __init__(
        self, policy: str | Sequence[BaseTransform] = "ctr_gcn", report: CleanReport | None = None
    ) -> None:
        self.steps = cleaning_steps(policy) if isinstance(policy, str) else list(policy)
        self.report = report

    def forward(self, data: SkeletonData) -> SkeletonData:
        """Returns the cleaned clip and adds to the report."""
        data, report = self.clean(data)
        if self.report is not None:
            self.report.clips.append(report)
        return data

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip after all steps."""
        for step in self.steps:
            if isinstance(step, CleaningStep):
                data = step.apply(copy.copy(data), report)
            else:
                data = step(data)
                report.add(step, "applied", [], 0, str(step))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(str, self.steps))}])"
