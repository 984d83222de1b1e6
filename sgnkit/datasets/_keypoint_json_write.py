"""Writes clips as pose estimators write them: OpenPose, COCO results, MediaPipe landmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._pose import wrong
from sgnkit.datasets._safe import whole_file

__all__ = ["write_coco", "write_mediapipe", "write_openpose"]


def write_openpose(data: SkeletonData, path: Path) -> None:
    """Writes one clip as a folder with a file for each frame; the score tells what was observed."""
    x, score = _numbers(data, path, (2, 3))
    key = f"pose_keypoints_{x.shape[-1]}d"
    rows = np.concatenate([x, score[..., None]], axis=-1).reshape(*x.shape[:2], -1)
    for t in range(x.shape[1]):
        people = [
            {"person_id": [m], "pose_keypoints_2d": [], key: row.tolist()}
            for m, row in enumerate(rows[:, t])
        ]
        _write(path / f"{path.name}_{t:012d}_keypoints.json", {"version": 1.3, "people": people})


def write_coco(data: SkeletonData, path: Path) -> None:
    """Writes one clip as a list of results, a record for each person in each frame."""
    x, score = _numbers(data, path, (2,))
    rows = np.concatenate([x, score[..., None]], axis=-1).reshape(*x.shape[:2], -1)
    records = [
        {
            "image_id": t,
            "category_id": 1,
            "track_id": m,
            "keypoints": rows[m, t].tolist(),
            "score": 1.0,
        }
        for t in range(x.shape[1])
        for m in range(x.shape[0])
    ]
    _write(path, records)


def write_mediapipe(data: SkeletonData, path: Path) -> None:
    """Writes one clip as a list of frames with the landmarks of each person."""
    x, score = _numbers(data, path, (2, 3))
    axes = "xyz"[: x.shape[-1]]
    frames = [
        {
            "pose_landmarks": [
                [
                    {**dict(zip(axes, point, strict=True)), "visibility": seen}
                    for point, seen in zip(x[m, t].tolist(), score[m, t].tolist(), strict=True)
                ]
                for m in range(x.shape[0])
            ]
        }
        for t in range(x.shape[1])
    ]
    _write(path, frames)


def _numbers(data: SkeletonData, path: Path, channels: tuple[int, ...]) -> tuple[Any, Any]:
    """Returns coordinates and scores of a clip, if the form has a place for them."""
    x = data.to_array("MTVC").astype(np.float32)
    if x.shape[-1] not in channels:
        expected = f"{' or '.join(map(str, channels))} coordinates"
        raise wrong("a clip does not fit the form", path, None, expected, x.shape[-1])
    short = x.astype(str).astype(np.float64)  # text as short as the numbers allow
    return short, data.to_array("MTV", attr="mask").astype(np.float64)


def _write(path: Path, value: Any) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
