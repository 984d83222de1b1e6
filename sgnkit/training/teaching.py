"""The teacher of an experiment: its weights, its taps, the loss."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Batch

from sgnkit.distill import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    FrozenTeacher,
    ScoreTeacher,
    SoftLabelDistillation,
    TeacherEnsemble,
)
from sgnkit.errors import CheckpointError, ConfigError, DataError
from sgnkit.models.checkpoint import load_model
from sgnkit.training.evaluate import Scores
from sgnkit.training.options import DistillOptions, Experiment

__all__ = ["load_teacher", "with_teacher"]


def with_teacher(
    experiment: Experiment, model: nn.Module, clips: Any, class_names: list[str]
) -> tuple[Distiller, DistillationLoss] | tuple[()]:
    """Returns teacher and loss of an experiment, checked on some clips; nothing without a teacher.

    Args:
        experiment: The experiment.
        model: The student.
        clips: Training clips, with their transforms.
        class_names: Classes of the student.

    Raises:
        ConfigError: If taps do not exist or do not fit, or the cache is used with random
            transforms.
        CheckpointError: If the teacher cannot be loaded or knows other classes.
    """
    options = experiment.distill
    if not options.teachers:
        return ()
    teacher = load_teacher(options, class_names)
    if options.cache is not None:
        _check_not_random(clips)
    state = torch.get_rng_state()
    example = Batch.from_data_list([clips[i] for i in range(min(2, len(clips)))])
    try:
        frozen = FrozenTeacher(teacher, tuple(options.taps), options.cache)
        distiller = Distiller(
            frozen,
            model,
            options.taps,
            example=(example,),
            resample=options.resample,
            safeguard=options.safeguard,
        )
        loss = DistillationLoss(
            SoftLabelDistillation(options.temperature) if options.soft_weight else None,
            FeatureDistillation(options.feature_compare) if options.taps else None,
            soft_weight=options.soft_weight,
            feature_weight=options.feature_weight,
            head_weight=options.head_weight,
            warmup_epochs=options.warmup_epochs,
            label_smoothing=experiment.optim.label_smoothing,
        )
    except DataError:
        raise
    except ValueError as error:
        raise ConfigError(str(error), place="distill") from None
    torch.set_rng_state(state)
    return distiller, loss


def load_teacher(options: DistillOptions, class_names: list[str]) -> nn.Module:
    """Returns the teacher, or the ensemble of teachers, of an experiment.

    Args:
        options: Weights files of networks (`.pt`, `.ckpt`), or scores (`.npz`).
        class_names: Classes that the teachers must know, in this order.

    Raises:
        ConfigError: If networks and scores are mixed, or the weights do not fit.
        CheckpointError: If a file is missing, damaged, or belongs to other classes.
    """
    files = [Path(teacher) for teacher in options.teachers]
    scored = [file.suffix == ".npz" for file in files]
    try:
        if all(scored):
            return ScoreTeacher([_scores(file) for file in files], options.teacher_weights)
        if any(scored):
            raise ValueError("either all teachers are networks, or all are scores (.npz)")
        models = [_network(file, class_names) for file in files]
        if len(models) == 1:
            return models[0]
        return TeacherEnsemble(models, options.teacher_weights)
    except (CheckpointError, DataError):
        raise
    except ValueError as error:
        raise ConfigError(str(error), place="distill.teacher") from None


def _network(file: Path, class_names: list[str]) -> nn.Module:
    if not file.is_file():
        raise CheckpointError(
            "there is no such teacher",
            file=file,
            remedy="train it first, or let `sgnkit distill` train both",
        )
    model = load_model(file)
    names: Any = model.class_names
    if list(names) != list(class_names):
        raise CheckpointError(
            "the teacher knows other classes than the student",
            file=file,
            expected=", ".join(class_names),
            found=", ".join(names),
            remedy="train the teacher on the same data",
        )
    return model


def _scores(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise CheckpointError(
            "there are no such scores",
            file=file,
            remedy="score the training clips with a trained model; see the guide on distillation",
        )
    scores = Scores.load(file)
    return dict(zip(scores.names, scores.logits, strict=True))


def _check_not_random(clips: Any) -> None:
    """Makes sure that a clip is the same at every access, or its answers cannot be kept."""
    state = torch.get_rng_state()
    for index in (0, len(clips) - 1):
        first = copy.copy(clips[index])
        again = clips[index]
        if first.x.shape != again.x.shape or not torch.equal(first.x, again.x):
            raise ConfigError(
                "the teacher's answers cannot be kept, because clips change with every epoch",
                place="distill.cache",
                expected="train_transforms without random ones",
                found=f"clip '{again.name}' differs between two accesses",
                remedy="set distill.cache to null: the teacher then sees the same augmented clip "
                "as the student",
            )
    torch.set_rng_state(state)
