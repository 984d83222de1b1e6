"""Which persons of a clip are kept, and in which order."""

from __future__ import annotations

import torch
from torch import Tensor

from sgnkit.data import SkeletonData
from sgnkit.transforms._cleaning import CleaningStep, ClipReport, bodies, present, take_bodies

__all__ = ["SelectPersons", "plausible", "scores"]

MEASURES = ("motion", "variance", "deviation", "confidence", "frames")


class SelectPersons(CleaningStep):
    r"""Keeps the persons that matter most and puts them in order, the most important one first.

    With $\mathbf{x}_{v,t}$ the observed joints of a person, in $T$ observed frames, `by` is:

    - `"motion"`: motion energy, the mean of $\lVert \mathbf{x}_{v,t} - \bar{\mathbf{x}}_v
      \rVert^2$ about the mean place $\bar{\mathbf{x}}_v$ of each joint in time.
    - `"variance"`: $\sum_c \mathrm{Var}(x_c)$ over all joints and frames together, which orders
      the actors in the NTU data of
      ["Channel-wise Topology Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213).
      The size of the body is in it, too: it is the motion energy plus the spread of the joints.
    - `"deviation"`: $\sum_c \sqrt{\mathrm{Var}(x_c)}$, likewise, which chooses the persons of
      ["Two-Stream Adaptive Graph Convolutional Networks"](https://arxiv.org/abs/1805.07694).
    - `"confidence"`: the share of joints and frames that were observed, which for a detector are
      those with a score above the reader's `min_score`. If the clip has a node attribute `score`
      $(N, T)$, its mean; delete that before clips of different length are batched.
    - `"frames"`: number of frames in which any joint was observed.

    Persons of equal importance stay in their order. One choice serves the whole clip, so a person
    keeps its identity.

    Args:
        num_persons: Number of persons to keep at most, at least 1. None keeps all of them and
            only orders.
        by: What makes a person important, see above.
        ratio: With `"variance"`: if a person's variance over its plausible frames alone is
            smaller, that one counts, as in the NTU data; see
            [`FilterSpread`][sgnkit.transforms.FilterSpread]. None takes all frames.

    Shapes:
        - **x**: $(MV, T, C)$ becomes $(M'V, T, C)$ with $M' \le M$

    Raises:
        ValueError: If an argument is not legal.

    Examples:
        >>> from sgnkit import SkeletonData
        >>> x = torch.rand(3, 31, 25, 3) * torch.tensor([1.0, 5.0, 2.0]).view(3, 1, 1, 1)
        >>> data = SkeletonData.from_array(x, "ntu25", axes="MTVC")
        >>> clip, report = SelectPersons(2, by="motion").clean(data)
        >>> clip.num_persons, report.persons
        (2, [(1,), (2,)])
    """

    def __init__(
        self, num_persons: int | None = 2, by: str = "motion", ratio: float | None = None
    ) -> None:
        if num_persons is not None and num_persons < 1:
            raise ValueError(f"SelectPersons: num_persons must be at least 1, got {num_persons}")
        if by not in MEASURES:
            raise ValueError(f"SelectPersons: by must be one of {', '.join(MEASURES)}, got {by!r}")
        if ratio is not None and (by != "variance" or ratio <= 0):
            raise ValueError(
                f"SelectPersons: ratio must be positive and goes with by='variance', got {ratio} "
                f"and by={by!r}"
            )
        self.num_persons = num_persons
        self.by = by
        self.ratio = ratio

    def apply(self, data: SkeletonData, report: ClipReport) -> SkeletonData:
        """Returns the clip with the persons that count."""
        if data.num_persons == 1:
            return data
        score = scores(data, self.by, self.ratio)
        order = torch.sort(score, descending=True, stable=True).indices.tolist()
        kept = order[: self.num_persons]
        frames = present(data).sum(dim=1)
        for person in order[len(kept) :]:
            why = f"{self.by} {score[person]:.4g}, the {len(kept)} kept have {score[kept[-1]]:.4g}"
            report.add(self, "dropped", [person], int(frames[person]), f"{why} or more")
        if kept != sorted(kept):
            why = f"order by {self.by}: " + ", ".join(f"{score[i]:.4g}" for i in kept)
            report.add(self, "ordered", kept, len(kept), why)
        report.persons = [report.persons[i] for i in kept]
        return take_bodies(data, kept)

    def __repr__(self) -> str:
        ratio = "" if self.ratio is None else f", ratio={self.ratio}"
        return f"{type(self).__name__}({self.num_persons}, by={self.by!r}{ratio})"


def scores(data: SkeletonData, by: str, ratio: float | None = None) -> Tensor:
    """Returns the importance of each body (M)."""
    if by == "frames":
        return present(data).sum(dim=1)
    if by == "confidence":
        key = "score" if "score" in data else "mask"
        return bodies(data, key).double().flatten(1).mean(dim=1)
    x, mask = bodies(data).double(), bodies(data, "mask").unsqueeze(-1)
    if by == "motion":
        return _spread(x, mask, dim=(2,), over=(1, 2)).sum(dim=-1)
    variance = _spread(x, mask, dim=(1, 2), over=(1, 2))
    if by == "deviation":
        return variance.sqrt().sum(dim=-1)
    score = variance.sum(dim=-1)
    if ratio is None:
        return score
    frames = plausible(data, ratio)
    trusted = _spread(x, mask & frames[:, None, :, None], (1, 2), (1, 2)).sum(dim=-1)
    return torch.where(frames.any(dim=1), torch.minimum(score, trusted), score)


def plausible(data: SkeletonData, ratio: float) -> Tensor:
    """Returns where a body is observed and its width is at most ``ratio`` of its height (M, T)."""
    x, hidden = bodies(data).double(), ~bodies(data, "mask").unsqueeze(-1)
    low = x.masked_fill(hidden, torch.inf).amin(dim=1)
    high = x.masked_fill(hidden, -torch.inf).amax(dim=1)
    extent = high - low
    return (extent[..., 0] <= ratio * extent[..., 1]) & present(data)


def _spread(x: Tensor, mask: Tensor, dim: tuple[int, ...], over: tuple[int, ...]) -> Tensor:
    """Returns the mean square about the mean along ``dim``, averaged along ``over``: (M, C)."""
    x = x.masked_fill(~mask, 0)
    mean = x.sum(dim, keepdim=True) / mask.sum(dim, keepdim=True).clamp(min=1)
    square = ((x - mean) ** 2).masked_fill(~mask, 0)
    return square.sum(over) / mask.sum(over).clamp(min=1)
