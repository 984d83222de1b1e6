"""Tests a trained model: accuracy, firing rates, energy."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch_geometric.data import Batch

from sgnkit.energy import EnergyReport, profile
from sgnkit.errors import ConfigError
from sgnkit.models.checkpoint import load_model
from sgnkit.training.data import dataset_facts, load_split, test_loader
from sgnkit.training.evaluate import Scores, evaluate, score_clips
from sgnkit.training.memory import keep_memory
from sgnkit.training.options import Experiment

__all__ = ["Report", "check_fits", "silence", "test", "trained_model", "write_report"]


@dataclass
class Report:
    """What a test finds out.

    Args:
        result: Accuracies, see [`evaluate`][sgnkit.training.evaluate].
        scores: Scores of each clip.
        energy: Firing rates and the estimate of [`profile`][sgnkit.energy.profile], on a batch
            of test clips.
        model: The tested model.
    """

    result: dict[str, Any]
    scores: Scores
    energy: EnergyReport
    model: nn.Module


def test(
    experiment: Experiment,
    model: nn.Module | None = None,
    class_names: list[str] | None = None,
    split: str = "test",
) -> Report:
    """Tests a model: accuracy, firing rates and an estimate of the energy.

    Args:
        experiment: Which clips to test on and, where no model is given, which weights to load.
        model: The model. By default it is built from `experiment.weights`.
        class_names: Names of the classes.
        split: Clips to score.

    Raises:
        ConfigError: If neither a model nor weights are given, or the data do not fit the model.
    """
    silence()
    if model is None:
        model, class_names = trained_model(experiment)
    clips = load_split(experiment, split)
    class_names = check_fits(model, clips, class_names)
    scores = score_clips(model, test_loader(experiment, clips))
    size = min(experiment.batch_size, len(clips))
    batch = Batch.from_data_list([clips[i] for i in range(0, len(clips), -(-len(clips) // size))])
    batch = batch.to(next(model.parameters()).device)
    return Report(evaluate(scores, class_names), scores, profile(model, batch), model)


def check_fits(model: nn.Module, clips: Any, class_names: list[str] | None) -> list[str]:
    """Returns the class names, once classes and joints of a model are those of the clips.

    Args:
        model: The model.
        clips: A dataset.
        class_names: Classes of the model; those of the clips when not known.

    Raises:
        ConfigError: If they differ.
    """
    layout, data_names = dataset_facts(clips)
    class_names = class_names or data_names
    if len(data_names) != len(class_names) or layout.joints != model.layout.joints:  # type: ignore[union-attr]
        raise ConfigError(
            "the weights were trained on other data",
            place="data.name",
            expected=f"{len(class_names)} classes, joints of {model.layout.name}",  # type: ignore[union-attr]
            found=f"{len(data_names)} classes, joints of {layout.name}",
        )
    return class_names


def trained_model(experiment: Experiment) -> tuple[nn.Module, list[str]]:
    """Returns the model that the experiment's weights belong to, and its class names."""
    if experiment.weights is None:
        raise ConfigError(
            "there are no weights to load",
            place="weights",
            remedy="pass --config RUN/config.yaml of a trained run, or --weights FILE",
        )
    if experiment.trainer.keep_memory:
        keep_memory()
    model = load_model(experiment.weights, "cuda" if experiment.trainer.on_gpu else "cpu")
    return model, list(model.class_names)  # type: ignore[arg-type]


def write_report(folder: Path, report: Report, class_names: list[str]) -> None:
    """Writes scores, energy, curves and confusion matrix into a run folder."""
    from sgnkit.viz import plot_confusion, plot_curves

    report.scores.save(folder / "scores.npz")
    report.energy.save(folder / "energy.json")
    figure = plot_confusion(report.result["confusion"], class_names)
    figure.savefig(folder / "confusion.png")
    if (folder / "metrics.csv").exists():
        plot_curves(folder / "metrics.csv", ["loss", "accuracy", "lr"]).savefig(
            folder / "curves.png"
        )


def silence() -> None:
    """Silences the remarks of Lightning that do not help here."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for text in (
        ".*does not have many workers.*",
        ".*no `val_dataloader`.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*Checkpoint directory .* exists and is not empty.*",
    ):
        warnings.filterwarnings("ignore", message=text)
