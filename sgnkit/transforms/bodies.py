"""Bodies that a sensor tracked: which of them are noise, and which belong to one actor."""

from __future__ import annotations

import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms._cleaning import (
    CleaningStep,
    ClipReport,
    bodies,
    drop,
    node_keys,
    present,
    several,
    take_bodies,
)
from sgnkit.transforms.persons import plausible, scores

__all__ = ["AssembleActors", "FilterLength", "FilterMotion", "FilterSpread"]


class FilterLength(CleaningStep):
    r"""Drops bodies that were seen for a few frames only, as in the NTU data of the
    ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    A clip with one body stays as it is.

    Note:
        Where all bodies are too short, the one that was seen longest stays: a clip holds a person.

    Args:
        threshold: A body observed in so many frames or fewer is dropped, at least 0.

    Shapes:
        - **x**: $(MV, T, C)$ becomes $(M'V, T, C)$ with $M' \le M$

    Examples:
        >>> FilterLength()
        FilterLength(11)
    """

    def __init__(self, threshold: int = 11) -> None:
        if threshold < 0:
            raise ValueError(f"FilterLength: threshold must be at least 0, got {threshold}")
        self.threshold = threshold

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip without short bodies."""
        frames = present(data).sum(dim=1)
        short = (frames <= self.threshold).nonzero().flatten().tolist()
        if len(short) == data.num_persons:
            short.remove(int(frames.argmax()))
        need = f"more than {self.threshold} are needed"
        reasons = {i: f"observed in {several(int(frames[i]), 'frame')}, {need}" for i in short}
        return drop(self, data, report, reasons)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.threshold})"


class FilterSpread(CleaningStep):
    r"""Drops bodies that are too wide to be people, as in the NTU data of the
    ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    In a plausible frame the observed joints of a body extend along $x$ at most `ratio` times as far
    as along $y$: furniture that a Kinect takes for people is wider. Bodies are looked at in their
    order, and the last one that is left stays.

    Note:
        People who lie down are wide, too. The published pipeline has no exception for them, but it
        leaves clips with one body alone, and so does this.

    Args:
        ratio: Largest plausible width, in heights, positive.
        share: A body with this share of implausible frames or more is dropped, in $(0, 1]$.

    Shapes:
        - **x**: $(MV, T, C)$ becomes $(M'V, T, C)$ with $M' \le M$, $C \ge 2$

    Examples:
        >>> FilterSpread()
        FilterSpread(ratio=0.8, share=0.69754)
    """

    def __init__(self, ratio: float = 0.8, share: float = 0.69754) -> None:
        if ratio <= 0 or not 0 < share <= 1:
            raise ValueError(
                f"FilterSpread: ratio must be positive and share in (0, 1], got {ratio} and {share}"
            )
        self.ratio = ratio
        self.share = share

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip without wide bodies."""
        if data.x.size(-1) < 2:
            raise ValueError(f"FilterSpread: needs 2 or more coordinates, got C={data.x.size(-1)}")
        frames = present(data).sum(dim=1)
        noise = frames - plausible(data, self.ratio).sum(dim=1)
        reasons: dict[int, str] = {}
        for body in range(data.num_persons):
            total, wide = int(frames[body]), int(noise[body])
            if len(reasons) + 1 < data.num_persons and wide / max(total, 1) >= self.share:
                reasons[body] = (
                    f"wider than {self.ratio} of its height in {wide} of {total} frames, "
                    f"a share of {self.share} or more"
                )
        return drop(self, data, report, reasons)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ratio={self.ratio}, share={self.share})"


class FilterMotion(CleaningStep):
    r"""Drops bodies that move too little or too much: the filter that the NTU pipeline of the
    ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper
    defines and does not use.

    What it calls motion is the `"variance"` of
    [`SelectPersons`][sgnkit.transforms.SelectPersons]. The body with the largest one stays.

    Args:
        low: A body with less is dropped, in square units of the clip's coordinates.
        high: A body with more is dropped.
        ratio: As in [`SelectPersons`][sgnkit.transforms.SelectPersons]; None takes all frames.

    Shapes:
        - **x**: $(MV, T, C)$ becomes $(M'V, T, C)$ with $M' \le M$

    Examples:
        >>> FilterMotion()
        FilterMotion(low=0.089925, high=2.0, ratio=0.8)
    """

    def __init__(self, low: float = 0.089925, high: float = 2.0, ratio: float | None = 0.8) -> None:
        if not 0 <= low <= high:
            raise ValueError(f"FilterMotion: needs 0 <= low <= high, got {low} and {high}")
        self.low = low
        self.high = high
        self.ratio = ratio

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip without bodies of odd motion."""
        motion = scores(data, "variance", self.ratio)
        odd = ((motion < self.low) | (motion > self.high)).nonzero().flatten().tolist()
        most, legal = int(motion.argmax()), f"{self.low} to {self.high} is kept"
        reasons = {i: f"variance {motion[i]:.6f}, {legal}" for i in odd if i != most}
        return drop(self, data, report, reasons)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(low={self.low}, high={self.high}, ratio={self.ratio})"


class AssembleActors(CleaningStep):
    r"""Joins bodies that come and go to a few actors, as in the NTU data of the
    ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    A sensor that loses a person gives the same person a new body later. The first body starts the
    first actor; each further one continues the first actor whose time it does not overlap, or else
    is dropped. So order the bodies before: see [`SelectPersons`][sgnkit.transforms.SelectPersons].
    An actor without a body is absent.

    Note:
        Each body stays in the frames in which it was recorded. The published code moves the frames
        of a body that vanishes and returns together, and thereby shifts them in time.

    Args:
        num_persons: Number of actors at most, at least 1.
        rule: What an overlap is. `"released"`: two frames or more between the first and the last
            frame of both, where the time of every actor but the first begins with frame 0; this is
            what the published code does, and a shared frame goes to the later body. `"frames"`: a
            frame in which both are observed.

    Shapes:
        - **x**: $(MV, T, C)$ becomes $(M'V, T, C)$ with $M' \le M$

    Examples:
        >>> from sgnkit import SkeletonData
        >>> mask = torch.zeros(2, 40, 25, dtype=torch.bool)
        >>> mask[0, :20] = mask[1, 25:] = True
        >>> data = SkeletonData.from_array(torch.rand(2, 40, 25, 3), "ntu25", "MTVC", mask=mask)
        >>> clip, report = AssembleActors(2).clean(data)
        >>> clip.num_persons, report.persons
        (1, [(0, 1)])
    """

    def __init__(self, num_persons: int = 2, rule: str = "released") -> None:
        if num_persons < 1:
            raise ValueError(f"AssembleActors: num_persons must be at least 1, got {num_persons}")
        if rule not in ("released", "frames"):
            raise ValueError(f"AssembleActors: rule must be 'released' or 'frames', got {rule!r}")
        self.num_persons = num_persons
        self.rule = rule

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip with actors as persons."""
        if data.num_persons == 1:
            return data
        frames = present(data)
        actors = self._assign(frames)
        for key in node_keys(data, frames=True):
            value = bodies(data, key).clone()
            for parts in actors:
                for body in parts[1:]:
                    value[parts[0]][:, frames[body]] = bodies(data, key)[body][:, frames[body]]
            data[key] = value.flatten(0, 1)
        for parts in actors:
            why = f"continues the actor of body {report.persons[parts[0]][0]}"
            for body in parts[1:]:
                report.add(self, "merged", [body], int(frames[body].sum()), why)
        used = {body for parts in actors for body in parts}
        for body in range(data.num_persons):
            if body not in used:
                why = f"overlaps each of {several(len(actors), 'actor')}"
                report.add(self, "dropped", [body], int(frames[body].sum()), why)
        report.persons = [tuple(b for i in parts for b in report.persons[i]) for parts in actors]
        return take_bodies(data, [parts[0] for parts in actors])

    def _assign(self, frames: torch.Tensor) -> list[list[int]]:
        """Returns the bodies of each actor; ``frames`` says where each body was observed."""
        actors: list[list[int]] = [[0]]
        taken = frames[0].clone().unsqueeze(0)  # (actors, T)
        spans = [_span(frames[0])]
        for body in range(1, len(frames)):
            start, end = _span(frames[body])
            for i in range(self.num_persons):
                first, last = spans[i] if i < len(spans) else (0, 0)
                if self.rule == "released":
                    fits = min(last, end) - max(first, start) <= 0
                else:
                    fits = i == len(actors) or not (taken[i] & frames[body]).any()
                if fits and i < len(actors):
                    actors[i].append(body)
                    taken[i] |= frames[body]
                    spans[i] = min(first, start), max(last, end)
                elif fits:
                    actors.append([body])
                    taken = torch.cat([taken, frames[body : body + 1]])
                    spans.append((min(first, start), max(last, end)))
                if fits:
                    break
        return actors

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_persons}, rule={self.rule!r})"


def _span(frames: torch.Tensor) -> tuple[int, int]:
    """Returns the first and the last frame that is True; (0, 0) without one."""
    index = frames.nonzero().flatten()
    return (int(index[0]), int(index[-1])) if len(index) else (0, 0)
