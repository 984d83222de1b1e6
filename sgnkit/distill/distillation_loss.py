"""The sum of everything that teaches a student."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sgnkit.distill.distiller import Distilled
from sgnkit.distill.losses import (
    FeatureDistillation,
    SoftLabelDistillation,
    classification_loss,
)

__all__ = ["DistillationLoss"]


class DistillationLoss(nn.Module):
    r"""Loss of a student with a teacher, as in the ["MK-SGN"](https://arxiv.org/abs/2404.10210)
    paper.

    $$
    L = (1 - a)\,L_{\mathrm{CE}} + a\,L_{\mathrm{soft}} + b(e) L_{\mathrm{feat}}
        + b_h L_{\mathrm{head}}, \qquad b(e) = b \min(e / e_0, 1)
    $$

    Terms that are not given are left out; without soft labels $a = 0$.

    Args:
        soft: Loss of the soft labels.
        features: Loss of each pair of features. Its mean over the taps is taken.
        soft_weight: $a$, from 0 to 1.
        feature_weight: $b$.
        head_weight: $b_h$ of the heads of the translations, which train these and not the student.
        warmup_epochs: $e_0$: over so many epochs the weight of the features grows from 0, because
            features of an untrained student are noise.
        label_smoothing: As in the cross-entropy without a teacher.

    Shapes:
        - **returns**: scalar, and the terms by name before they are weighted

    Raises:
        ValueError: If a weight is out of range.

    Note:
        The weights are choices of this library; see the Fidelity page.

    Examples:
        >>> DistillationLoss(SoftLabelDistillation(), soft_weight=0.5).soft_weight
        0.5
    """

    def __init__(
        self,
        soft: SoftLabelDistillation | None = None,
        features: FeatureDistillation | None = None,
        *,
        soft_weight: float = 0.5,
        feature_weight: float = 1.0,
        head_weight: float = 1.0,
        warmup_epochs: float = 5.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= soft_weight <= 1 or feature_weight < 0 or head_weight < 0 or warmup_epochs < 0:
            raise ValueError(
                "DistillationLoss: expected soft_weight from 0 to 1 and the other weights not "
                f"negative, got soft_weight={soft_weight}, feature_weight={feature_weight}, "
                f"head_weight={head_weight}, warmup_epochs={warmup_epochs}"
            )
        self.soft = soft
        self.features = features
        self.soft_weight = soft_weight
        self.feature_weight = feature_weight
        self.head_weight = head_weight
        self.warmup_epochs = warmup_epochs
        self.label_smoothing = label_smoothing

    def forward(
        self, out: Distilled, y: Tensor, epoch: float = math.inf
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the loss of a batch and its terms.

        Args:
            out: What the [`Distiller`][sgnkit.distill.Distiller] returned.
            y: Class of each row of logits.
            epoch: Epochs done so far, with fractions, for the warm-up.
        """
        terms = {"cross_entropy": classification_loss(out.logits, y, self.label_smoothing)}
        total = terms["cross_entropy"]
        if self.soft is not None:
            terms["soft_labels"] = self.soft(out.logits, out.teacher_logits)
            total = (1 - self.soft_weight) * total + self.soft_weight * terms["soft_labels"]
        if self.features is not None and out.features:
            pairs = [self.features(*pair) for pair in out.features.values()]
            terms["features"] = torch.stack(pairs).mean()
            total = total + self.feature_weight_at(epoch) * terms["features"]
        if out.head_losses:
            terms["translation"] = torch.stack(list(out.head_losses.values())).mean()
            total = total + self.head_weight * terms["translation"]
        return total, terms

    def feature_weight_at(self, epoch: float) -> float:
        """Returns the weight of the features after so many epochs.

        Examples:
            >>> loss = DistillationLoss(warmup_epochs=5, feature_weight=2)
            >>> [loss.feature_weight_at(epoch) for epoch in (0, 2.5, 5, 40)]
            [0.0, 1.0, 2.0, 2.0]
        """
        share = min(epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        return self.feature_weight * share
