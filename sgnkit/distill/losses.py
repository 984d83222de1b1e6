"""What pulls a student towards its teacher."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FeatureDistillation", "SoftLabelDistillation", "classification_loss"]


class SoftLabelDistillation(nn.Module):
    r"""Soft labels of the ["Distilling the Knowledge in a Neural
    Network"](https://arxiv.org/abs/1503.02531) paper.

    $$
    L = \tau^2\,\mathrm{KL}\bigl(\operatorname{softmax}(\mathbf{z}_T / \tau) \,\big\|\,
        \operatorname{softmax}(\mathbf{z}_S / \tau)\bigr)
    $$

    The factor $\tau^2$ keeps the size of the gradient the same for all temperatures.

    Args:
        temperature: $\tau$, above 0. The higher, the more the wrong classes count.

    Shapes:
        - **student**: logits $(B, \text{classes})$, or $(S, B, \text{classes})$ for each step
        - **teacher**: logits $(B, \text{classes})$
        - **returns**: scalar, mean over clips (and steps), in nats

    Raises:
        ValueError: If the temperature is not positive, or the classes differ.

    Examples:
        >>> logits = torch.randn(8, 10)
        >>> float(SoftLabelDistillation()(logits, logits)) < 1e-6
        True
    """

    def __init__(self, temperature: float = 4.0) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(
                f"SoftLabelDistillation: temperature must be positive, got {temperature}"
            )
        self.temperature = temperature

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Returns the loss of a batch."""
        if student.shape[-2:] != teacher.shape[-2:]:
            raise ValueError(
                f"SoftLabelDistillation: the student returns {tuple(student.shape)}, the teacher "
                f"{tuple(teacher.shape)}; both must have the same clips and classes"
            )
        target = (teacher.detach().float() / self.temperature).log_softmax(-1)
        output = (student.float() / self.temperature).log_softmax(-1)
        target = target.expand_as(output)
        loss = F.kl_div(
            output.flatten(0, -2), target.flatten(0, -2), reduction="batchmean", log_target=True
        )
        return self.temperature**2 * loss

    def extra_repr(self) -> str:
        return f"temperature={self.temperature:g}"


class FeatureDistillation(nn.Module):
    r"""Squared difference between the spikes of a student and the translated features of its
    teacher.

    $$
    L = \operatorname{mean}\Bigl(\frac{\bar{\mathbf{X}}}{m} - \bar{\mathbf{F}}\Bigr)^2
    $$

    where the bars are firing rates, the means over the spiking steps ("rate"), or nothing at all
    ("step": spike by spike). $m$ is the maximum of the student's feature, above 1 where SEW
    shortcuts add spikes.

    Args:
        compare: `"rate"` or `"step"`.

    Shapes:
        - **student**: spikes or sums of spikes $(S, *)$
        - **teacher**: spikes $(S, *)$ of [`FeatureTranslation`][sgnkit.distill.FeatureTranslation]
        - **returns**: scalar

    Raises:
        ValueError: If the option is unknown or the shapes differ.

    Examples:
        >>> spikes = torch.ones(4, 6)
        >>> float(FeatureDistillation()(2 * spikes, spikes)), float(
        ...     FeatureDistillation()(spikes, 0 * spikes)
        ... )
        (0.0, 1.0)
    """

    def __init__(self, compare: Literal["rate", "step"] = "rate") -> None:
        super().__init__()
        if compare not in ("rate", "step"):
            raise ValueError(
                f"FeatureDistillation: compare must be 'rate' or 'step', got {compare!r}"
            )
        self.compare = compare

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Returns the loss of one pair of features."""
        if student.shape != teacher.shape:
            raise ValueError(
                f"FeatureDistillation: the student's feature is {tuple(student.shape)}, the "
                f"teacher's {tuple(teacher.shape)}"
            )
        dtype = torch.promote_types(student.dtype, torch.float32)
        maximum = student.detach().amax().to(dtype).clamp(min=1)
        if self.compare == "rate":
            student, teacher = student.mean(0, dtype=dtype), teacher.mean(0, dtype=dtype)
        return F.mse_loss(student.to(dtype) / maximum, teacher.to(dtype))

    def extra_repr(self) -> str:
        return f"compare={self.compare}"


def classification_loss(logits: Tensor, y: Tensor, label_smoothing: float = 0.0) -> Tensor:
    r"""Returns the cross-entropy of logits, averaged over spiking steps where they have them.

    The average over steps is the loss of the ["Temporal Efficient
    Training"](https://arxiv.org/abs/2202.11946) paper, without its second term.

    Args:
        logits: $(B, \text{classes})$, or $(S, B, \text{classes})$ of a network with
            `per_step=True`.
        y: Classes, $(B)$.
        label_smoothing: Share of the target that is spread over all classes.

    Shapes:
        - **logits**: $(B, \text{classes})$ or $(S, B, \text{classes})$
        - **y**: $(B)$
        - **returns**: a scalar

    Raises:
        ValueError: If there is not one row of logits for each label.

    Examples:
        >>> float(classification_loss(torch.zeros(4, 2, 10), torch.tensor([1, 2])).exp().round())
        10.0
    """
    if logits.size(-2) != y.numel():
        raise ValueError(
            f"classification_loss: expected one row of logits for each of {y.numel()} labels, got "
            f"{tuple(logits.shape)}"
        )
    steps = logits.float().reshape(-1, *logits.shape[-2:])
    targets = y.repeat(len(steps))
    return F.cross_entropy(steps.flatten(0, 1), targets, label_smoothing=label_smoothing)
