"""What pose estimators write as JSON: OpenPose, COCO results, MediaPipe landmarks."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sgnkit.datasets._pose import Body, Pose, PoseOptions, assemble, numbers, wrong

__all__ = ["natural", "parse_frames", "read_coco", "read_frame"]

_LANDMARKS = (
    *("pose_world_landmarks", "poseWorldLandmarks", "worldLandmarks", "world_landmarks"),
    *("pose_landmarks", "poseLandmarks", "landmarks"),
)
_SCORES = ("visibility", "score", "confidence", "presence")
# The 25 joints of OpenPose's own model hold the 18 of its COCO model, with the middle of the hips.
_BODY_25 = (*range(8), *range(9, 19))


def natural(name: object) -> list[Any]:
    """Returns a key that sorts numbers inside of names as numbers."""
    parts = re.split(r"(\d+)", str(name))
    return [(0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]


def parse_frames(frames: Sequence[Any], options: PoseOptions, file: object) -> Pose:
    """Joins frames that OpenPose or MediaPipe wrote."""
    return assemble(
        [read_frame(f, options, file, f"frame {t}") for t, f in enumerate(frames)], file
    )


def read_frame(frame: Any, options: PoseOptions, file: object, place: str) -> list[Body]:
    """Returns the bodies of one frame in any form of OpenPose or MediaPipe; none for null."""
    if isinstance(frame, dict) and "people" in frame:
        people = frame["people"]
        if not isinstance(people, list):
            raise wrong("wrong type", file, f"{place}, key 'people'", "a list", _show(people))
        found = [_openpose(p, options, file, f"{place}, person {m}") for m, p in enumerate(people)]
        return [body for body in found if body is not None]
    if isinstance(frame, dict):
        key = next((key for key in _LANDMARKS if frame.get(key) is not None), None)
        if key is None and not any(key in frame for key in _LANDMARKS):
            expected = "people (OpenPose) or pose_landmarks (MediaPipe)"
            raise wrong("unknown keys", file, place, expected, _show(list(frame)))
        frame, place = frame.get(key) if key else None, f"{place}, key {key!r}"
    if isinstance(frame, dict) and "landmark" in frame:  # a protobuf message written as JSON
        frame = frame["landmark"]
    if frame is None or frame == []:
        return []
    if not isinstance(frame, list):
        raise wrong("wrong type", file, place, "a list of landmarks", _show(frame))
    if _is_landmark(frame[0]):
        return [_mediapipe(frame, options, file, place)]
    bodies = []
    for m, person in enumerate(frame):
        person = person["landmark"] if isinstance(person, dict) and "landmark" in person else person
        bodies.append(_mediapipe(person, options, file, f"{place}, person {m}"))
    return bodies


def _is_landmark(value: Any) -> bool:
    return isinstance(value, dict) and "x" in value


def _mediapipe(person: Any, options: PoseOptions, file: object, place: str) -> Body:
    """One body as a list of ``{"x", "y", "z", "visibility"}``, `z` and `visibility` optional."""
    num_joints = options.layout.num_joints
    if not isinstance(person, list) or len(person) != num_joints:
        found = f"{len(person)} landmarks" if isinstance(person, list) else _show(person)
        raise wrong("wrong joint count", file, place, f"{num_joints} landmarks", found)
    axes = [axis for axis in "xyz" if _is_landmark(person[0]) and axis in person[0]]
    x, score = [], []
    for v, point in enumerate(person):
        values = [point.get(axis) for axis in axes] if _is_landmark(point) else [None]
        confidence = (
            next((point[k] for k in _SCORES if point.get(k) is not None), 1.0)
            if _is_landmark(point)
            else 1.0
        )
        if not numbers([*values, confidence]):
            expected = f"{{{', '.join(axes) or 'x, y'}, visibility}}, numbers"
            raise wrong(
                "a landmark is not a point", file, f"{place}, landmark {v}", expected, _show(point)
            )
        x.append(values)
        score.append(confidence)
    return Body(_array(x, file, place), _array(score, file, place))


def _openpose(person: Any, options: PoseOptions, file: object, place: str) -> Body | None:
    """One body as flat lists: x, y, score in 2D and x, y, z, score in 3D; an empty list is none."""
    if not isinstance(person, dict):
        raise wrong("wrong type", file, place, "an object", _show(person))
    flat, size = person.get("pose_keypoints_2d"), 3
    if not flat and person.get("pose_keypoints_3d"):
        flat, size = person["pose_keypoints_3d"], 4
    if flat == []:
        return None
    key = f"{place}, key 'pose_keypoints_{size - 1}d'"
    num_joints = options.layout.num_joints
    joints: Sequence[int] = range(num_joints)
    if options.layout.name == "openpose18" and isinstance(flat, list) and len(flat) == 25 * size:
        joints, num_joints = _BODY_25, 25
    if not isinstance(flat, list) or len(flat) != num_joints * size:
        found = f"{len(flat)} numbers" if isinstance(flat, list) else _show(flat)
        expected = f"{num_joints * size} numbers, {size} for each joint of {options.layout.name!r}"
        raise wrong("wrong joint count", file, key, expected, found)
    if not numbers(flat):
        raise wrong("a coordinate is not a number", file, key, "numbers", _show(flat))
    values = _array(flat, file, key).reshape(num_joints, size)[list(joints)]
    return Body(values[:, :-1], values[:, -1], _track(person.get("person_id")))


def _track(value: Any) -> Any:
    """Returns what tells a person, if it does: OpenPose writes [-1] where it does not."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return value if type(value) in (int, str) and value not in (-1, "") else None


def read_coco(records: list[Any], options: PoseOptions, file: object) -> Pose:
    """Joins the results of a COCO keypoint detector to one clip.

    Each record is a body: ``{"image_id", "keypoints": [x, y, score, ...]}``, with `score` and
    `track_id` optional. The images, in the order of the numbers in their ids, are the frames.
    Without `track_id` the persons of a frame come in the order of their scores.
    """
    size = 3 * options.layout.num_joints
    frames: dict[Any, list[tuple[float, Body]]] = {}
    for number, record in enumerate(records):
        place = f"record {number}"
        if not isinstance(record, dict) or type(record.get("image_id")) not in (int, str):
            raise wrong("a record has no image", file, place, "key 'image_id'", _show(record))
        flat = record.get("keypoints")
        place = f"{place}, image {_show(record['image_id'])}, key 'keypoints'"
        if not isinstance(flat, list) or len(flat) != size or not numbers(flat):
            found = f"{len(flat)} values" if isinstance(flat, list) else _show(flat)
            expected = f"{size} numbers, x, y and score for each joint of {options.layout.name!r}"
            raise wrong("wrong joint count", file, place, expected, found)
        values = _array(flat, file, place).reshape(-1, 3)
        track = record.get("track_id", record.get("idx"))
        score = record.get("score", 0.0)
        if type(score) not in (int, float) or score != score:
            raise wrong(
                "wrong score", file, f"record {number}, key 'score'", "a number", _show(score)
            )
        body = Body(values[:, :2], values[:, 2], _track(track))
        frames.setdefault(record["image_id"], []).append((float(score), body))
    return assemble(
        [
            [body for _, body in sorted(frames[image], key=lambda pair: -pair[0])]
            for image in sorted(frames, key=natural)
        ],
        file,
    )


def _array(values: Any, file: object, place: str) -> Any:
    try:
        return np.array(values, dtype=np.float64)
    except (OverflowError, ValueError) as error:  # a whole number of hundreds of digits
        raise wrong("a coordinate is not finite", file, place, "finite numbers", error) from error


def _show(value: Any) -> str:
    return reprlib.repr(value)[:80]
