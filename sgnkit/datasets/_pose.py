"""What every reader of a keypoint file gives before it becomes a clip."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._sources import build_clip, check_size
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["Body", "Pose", "PoseOptions", "assemble", "numbers", "split_score", "to_clip", "wrong"]

Array = NDArray[Any]


class PoseOptions(NamedTuple):
    """How keypoint files are to be read.

    Attributes:
        layout: Layout of the joints.
        axes: Axes of arrays; nothing for `"TVC"` or `"MTVC"`, by their number.
        confidence: Whether the last number of each joint of an array is a score.
        min_score: A joint is observed if its score is greater.
        missing: What NaN and infinity mean, as in `SkeletonData.from_array`.
    """

    layout: SkeletonLayout
    axes: str | None = None
    confidence: bool = False
    min_score: float = 0.0
    missing: str = "raise"


class Pose(NamedTuple):
    """Keypoints of one clip.

    Attributes:
        x: Coordinates.
        axes: Axes of the coordinates.
        score: Scores with the same axes without `C`, or nothing.
        layout: Name of the layout, if the file tells.
    """

    x: Any
    axes: str
    score: Any = None
    layout: str | None = None


class Body(NamedTuple):
    """One body in one frame.

    Attributes:
        x: Coordinates $(V, C)$.
        score: Scores $(V)$.
        track: What tells which person it is, or nothing.
    """

    x: Array
    score: Array
    track: Hashable = None


def wrong(what: str, file: object, place: str | None, expected: object, found: object) -> DataError:
    """Returns the error of a keypoint file that is not what it should be."""
    return DataError(
        what,
        file=file,
        place=place,
        expected=expected,
        found=found,
        remedy="correct or remove the file; the forms are listed at sgnkit.datasets.PoseFolder",
    )


def split_score(array: Array, axes: str | None, confidence: bool, file: object) -> Pose:
    """Returns an array of known or usual axes as a pose, its score taken off if it has one."""
    if axes is None:
        if array.ndim not in (3, 4):
            expected = "3 axes (frames, joints, coordinates) or 4 (persons in front)"
            raise wrong("an array has other axes", file, None, expected, f"shape {array.shape}")
        axes = "TVC" if array.ndim == 3 else "MTVC"
    if sorted(axes) not in (sorted("TVC"), sorted("MTVC")):
        raise wrong(
            "unknown axes", file, "axes", "T, V, C and perhaps M in any order", repr(axes)[:40]
        )
    if not confidence or array.ndim != len(axes):
        return Pose(array, axes)
    channel = axes.index("C")
    if array.shape[channel] < 2:
        expected = "coordinates and a score for each joint, as confidence=True says"
        raise wrong("an array has no score", file, f"axis {channel}", expected, array.shape)
    x, score = np.split(array, [array.shape[channel] - 1], axis=channel)
    return Pose(x, axes, np.squeeze(score, axis=channel))


def assemble(frames: Sequence[Sequence[Body]], file: object) -> Pose:
    """Joins the bodies of all frames to persons.

    A person is what has the same track in all frames. If any body has no track, the first body of
    each frame is the first person, and so on.
    """
    bodies = [body for frame in frames for body in frame]
    if not bodies:
        raise wrong("a clip holds no person", file, None, "a body in a frame", "none in all frames")
    tracked = all(body.track is not None for body in bodies)
    slots: dict[Hashable, int] = {}
    for frame in frames:
        for k, body in enumerate(frame):
            slots.setdefault(body.track if tracked else k, len(slots))
    num_joints, channels = bodies[0].x.shape
    shape = (len(slots), len(frames), num_joints, channels)
    try:
        check_size(shape, "MTVC")
    except DataError as error:
        raise wrong(error.what, file, None, error.expected, error.found) from error
    x, score = np.zeros(shape, np.float32), np.full(shape[:3], -np.inf, np.float32)
    for t, frame in enumerate(frames):
        taken = set()
        for k, body in enumerate(frame):
            slot = slots[body.track if tracked else k]
            if slot in taken:
                raise wrong("a person is in a frame twice", file, f"frame {t}", "once", body.track)
            taken.add(slot)
            if body.x.shape != (num_joints, channels):
                expected = f"{num_joints} joints of {channels} numbers, as before"
                found = f"{body.x.shape[0]} joints of {body.x.shape[1]}"
                raise wrong("bodies differ in size", file, f"frame {t}", expected, found)
            with np.errstate(over="ignore"):
                x[slot, t], score[slot, t] = body.x, body.score
    return Pose(x, "MTVC", score)


def to_clip(pose: Pose, options: PoseOptions, file: object, **facts: Any) -> SkeletonData:
    """Makes a clip, with a mask from the scores."""
    if pose.layout is not None and pose.layout != options.layout.name:
        raise wrong(
            "the layouts do not match",
            file,
            "key 'layout'",
            f"{options.layout.name!r}, the layout that was asked for",
            repr(pose.layout),
        )
    mask = None
    if pose.score is not None:
        score = np.asarray(pose.score)
        shape = tuple(
            n
            for n, axis in zip(
                np.shape(pose.x), pose.axes, strict=len(pose.axes) == np.ndim(pose.x)
            )
            if axis != "C"
        )
        if score.dtype.kind not in "biuf" or score.shape != shape:
            found = f"{score.dtype}, shape {score.shape}"
            raise wrong("scores do not fit", file, "scores", f"numbers, shape {shape}", found)
        mask = score > options.min_score
    return build_clip(
        pose.x, options.layout, pose.axes, file=file, mask=mask, missing=options.missing, **facts
    )


def numbers(values: Iterable[Any]) -> bool:
    """Whether all values are numbers, which True and False are not."""
    return all(type(value) in (int, float) for value in values)
