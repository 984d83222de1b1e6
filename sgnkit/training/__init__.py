"""Training, testing and prediction: the only part of sgnkit that needs Lightning."""

from sgnkit.training.checkpoint import (
    build_model,
    describe_model,
    load_model,
    read_checkpoint,
    save_weights,
)
from sgnkit.training.checks import check_labels, check_start
from sgnkit.training.config import build_transforms, read_experiment
from sgnkit.training.data import EpochSampler, SeededClips
from sgnkit.training.evaluate import Scores, evaluate, score_clips
from sgnkit.training.module import Classifier, parameter_groups
from sgnkit.training.options import Experiment, OptimOptions, TrainerOptions
from sgnkit.training.run import Interrupted, train
from sgnkit.training.schedule import lr_factor
from sgnkit.training.testing import Report, test

__all__ = [
    "Classifier",
    "EpochSampler",
    "Experiment",
    "Interrupted",
    "OptimOptions",
    "Report",
    "Scores",
    "SeededClips",
    "TrainerOptions",
    "build_model",
    "build_transforms",
    "check_labels",
    "check_start",
    "describe_model",
    "evaluate",
    "load_model",
    "lr_factor",
    "parameter_groups",
    "read_checkpoint",
    "read_experiment",
    "save_weights",
    "score_clips",
    "test",
    "train",
]
