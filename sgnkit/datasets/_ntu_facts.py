"""What is known of NTU RGB+D: names, classes, splits, numbers of clips."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import NamedTuple

__all__ = [
    "BENCHMARKS",
    "KNOWN_COUNTS",
    "NUM_CAMERAS",
    "NUM_SETUPS",
    "NUM_SUBJECTS",
    "TRAIN_SUBJECTS",
    "NTUName",
    "action_names",
    "in_train",
    "missing_names",
    "parse_name",
]

BENCHMARKS = {60: ("xsub", "xview"), 120: ("xsub", "xset")}
NUM_SUBJECTS = {60: 40, 120: 106}
NUM_SETUPS = {60: 17, 120: 32}
NUM_CAMERAS = 3

_FIRST_60 = (1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38)
TRAIN_SUBJECTS = {
    60: _FIRST_60,
    120: (
        *_FIRST_60,
        *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87)),
        *(89, *range(91, 96), 97, 98, 100, 103),
    ),
}
"""Subjects whose clips are for training in the benchmark `"xsub"`."""

KNOWN_COUNTS = {
    (60, "xsub"): (40_091, 16_487),
    (60, "xview"): (37_646, 18_932),
    (120, "xsub"): (63_026, 50_919),
    (120, "xset"): (54_468, 59_477),
}
"""Number of training and test clips, once those of the missing lists are left out."""

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})\Z")


class NTUName(NamedTuple):
    """Numbers in the name of a recording, all counted from 1."""

    setup: int
    camera: int
    subject: int
    repetition: int
    action: int


def parse_name(name: str) -> NTUName | None:
    """Returns the numbers of a name such as `S001C002P003R002A013`, or nothing.

    Examples:
        >>> parse_name("S001C002P003R002A013")
        NTUName(setup=1, camera=2, subject=3, repetition=2, action=13)
    """
    match = _NAME.match(name)
    return None if match is None else NTUName(*map(int, match.groups()))


def in_train(benchmark: str, num_classes: int, subject: int, camera: int, setup: int) -> bool:
    """Whether a recording is for training, for testing otherwise.

    Examples:
        >>> in_train("xsub", 60, subject=3, camera=2, setup=1)
        False
        >>> in_train("xview", 60, subject=3, camera=2, setup=1)
        True
    """
    if benchmark == "xsub":
        return subject in TRAIN_SUBJECTS[num_classes]
    if benchmark == "xview":
        return camera in (2, 3)
    return setup % 2 == 0


def action_names(num_classes: int) -> tuple[str, ...]:
    """Returns the names of the first classes."""
    return _lines("ntu_actions.txt")[:num_classes]


def missing_names(num_classes: int) -> frozenset[str]:
    """Returns the recordings whose skeletons are missing or incomplete.

    The authors of the set list them at <https://github.com/shahroudy/NTURGB-D>: 302 for 60
    classes, 535 for 120.
    """
    return frozenset(n for n in _lines("ntu_missing.txt") if int(n[-3:]) <= num_classes)


@functools.cache
def _lines(name: str) -> tuple[str, ...]:
    text = resources.files("sgnkit.datasets").joinpath(name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))
