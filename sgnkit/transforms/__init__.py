"""Transforms of clips: PyG `BaseTransform`s that never change their input."""

from torch_geometric.transforms import Compose

from sgnkit.transforms.augment import Jitter, RandomRotate, RandomScale, rotation_matrix
from sgnkit.transforms.joints import (
    DropJoints,
    FillMissing,
    MirrorLeftRight,
    PadPersons,
    SelectJoints,
)
from sgnkit.transforms.modality import ToModalities
from sgnkit.transforms.normalize import AlignBody, Center, MinMaxNormalize
from sgnkit.transforms.time import RandomCropResize, UniformSample

__all__ = [
    "AlignBody",
    "Center",
    "Compose",
    "DropJoints",
    "FillMissing",
    "Jitter",
    "MinMaxNormalize",
    "MirrorLeftRight",
    "PadPersons",
    "RandomCropResize",
    "RandomRotate",
    "RandomScale",
    "SelectJoints",
    "ToModalities",
    "UniformSample",
    "rotation_matrix",
]
