"""Training, testing and prediction: the only part of sgnkit that needs Lightning."""

from sgnkit.models.checkpoint import (
    build_model,
    describe_model,
    load_model,
    read_checkpoint,
    save_weights,
)
from sgnkit.training.checks import check_labels, check_precision, check_start
from sgnkit.training.config import build_transforms, read_experiment
from sgnkit.training.data import EpochSampler, SeededClips
from sgnkit.training.ensemble import fuse
from sgnkit.training.evaluate import Scores, evaluate, score_clips
from sgnkit.training.memory import keep_memory
from sgnkit.training.module import Classifier, parameter_groups
from sgnkit.training.options import DistillOptions, Experiment, OptimOptions, TrainerOptions
from sgnkit.training.rates import FiringRateMonitor
from sgnkit.training.run import Interrupted, train
from sgnkit.training.schedule import lr_factor
from sgnkit.training.teaching import load_teacher
from sgnkit.training.testing import Report, test
from sgnkit.training.two_stage import distill

__all__ = [
    "Classifier",
    "DistillOptions",
    "EpochSampler",
    "Experiment",
    "FiringRateMonitor",
    "Interrupted",
    "OptimOptions",
    "Report",
    "Scores",
    "SeededClips",
    "TrainerOptions",
    "build_model",
    "build_transforms",
    "check_labels",
    "check_precision",
    "check_start",
    "describe_model",
    "distill",
    "evaluate",
    "fuse",
    "keep_memory",
    "load_model",
    "load_teacher",
    "lr_factor",
    "parameter_groups",
    "read_checkpoint",
    "read_experiment",
    "save_weights",
    "score_clips",
    "test",
    "train",
]
