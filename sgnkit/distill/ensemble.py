"""Several teachers that speak with one voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.errors import DataError

__all__ = ["ScoreTeacher", "TeacherEnsemble"]


class TeacherEnsemble(nn.Module):
    r"""The weighted sum of the logits of several teachers, such as four that see one modality each.

    $$
    \mathbf{z} = \sum_i w_i \mathbf{z}_i
    $$

    Args:
        models: The teachers; each takes the same inputs and returns logits.
        weights: One weight each; even by default. They are scaled to sum to 1.

    Shapes:
        - **returns**: $(B, \text{classes})$

    Raises:
        ValueError: If the weights do not fit the teachers.

    Examples:
        >>> TeacherEnsemble([nn.Linear(3, 2), nn.Linear(3, 2)], weights=[3, 1]).weights.tolist()
        [0.75, 0.25]
    """

    weights: Tensor

    def __init__(self, models: Sequence[nn.Module], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self.register_buffer("weights", normalised(weights, len(self.models), "TeacherEnsemble"))

    def forward(self, *inputs: Any) -> Tensor:
        """Returns the summed logits."""
        logits = torch.stack([model(*inputs) for model in self.models])
        return torch.einsum("m,m...->...", self.weights.to(logits.dtype), logits)


class ScoreTeacher(nn.Module):
    r"""A teacher that knows its answers by heart: logits by the name of the clip.

    Scores of finished runs, one dictionary each, are summed with weights. They are joined by name,
    never by position.

    Args:
        scores: For each run, the logits of each clip by its name.
        weights: One weight each; even by default. They are scaled to sum to 1.

    Shapes:
        - **batch**: a PyG batch of clips with names
        - **returns**: $(B, \text{classes})$

    Raises:
        sgnkit.errors.DataError: If two runs do not hold the same clips, or a clip of a batch is
            not among them.

    Examples:
        >>> joint = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([0.0, 2.0])}
        >>> bone = {"b": torch.tensor([0.0, 1.0]), "a": torch.tensor([3.0, 0.0])}
        >>> ScoreTeacher([joint, bone]).scores["a"].tolist()
        [2.0, 0.0]
    """

    def __init__(
        self,
        scores: Sequence[Mapping[str, Tensor]],
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        shares = normalised(weights, len(scores), "ScoreTeacher").tolist()
        names = set(scores[0])
        for number, part in enumerate(scores[1:], start=1):
            if odd := names.symmetric_difference(part):
                raise DataError(
                    "two runs have not scored the same clips, so their scores cannot be joined",
                    place=f"clip '{min(odd)}' ({len(odd)} clips in all)",
                    expected="every clip in every run",
                    found=f"only in run {0 if min(odd) in names else number}",
                    remedy="score the same split with each of them",
                )
        self.scores = {
            name: torch.stack(
                [share * part[name].float() for share, part in zip(shares, scores, strict=True)]
            ).sum(0)
            for name in scores[0]
        }

    def forward(self, batch: Any) -> Tensor:
        """Returns the logits of the clips of a batch."""
        if missing := [name for name in batch.name if name not in self.scores]:
            raise DataError(
                "a clip was never scored by the teacher",
                place=f"clip '{missing[0]}'",
                expected=f"one of {len(self.scores)} clips",
                remedy="score the training clips: sgnkit predict --split train",
            )
        return torch.stack([self.scores[name] for name in batch.name]).to(batch.x.device)


def normalised(weights: Sequence[float] | None, count: int, who: str) -> Tensor:
    """Returns weights that sum to 1."""
    values = torch.ones(count) if weights is None else torch.tensor([float(w) for w in weights])
    if count < 1 or values.numel() != count or not values.sum() > 0:
        raise ValueError(
            f"{who}: expected one weight for each of {count} teachers with a positive sum, got "
            f"{weights}"
        )
    return values / values.sum()
