"""Clips as PyG graphs, and the modalities derived from them."""

from sgnkit.data.clip_list import ClipList
from sgnkit.data.collate import collate
from sgnkit.data.modality import MODALITIES, to_modalities
from sgnkit.data.skeleton_data import SkeletonData
from sgnkit.data.streams import RandomStreams, fetch_clips, transform_clips

__all__ = [
    "MODALITIES",
    "ClipList",
    "RandomStreams",
    "SkeletonData",
    "collate",
    "fetch_clips",
    "to_modalities",
    "transform_clips",
]
