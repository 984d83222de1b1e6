"""Datasets of skeleton clips."""

from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets.synthetic import SyntheticActions

__all__ = ["SkeletonDataset", "SyntheticActions"]
