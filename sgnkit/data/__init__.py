"""Clips as PyG graphs, and the modalities derived from them."""

from sgnkit.data.modality import MODALITIES, to_modalities
from sgnkit.data.skeleton_data import SkeletonData

__all__ = ["MODALITIES", "SkeletonData", "to_modalities"]
