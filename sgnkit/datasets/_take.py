"""One recording of a synthetic action: what is drawn for it, its angles, its sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sgnkit.datasets._figure import SEGMENTS, Proportions
from sgnkit.datasets._programs import Family, Pose

__all__ = ["Draws", "Subject", "Take"]

Array = NDArray[np.float64]

_PERIODS = (24.0, 11.0, 16.0)  # frames of one cycle at speed 1, by variant
_FAST_WAY = 0.22  # share of a period that the fast way takes
_VIEWS = {1: -40.0, 2: 0.0, 3: 40.0}  # degrees, by camera
_LOSS = (2, 6)  # frames for which a joint is lost
_CLIPS, _SUBJECTS = 0, 1  # streams of random numbers


class Draws:
    """Random numbers that depend on seed, stream and number alone.

    Only the raw words of the counter-based generator Philox are used, whose values NumPy
    promises for all versions and platforms, and arithmetic that is exact everywhere.
    """

    def __init__(self, seed: int, stream: int, number: int) -> None:
        key = np.array([seed, (stream << 48) + number], dtype=np.uint64)
        self._bits = np.random.Philox(key=key)

    def between(self, low: float, high: float, *shape: int) -> Array:
        """Draws numbers evenly from [low, high)."""
        words = self._bits.random_raw(int(np.prod(shape, dtype=np.int64)))
        unit = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return (low + (high - low) * unit).reshape(shape)

    def whole(self, low: int, high: int) -> int:
        """Draws a whole number from low to high."""
        return low + int(self.between(0.0, high - low + 1.0))

    def bell(self, *shape: int) -> Array:
        """Draws sums of four even numbers, scaled to mean 0 and standard deviation 1."""
        return (self.between(0.0, 1.0, 4, *shape).sum(axis=0) - 2.0) * np.sqrt(3.0)


@dataclass(frozen=True)
class Subject:
    """A performer: body, speed and how far the limbs go."""

    body: Proportions
    speed: float
    reach: float

    @classmethod
    def drawn(cls, seed: int, number: int) -> Subject:
        """Draws the subject with a number."""
        draws = Draws(seed, _SUBJECTS, number)
        size = draws.between(0.88, 1.12)
        factors = size * draws.between(0.92, 1.08, 10)
        return cls(
            Proportions().scaled(factors),
            speed=float(draws.between(0.85, 1.15)),
            reach=float(draws.between(0.85, 1.1)),
        )


@dataclass
class Take:
    """One recording: angles of all persons, and how the sensor sees them.

    Args:
        seed: Seed of the set.
        index: Number of the clip in the set.
        family: Programs of the class.
        variant: Class in the family: 0 as written, 1 backwards and fast, 2 evenly.
        subject: Who performs.
        camera: From where, 1 to 3.
        num_frames: Least and greatest number of frames.

    Attributes:
        angles: Degrees $(M, T, 13, 2)$.
        length: Number of frames $T$.
    """

    seed: int
    index: int
    family: Family
    variant: int
    subject: Subject
    camera: int
    num_frames: tuple[int, int]
    angles: Array = field(init=False)
    length: int = field(init=False)

    def __post_init__(self) -> None:
        self._draws = Draws(self.seed, _CLIPS, self.index)
        draws = self._draws
        self.length = draws.whole(*self.num_frames)
        time = np.arange(self.length, dtype=np.float64)
        cycles = self.subject.speed * draws.between(0.93, 1.07) / _PERIODS[self.variant]
        phase = draws.between(0.0, 1.0) + cycles * time
        rise = 0.5 if self.variant == 2 else _FAST_WAY
        side = 1 if draws.between(0.0, 1.0) < 0.5 else -1
        poses = []
        for program in (self.family.actor, self.family.partner):
            if program is not None:
                pose = Pose(self.length, side)
                program(pose, phase, rise)
                pose.angles *= self.subject.reach
                self._sway(pose, time)
                pose.level_feet()
                poses.append(pose.angles)
        near, far = self.family.distance
        share = (time + 0.5) / self.length
        self._gap = near + (far - near) * share if len(poses) > 1 else np.zeros_like(time)
        self.angles = np.stack(poses)
        if self.variant == 1:
            self.angles, self._gap = self.angles[:, ::-1], self._gap[::-1]
        if draws.between(0.0, 1.0) < 0.5:
            self.angles = self.angles[::-1]

    def _sway(self, pose: Pose, time: Array) -> None:
        """Adds a posture and a slow sway of its own to every segment but the pelvis."""
        draws, count = self._draws, len(SEGMENTS)
        legs = np.array([name.startswith(("thigh", "shank")) for name in SEGMENTS])
        scale = np.where(legs, 1.5, 5.0)[:, None]
        scale[0] = 0.0
        rate, start = draws.between(0.01, 0.03, count, 1), draws.between(0.0, 1.0, count, 2)
        posture = scale * draws.between(-1.0, 1.0, count, 2)
        wave = np.sin(2 * np.pi * (rate * time[:, None, None] + start))
        pose.angles += posture + 0.6 * scale * wave

    def film(self, joints: Array, noise: float, dropped: float) -> tuple[Array, NDArray[np.bool_]]:
        """Returns what the camera records, and which joints it observed.

        Args:
            joints: Joints of the posed figures, $(M, T, V, 3)$.
            noise: Standard deviation of each coordinate, in metres.
            dropped: Share of lost joints.
        """
        draws, persons = self._draws, len(joints)
        view = np.deg2rad(_VIEWS[self.camera] + draws.between(-12.0, 12.0))
        facing = np.deg2rad(draws.between(-10.0, 10.0, persons))
        shift = np.zeros((persons, self.length, 1, 3))
        if persons == 2:  # the first one at the left looks to the right, and the other way round
            facing += np.deg2rad([-90.0, 90.0])
            shift[..., 0, 0] = np.array([[-0.5], [0.5]]) * self._gap
        x = np.stack([_yaw(j, f) for j, f in zip(joints, facing, strict=True)]) + shift
        x = _yaw(x, view)
        x = x - np.array([0.0, draws.between(0.75, 1.05), 0.0])
        x = _pitch(x, np.deg2rad(draws.between(-6.0, 6.0)))
        x = x + np.array([draws.between(-0.4, 0.4), 0.0, draws.between(2.6, 3.8)])
        if noise > 0:
            x = x + noise * draws.bell(*x.shape)
        mask = self._observed(persons, x.shape[2], dropped)
        held = np.maximum.accumulate(np.where(mask, np.arange(self.length)[:, None], 0), axis=1)
        x = np.take_along_axis(x, held[..., None], axis=1)
        return np.rint(x * 1e4) / 1e4 + 0.0, mask  # + 0.0 turns -0.0 into 0.0

    def _observed(self, persons: int, joints: int, dropped: float) -> NDArray[np.bool_]:
        """Loses joints for some frames at a time."""
        mask = np.ones((persons, self.length, joints), dtype=bool)
        runs = dropped * self.length / (0.5 * sum(_LOSS))
        for _ in range(int(np.ceil(runs))):
            lost = self._draws.between(0.0, 1.0, persons, joints) < runs / np.ceil(runs)
            start = self._draws.between(-1.0, self.length, persons, joints)
            frames = np.floor(self._draws.between(_LOSS[0], _LOSS[1] + 1, persons, joints))
            since = np.arange(self.length)[:, None] - start[:, None]
            mask &= ~(lost[:, None] & (since >= 0) & (since < frames[:, None]))
        return mask


def _yaw(x: Array, angle: Array) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[..., 0] + s * x[..., 2], x[..., 1], c * x[..., 2] - s * x[..., 0]], -1)


def _pitch(x: Array, angle: Array) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([x[..., 0], c * x[..., 1] - s * x[..., 2], s * x[..., 1] + c * x[..., 2]], -1)
