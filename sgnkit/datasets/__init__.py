"""Datasets of skeleton clips."""

from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets.nw_ucla import NWUCLA
from sgnkit.datasets.sbu_interaction import SBUInteraction
from sgnkit.datasets.synthetic import SyntheticActions
from sgnkit.datasets.utd_mhad import UTDMHAD

__all__ = ["NWUCLA", "UTDMHAD", "SBUInteraction", "SkeletonDataset", "SyntheticActions"]
