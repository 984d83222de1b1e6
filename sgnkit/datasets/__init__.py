"""Datasets of skeleton clips."""

from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets._ctr_gcn_write import write_ctr_gcn
from sgnkit.datasets._pose_folder_write import write_pose_folder
from sgnkit.datasets._pose_pickle_raw import write_pose_pickle
from sgnkit.datasets.ntu_rgbd import NTURGBD
from sgnkit.datasets.nw_ucla import NWUCLA
from sgnkit.datasets.pose_folder import PoseFolder
from sgnkit.datasets.pose_pickle import PosePickle
from sgnkit.datasets.sbu_interaction import SBUInteraction
from sgnkit.datasets.synthetic import SyntheticActions
from sgnkit.datasets.utd_mhad import UTDMHAD

__all__ = [
    "NTURGBD",
    "NWUCLA",
    "UTDMHAD",
    "PoseFolder",
    "PosePickle",
    "SBUInteraction",
    "SkeletonDataset",
    "SyntheticActions",
    "write_ctr_gcn",
    "write_pose_folder",
    "write_pose_pickle",
]
