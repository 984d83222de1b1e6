"""Knowledge distillation between any two networks: taps, translation, losses."""

from sgnkit.distill.distillation_loss import DistillationLoss
from sgnkit.distill.distiller import Distilled, Distiller
from sgnkit.distill.ensemble import ScoreTeacher, TeacherEnsemble
from sgnkit.distill.feature_translation import FeatureTranslation
from sgnkit.distill.frozen_teacher import FrozenTeacher
from sgnkit.distill.losses import (
    FeatureDistillation,
    SoftLabelDistillation,
    classification_loss,
)
from sgnkit.distill.taps import tap

__all__ = [
    "DistillationLoss",
    "Distilled",
    "Distiller",
    "FeatureDistillation",
    "FeatureTranslation",
    "FrozenTeacher",
    "ScoreTeacher",
    "SoftLabelDistillation",
    "TeacherEnsemble",
    "classification_loss",
    "tap",
]
