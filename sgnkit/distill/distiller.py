"""Teacher and student side by side, joined at their taps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sgnkit.distill.feature_translation import FeatureTranslation
from sgnkit.distill.frozen_teacher import FrozenTeacher
from sgnkit.distill.taps import tap

__all__ = ["Distilled", "Distiller"]

Resample = Literal["linear"] | Callable[[Tensor], Tensor]


class Distilled(NamedTuple):
    r"""What teacher and student said about one batch.

    Attributes:
        logits: Those of the student.
        teacher_logits: Those of the teacher.
        features: Student's feature and translated teacher's feature, by the student's tap.
        head_losses: Cross-entropy of the head of each translation, by the student's tap.

    Shapes:
        - **logits**: $(B, \text{classes})$, or $(S, B, \text{classes})$ with `per_step=True`
        - **teacher_logits**: $(B, \text{classes})$
        - **features**: pairs of $(S, *, N, C)$
    """

    logits: Tensor
    teacher_logits: Tensor
    features: dict[str, tuple[Tensor, Tensor]]
    head_losses: dict[str, Tensor]


class Distiller(nn.Module):
    r"""Runs a frozen teacher and a spiking student on the same inputs and translates the teacher's
    features at the taps into spikes.

    Any network can teach any other: neither is subclassed. Its parameters are those of the student
    and of the translations; the teacher has none that learn.

    Args:
        teacher: A network whose output is logits, or a
            [`FrozenTeacher`][sgnkit.distill.FrozenTeacher].
        student: A network whose output is logits. Its features at the taps are spikes
            $(S, *, N, C)$.
        taps: Student's submodule for each of the teacher's, such as
            `{"blocks.3": "blocks.1"}`.
        example: Inputs of both networks, on which the shapes at the taps are checked now.
        resample: What to do where a teacher's feature has other frames or channels than the
            student's. `None` is an error that shows both; `"linear"` interpolates the frames and
            lets the translation learn a map of the channels; a function of the teacher's feature
            does what you like.
        safeguard: Whether translations have a classifier head, which keeps them from collapse.

    Shapes:
        - **inputs**: what teacher and student take
        - **y**: $(B)$
        - **returns**: a [`Distilled`][sgnkit.distill.Distilled]

    Raises:
        ValueError: If a tap is no submodule, or shapes differ and nothing is chosen.

    Examples:
        >>> from sgnkit.nn import LIF
        >>> class Steps(nn.Module):
        ...     def forward(self, x):
        ...         return x.expand(4, *x.shape)
        >>> class Mean(nn.Module):
        ...     def forward(self, x):
        ...         return x.mean(0)
        >>> teacher = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> student = nn.Sequential(Steps(), nn.Linear(3, 8), LIF(), Mean(), nn.Linear(8, 2))
        >>> x, y = torch.rand(16, 3), torch.randint(2, (16,))
        >>> distiller = Distiller(teacher, student, {"1": "2"}, example=(x,))
        >>> out = distiller(x, y=y)
        >>> out.features["2"][1].shape
        torch.Size([4, 16, 8])
    """

    def __init__(
        self,
        teacher: nn.Module,
        student: nn.Module,
        taps: Mapping[str, str] | None = None,
        *,
        example: tuple[Any, ...],
        resample: Resample | None = None,
        safeguard: bool = True,
    ) -> None:
        super().__init__()
        self.taps = dict(taps or {})
        if not isinstance(teacher, FrozenTeacher):
            teacher = FrozenTeacher(teacher, tuple(self.taps))
        if missing := set(self.taps) - set(teacher.taps):
            raise ValueError(
                f"Distiller: the teacher was frozen without the taps {sorted(missing)}"
            )
        if len(set(self.taps.values())) != len(self.taps):
            raise ValueError(f"Distiller: a submodule of the student is tapped twice: {self.taps}")
        self.teacher = teacher
        self.student = student
        self.resample = resample
        self.translations = nn.ModuleDict()
        self._check(example, safeguard)

    @torch.no_grad()
    def _check(self, example: tuple[Any, ...], safeguard: bool) -> None:
        teacher_logits, given = self.teacher(*example)
        modes = {module: module.training for module in self.student.modules()}
        try:
            logits, wanted = tap(self.student.eval(), list(self.taps.values()), *example)
        finally:
            for module, training in modes.items():
                module.training = training
        if logits.shape[-2:] != teacher_logits.shape[-2:]:
            raise ValueError(
                f"Distiller: the teacher returns logits {tuple(teacher_logits.shape)}, the student "
                f"{tuple(logits.shape)}; both must tell the same classes apart"
            )
        for source, target in self.taps.items():
            feature, spikes = given[source], wanted[target]
            shape = (
                f"teacher '{source}' {tuple(feature.shape)}, student '{target}' "
                f"{tuple(spikes.shape)} with the spiking steps first"
            )
            if spikes.dim() < 3:
                raise ValueError(f"Distiller: the student's feature has no spiking steps: {shape}")
            if self.resample is None and feature.shape != spikes.shape[1:]:
                raise ValueError(
                    f"Distiller: the features differ in shape: {shape}. Tap other submodules, or "
                    "choose how to resample: resample='linear', or a function"
                )
            feature = self._resampled(feature, spikes.shape)
            if feature.shape[:-1] != spikes.shape[1:-1]:
                raise ValueError(
                    f"Distiller: the features differ in shape: {shape}, and resampling gives "
                    f"{tuple(feature.shape)}"
                )
            self.translations[_key(target)] = FeatureTranslation(
                feature.size(-1),
                spikes.size(0),
                spikes.size(-1),
                num_classes=logits.size(-1) if safeguard else None,
            ).to(spikes.device)

    def _resampled(self, feature: Tensor, shape: torch.Size) -> Tensor:
        if callable(self.resample):
            return self.resample(feature)
        if self.resample == "linear" and len(shape) == 4 and feature.size(0) != shape[1]:
            frames = feature.permute(1, 2, 0)
            return F.interpolate(frames, size=shape[1], mode="linear").permute(2, 0, 1)
        return feature

    def forward(self, *inputs: Any, y: Tensor, batch: Tensor | None = None) -> Distilled:
        """Runs both networks.

        Args:
            *inputs: What both take.
            y: Class of each graph, or of each node.
            batch: The graph of each node. That of a PyG batch is found by itself; without one,
                classes belong to nodes.
        """
        teacher_logits, given = self.teacher(*inputs)
        logits, wanted = tap(self.student, list(self.taps.values()), *inputs)
        index = getattr(inputs[0], "batch", None) if batch is None else batch
        features, head_losses = {}, {}
        for source, target in self.taps.items():
            translation: Any = self.translations[_key(target)]
            spikes = translation(self._resampled(given[source], wanted[target].shape))
            features[target] = wanted[target], spikes
            if translation.head is not None:
                head_losses[target] = translation.head_loss(spikes, y, index)
        return Distilled(logits, teacher_logits, features, head_losses)


def _key(name: str) -> str:
    return name.replace(".", "_")  # ModuleDict takes no dots
