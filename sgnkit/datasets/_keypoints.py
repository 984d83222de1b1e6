"""Keypoints of one clip outside of any data set: a file, or frames of a detector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sgnkit.data import SkeletonData
from sgnkit.datasets._keypoint_json import parse_frames
from sgnkit.datasets._pose import to_clip
from sgnkit.datasets._pose_folder_raw import pose_options, read_pose
from sgnkit.layout import SkeletonLayout

__all__ = ["read_keypoints"]


def read_keypoints(
    source: str | os.PathLike[str] | Sequence[Any],
    layout: str | SkeletonLayout,
    *,
    axes: str | None = None,
    min_score: float = 0.0,
    missing: str = "raise",
) -> SkeletonData:
    """Reads one clip.

    Args:
        source: A CSV, JSON, npy or npz file, or frames as OpenPose or MediaPipe give them.
        layout: Layout of the joints.
        axes: Axes of an array in the file, as in `SkeletonData.from_array`.
        min_score: Score of a joint up to which it was not observed.
        missing: What NaN means, as in `SkeletonData.from_array`.

    Raises:
        sgnkit.errors.DataError: If something does not fit; the message names the place.
    """
    options = pose_options(layout, axes, min_score=min_score, missing=missing)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        pose = read_pose(path.parent, path.name, options)
        return to_clip(pose, options, path, name=path.stem)
    return to_clip(parse_frames(source, options, "frames"), options, "frames")
