"""Several runs that vote, such as four that see one modality each."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sgnkit.distill.ensemble import ScoreTeacher
from sgnkit.errors import ConfigError, DataError
from sgnkit.training.evaluate import Scores

__all__ = ["fuse"]


def fuse(
    scores: Sequence[Scores],
    weights: Sequence[float] | None = None,
    runs: Sequence[str] | None = None,
) -> Scores:
    r"""Returns the weighted sum of the logits of several runs, clip by clip.

    $$
    \mathbf{z}_c = \sum_i w_i \mathbf{z}_{i,c}, \qquad \sum_i w_i = 1
    $$

    Clips are joined by name, never by position.

    Args:
        scores: Scores of each run.
        weights: One weight each; even by default. They are scaled to sum to 1.
        runs: What the runs are called, for error messages.

    Shapes:
        - **returns**: logits $(B, \text{classes})$, clips in the order of the first run

    Raises:
        sgnkit.errors.DataError: If two runs do not hold the same clips, labels or classes.
        sgnkit.errors.ConfigError: If the weights do not fit the runs.

    Examples:
        >>> label, fresh = torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool)
        >>> joint = Scores(["a", "b"], torch.tensor([[1.0, 0.0], [0.0, 2.0]]), label, fresh)
        >>> bone = Scores(["b", "a"], torch.tensor([[0.0, 4.0], [3.0, 0.0]]), label.flip(0), fresh)
        >>> fuse([joint, bone]).logits.tolist()
        [[2.0, 0.0], [0.0, 3.0]]
    """
    names = list(runs) if runs is not None else [f"run {i}" for i in range(len(scores))]
    first = scores[0]
    labels = dict(zip(first.names, first.labels.tolist(), strict=True))
    for run, part in zip(names[1:], scores[1:], strict=True):
        if part.logits.shape[-1] != first.logits.shape[-1]:
            raise DataError(
                "two runs know different numbers of classes",
                file=run,
                expected=f"{first.logits.shape[-1]}, as {names[0]}",
                found=part.logits.shape[-1],
            )
        for name, label in zip(part.names, part.labels.tolist(), strict=True):
            if labels.get(name, label) != label:
                raise DataError(
                    "two runs have scored a clip under different labels",
                    file=run,
                    place=f"clip '{name}'",
                    expected=f"class {labels[name]}, as {names[0]}",
                    found=f"class {label}",
                )
    try:
        by_name = [dict(zip(part.names, part.logits, strict=True)) for part in scores]
        joined = ScoreTeacher(by_name, weights).scores
    except DataError:
        raise
    except ValueError:
        raise ConfigError(
            "the weights do not fit the runs",
            place="weights",
            expected=f"{len(scores)} numbers with a positive sum",
            found=None if weights is None else list(weights),
        ) from None
    logits = torch.stack([joined[name] for name in first.names])
    return Scores(first.names, logits, first.labels, first.duplicate)
