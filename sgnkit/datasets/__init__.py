"""Datasets of skeleton clips."""

from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets.nw_ucla import NWUCLA
from sgnkit.datasets.synthetic import SyntheticActions

__all__ = ["NWUCLA", "SkeletonDataset", "SyntheticActions"]
