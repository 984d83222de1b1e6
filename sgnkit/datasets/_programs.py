"""Motion programs of the synthetic actions: joint angles over time, in pairs of classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgnkit.datasets._figure import SEGMENTS

__all__ = ["Family", "Pose", "list_classes", "max_classes"]

Array = NDArray[np.float64]

_TAGS = {-1: "left", 1: "right"}


class Pose:
    """Angles of one figure over time, in degrees.

    Args:
        num_frames: Number of frames.
        side: The side that acts where a program uses one side, -1 left or 1 right.
    """

    def __init__(self, num_frames: int, side: int) -> None:
        self.angles = np.zeros((num_frames, len(SEGMENTS), 2))
        self.side = side

    def bend(self, segment: str, x: Array | float = 0.0, z: Array | float = 0.0) -> None:
        """Turns a segment forward by ``x`` and outward by ``z``.

        ``segment`` is a name without a side for both sides, ``name:near`` for the acting
        side, ``name:far`` for the other one, or a middle segment.
        """
        name, _, which = segment.partition(":")
        if name in SEGMENTS:
            names = [name]
        else:
            sides = {"": (-1, 1), "near": (self.side,), "far": (-self.side,)}[which]
            names = [f"{name}_{_TAGS[side]}" for side in sides]
        for full in names:
            self.angles[:, SEGMENTS.index(full), 0] += x
            self.angles[:, SEGMENTS.index(full), 1] += z

    def level_feet(self) -> None:
        """Keeps the feet parallel to the ground."""
        for tag in _TAGS.values():
            thigh, shank, foot = (
                SEGMENTS.index(f"{name}_{tag}") for name in ("thigh", "shank", "foot")
            )
            self.angles[:, foot, 0] = -self.angles[:, thigh, 0] - self.angles[:, shank, 0]


def _stroke(phase: Array, rise: float) -> Array:
    """Goes from 0 to 1 in the share ``rise`` of a period and back in the rest.

    The position is spread over time in the same way for every ``rise``: a frame does not
    tell which way is the quick one.
    """
    p = phase % 1.0
    way = np.where(p < rise, p / rise, (1.0 - p) / (1.0 - rise))
    return 0.5 - 0.5 * np.cos(np.pi * way)


def _wheel(phase: Array) -> tuple[Array, Array]:
    """Returns two angles a quarter period apart: which one leads is the direction."""
    return np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)


def _raise_arms(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("upper_arm", x=10, z=10 + 125 * s)
    pose.bend("forearm", x=20)


def _squat(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("thigh", x=4 + 66 * s)
    pose.bend("shank", x=-8 - 132 * s)
    pose.bend("trunk", x=-25 * s)
    pose.bend("upper_arm", x=10 + 70 * s)


def _crank(pose: Pose, phase: Array, rise: float) -> None:
    c, s = _wheel(phase)
    pose.bend("upper_arm", x=50 + 45 * c)
    pose.bend("forearm", x=65 - 50 * s)


def _kick(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("thigh:near", x=-8 + 88 * s)
    pose.bend("shank:near", x=-60 + 52 * s)
    pose.bend("upper_arm:far", x=30 * s, z=15)


def _pedal(pose: Pose, phase: Array, rise: float) -> None:
    c, s = _wheel(phase)
    pose.bend("thigh:near", x=50 + 38 * c)
    pose.bend("shank:near", x=-70 + 45 * s)
    pose.bend("upper_arm", z=25)


def _bow(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("trunk", x=-4 - 70 * s)
    pose.bend("head", x=-20 * s)
    pose.bend("upper_arm", x=50 * s)


def _clap(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("upper_arm", x=80, z=70 - 75 * s)
    pose.bend("forearm", x=10)


def _march(pose: Pose, phase: Array, rise: float) -> None:
    for side, shift in (("near", 0.0), ("far", 0.5)):
        s = _stroke(phase + shift, rise)
        pose.bend(f"thigh:{side}", x=75 * s)
        pose.bend(f"shank:{side}", x=-85 * s)
        pose.bend(f"upper_arm:{side}", x=25 - 50 * s)
    pose.bend("forearm", x=40)


def _row(pose: Pose, phase: Array, rise: float) -> None:
    c, s = _wheel(phase)
    pose.bend("trunk", x=-30 + 26 * c)
    pose.bend("upper_arm", x=55 - 25 * s)
    pose.bend("forearm", x=60 + 50 * s)


def _wave(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("upper_arm:near", z=85)
    pose.bend("forearm:near", z=40 + 95 * s)


def _walk(pose: Pose, phase: Array, rise: float) -> None:
    for side, shift in (("near", 0.0), ("far", 0.5)):
        c, s = _wheel(phase + shift)
        pose.bend(f"thigh:{side}", x=8 + 28 * c)
        pose.bend(f"shank:{side}", x=-32 + 28 * s)
        pose.bend(f"upper_arm:{side}", x=-25 * c)
    pose.bend("forearm", x=25)


def _push(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("upper_arm", x=20 + 65 * s)
    pose.bend("forearm", x=100 - 90 * s)
    pose.bend("trunk", x=-12 * s)


def _yield(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase - 0.08, rise)
    pose.bend("trunk", x=25 * s)
    pose.bend("upper_arm", x=30 * s, z=20 * s)
    pose.bend("thigh:near", x=-20 * s)


def _strike_hands(pose: Pose, phase: Array, rise: float) -> None:
    s = _stroke(phase, rise)
    pose.bend("upper_arm:near", x=15 + 125 * s)
    pose.bend("forearm:near", x=25)


def _greet(pose: Pose, phase: Array, rise: float) -> None:
    pose.bend("upper_arm:near", z=15 + 120 * _stroke(phase, 0.5))


def _answer(pose: Pose, phase: Array, rise: float) -> None:
    pose.bend("trunk", x=-50 * _stroke(phase - 0.25, 0.5))


Program = Callable[[Pose, Array, float], None]


@dataclass(frozen=True)
class Family:
    """Classes that share one distribution of poses and differ by dynamics alone.

    The first class is the program as written; the second one is the same program run backwards
    in time and about twice as fast; the third one, if there is one, has a tempo between the two
    and takes equal time for both ways.

    Args:
        names: Names of the two or three classes.
        actor: Program of the first person.
        partner: Program of the second person, if there is one.
        distance: Metres between two persons in the first and in the last frame.
    """

    names: tuple[str, ...]
    actor: Program
    partner: Program | None = None
    distance: tuple[float, float] = (1.3, 1.3)


_SOLO = (
    Family(("raise_arms", "flap_arms", "swing_arms"), _raise_arms),
    Family(("squat", "bounce"), _squat),
    Family(("kick", "shake_leg"), _kick),
    Family(("bow", "rock"), _bow),
    Family(("march", "run_in_place"), _march),
    Family(("crank_forward", "crank_backward"), _crank),
    Family(("pedal_forward", "pedal_backward"), _pedal),
    Family(("row_forward", "row_backward"), _row),
    Family(("close_arms", "clap"), _clap),
    Family(("beckon", "wave"), _wave),
)
_DUET = (
    Family(("push", "jostle", "press"), _push, _yield),
    Family(("approach", "hurry_away"), _walk, _walk, (2.6, 0.9)),
    Family(("high_five", "clap_hands_together"), _strike_hands, _strike_hands),
    Family(("bow_to_each_other", "rock_together"), _bow, _bow),
    Family(("kick_at", "tap_with_foot"), _kick, _yield),
    Family(("turn_crank_together", "turn_crank_back_together"), _crank, _crank),
    Family(("greet_then_answer", "answer_then_greet"), _greet, _answer),
)


def _families(num_persons: int) -> tuple[Family, ...]:
    return _SOLO if num_persons == 1 else _DUET


def max_classes(num_persons: int) -> int:
    """Returns how many classes there are for one or two persons."""
    return 2 * len(_families(num_persons)) + 1


def list_classes(num_classes: int, num_persons: int) -> list[tuple[Family, int]]:
    """Returns the family of each class and its number in the family.

    Classes come family by family. An odd count takes the third class of the first family,
    so that no class is alone in its family and known by its poses.
    """
    pairs = [(family, k) for family in _families(num_persons) for k in (0, 1)]
    if num_classes % 2:
        pairs.insert(2, (pairs[0][0], 2))
    return pairs[:num_classes]
