"""Transforms of clips: PyG `BaseTransform`s that never change their input."""

from torch_geometric.transforms import Compose

from sgnkit.transforms._cleaning import Change, CleaningStep, ClipReport
from sgnkit.transforms.align import AlignBody
from sgnkit.transforms.augment import Jitter, RandomRotate, RandomScale, rotation_matrix
from sgnkit.transforms.bodies import AssembleActors, FilterLength, FilterMotion, FilterSpread
from sgnkit.transforms.clean import Clean, CleanReport, cleaning_steps
from sgnkit.transforms.gaps import (
    CutEmptyFrames,
    FillMissing,
    FilterJumps,
    LoopFrames,
    ZeroMissing,
)
from sgnkit.transforms.joints import DropJoints, MirrorLeftRight, PadPersons, SelectJoints
from sgnkit.transforms.modality import ToModalities
from sgnkit.transforms.normalize import Center, MinMaxNormalize
from sgnkit.transforms.persons import SelectPersons
from sgnkit.transforms.time import RandomCropResize, TakeFrames, UniformSample

__all__ = [
    "AlignBody",
    "AssembleActors",
    "Center",
    "Change",
    "Clean",
    "CleanReport",
    "CleaningStep",
    "ClipReport",
    "Compose",
    "CutEmptyFrames",
    "DropJoints",
    "FillMissing",
    "FilterJumps",
    "FilterLength",
    "FilterMotion",
    "FilterSpread",
    "Jitter",
    "LoopFrames",
    "MinMaxNormalize",
    "MirrorLeftRight",
    "PadPersons",
    "RandomCropResize",
    "RandomRotate",
    "RandomScale",
    "SelectJoints",
    "SelectPersons",
    "TakeFrames",
    "ToModalities",
    "UniformSample",
    "ZeroMissing",
    "cleaning_steps",
    "rotation_matrix",
]
