"""Keypoints as JSON: nested lists of one's own, or what a pose estimator wrote."""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import Any

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.datasets._keypoint_json import natural, parse_frames, read_coco
from sgnkit.datasets._pose import Pose, PoseOptions, numbers, split_score, wrong
from sgnkit.datasets._safe import inside, parse_json, read_json, whole_file
from sgnkit.datasets._sources import MAX_VALUES

__all__ = ["is_frame_file", "parse_pose_json", "read_frame_folder", "write_json"]

_MAX_FRAMES = 100_000


def parse_pose_json(content: bytes, options: PoseOptions, file: object) -> Pose:
    """Returns the keypoints of a JSON file; see `PoseFolder` for its forms."""
    value = parse_json(content, file)
    if isinstance(value, dict):
        if isinstance(value.get("annotations"), list):
            return read_coco(value["annotations"], options, file)
        if isinstance(value.get("frames"), list):
            return parse_frames(value["frames"], options, file)
        if "keypoints" in value and "image_id" not in value:
            return _own(value, options, file)
        return parse_frames([value], options, file)
    if not isinstance(value, list) or not value:
        found = reprlib.repr(value)[:80]
        raise wrong("a file holds no keypoints", file, None, "a list or an object", found)
    first = value[0]
    if isinstance(first, dict) and "image_id" in first:
        return read_coco(value, options, file)
    if any(_has_objects(frame) for frame in value[:1000]):
        return parse_frames(value, options, file)
    return _own({"keypoints": value}, options, file)


def _has_objects(value: Any) -> bool:
    """Whether a frame is made of objects, not of numbers."""
    for _ in range(4):
        if isinstance(value, dict):
            return True
        if not isinstance(value, list) or not value:
            return False
        value = value[0]
    return False


def _own(record: dict[str, Any], options: PoseOptions, file: object) -> Pose:
    """Nested lists ``{"keypoints", "scores", "axes", "layout"}``, all but the first optional."""
    for key in ("axes", "layout"):
        if not isinstance(record.get(key, ""), str):
            raise wrong("wrong type", file, f"key {key!r}", "text", reprlib.repr(record[key]))
    axes = options.axes or record.get("axes")
    array, seen = _nested(record["keypoints"], file, "keypoints")
    pose = split_score(array, axes, options.confidence, file)
    score = pose.score
    if record.get("scores") is not None:
        score, known = _nested(record["scores"], file, "scores")
        score = np.where(known, score, -np.inf)
    if not seen.all():
        channel = pose.axes.index("C") if array.ndim == len(pose.axes) else -1
        whole = seen.all(axis=channel)
        score = np.where(whole, np.inf if score is None else score, -np.inf)
    return Pose(pose.x, pose.axes, score, record.get("layout"))


def _nested(value: Any, file: object, key: str) -> tuple[Any, Any]:
    """Returns nested lists of numbers as an array, and where there was a number and not null."""
    shape: list[int] = []
    level = [value]
    while any(isinstance(item, list) for item in level):
        sizes = {len(item) for item in level if isinstance(item, list)}
        size = sizes.pop()
        is_even = not sizes and all(item is None or isinstance(item, list) for item in level)
        if not is_even or not 0 < size * len(level) <= MAX_VALUES or len(shape) == 4:
            expected = "lists of equal length inside of each other, at most 4 deep"
            raise wrong(
                "lists are not an array",
                file,
                f"key {key!r}",
                expected,
                f"{len(level)} "
                f"lists of {sorted({size, *sizes})[:4]} items at depth {len(shape) + 1}",
            )
        level = [x for item in level for x in ([None] * size if item is None else item)]
        shape.append(size)
    if not shape or not numbers(v for v in level if v is not None):
        bad = next((v for v in level if v is not None and not numbers([v])), value)
        raise wrong("a value is not a number", file, f"key {key!r}", "numbers", reprlib.repr(bad))
    seen = np.array([v is not None for v in level]).reshape(shape)
    try:
        array = np.array([0 if v is None else v for v in level], dtype=np.float64).reshape(shape)
    except OverflowError as error:
        raise wrong(
            "a value is not finite", file, f"key {key!r}", "finite numbers", error
        ) from error
    return array, seen


def is_frame_file(name: str) -> bool:
    """Whether a file is one frame of OpenPose."""
    return name.endswith("_keypoints.json")


def read_frame_folder(folder: Path, options: PoseOptions) -> Pose:
    """Returns the keypoints of a folder of files that OpenPose wrote, one for each frame."""
    files = sorted(
        (p for p in folder.iterdir() if is_frame_file(p.name)), key=lambda p: natural(p.name)
    )
    if not 0 < len(files) <= _MAX_FRAMES:
        raise wrong("wrong number of frames", folder, None, f"1 to {_MAX_FRAMES} files", len(files))
    frames = [read_json(inside(folder, file.name), limit=2**20) for file in files]
    return parse_frames(frames, options, folder)


def write_json(data: SkeletonData, path: Path) -> None:
    """Writes one clip as nested lists with their axes and layout, whole or not at all."""
    score = data.to_array("MTV", attr="mask")
    x = data.to_array("MTVC").astype(np.float32)
    record = {
        "layout": data.layout,
        "axes": "MTVC",
        "keypoints": x.astype(str).astype(np.float64).tolist(),
        **({} if score.all() else {"scores": score.astype(int).tolist()}),
    }
    with whole_file(path) as part:
        part.write_text(json.dumps(record, separators=(",", ":")), encoding="utf-8")
