"""What pose estimators return for a frame, as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["is_landmarks", "is_nobody", "plain_landmarks"]


def is_nobody(frame: Any) -> bool:
    """Whether a detector found nobody in a frame."""
    if frame is None or (isinstance(frame, (list, tuple, dict)) and not frame):
        return True
    names = ("pose_world_landmarks", "pose_landmarks", "people")
    found = [
        frame.get(name) if isinstance(frame, dict) else getattr(frame, name)
        for name in names
        if (name in frame if isinstance(frame, dict) else hasattr(frame, name))
    ]
    return bool(found) and not any(found)


def is_landmarks(keypoints: Any) -> bool:
    """Whether these are frames of OpenPose or MediaPipe: the first one that is not empty tells."""
    if not isinstance(keypoints, (list, tuple)):
        return False
    frame = next((f for f in keypoints if f is not None and not _is_empty(f)), None)
    while isinstance(frame, (list, tuple)) and frame:
        frame = frame[0]
    names = ("x", "landmark", "pose_landmarks", "pose_world_landmarks")
    return isinstance(frame, dict) or any(hasattr(frame, name) for name in names)


def _is_empty(frame: Any) -> bool:
    return isinstance(frame, (list, tuple, dict)) and not frame


def plain_landmarks(value: Any) -> Any:
    """Turns result objects of a detector into dictionaries; world landmarks come first."""
    if isinstance(value, dict):
        return {key: plain_landmarks(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float)):
        return value
    if hasattr(value, "x") and hasattr(value, "y"):
        names = ("x", "y", "z", "visibility")
        found = {name: getattr(value, name, None) for name in names}
        return {name: float(item) for name, item in found.items() if item is not None}
    for name in ("pose_world_landmarks", "pose_landmarks", "landmark"):
        if hasattr(value, name):
            return {name: plain_landmarks(getattr(value, name))}
    return [plain_landmarks(item) for item in value]
