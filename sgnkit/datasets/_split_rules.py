"""Which clips are for training, validation and testing, when no protocol says so."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Member", "check_fraction", "draw", "in_split", "settle"]


class Member(NamedTuple):
    """What a rule needs to know of a clip: its name and, if known, its subject."""

    name: str
    subject: int | None


def check_fraction(owner: str, argument: str, value: float) -> float:
    """Returns a share of the clips that may be set apart."""
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{owner}: {argument} must be from 0 to less than 1, got {value!r}")
    return float(value)


def settle(
    members: Iterable[Member],
    given: Mapping[str, str],
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> dict[str, str]:
    """Returns `"train"`, `"val"`, `"test"` or `""` for each clip.

    If ``given`` is empty, a share of all clips is drawn for testing. If it names no training clip,
    the rest is for training. If it names no validation clip, a share of the training clips is
    drawn for that.

    Args:
        members: All clips.
        given: Split of clips as somebody wrote it down. Where it names training clips, a clip
            that is not in it belongs to no split.
        val_fraction: Share of the training clips that is drawn for validation.
        test_fraction: Share of all clips that is drawn for testing.
        seed: Another draw.
    """
    members = list(members)
    rest = "" if "train" in given.values() else "train"
    words = {member.name: given.get(member.name, rest) for member in members}
    if not given:
        words |= dict.fromkeys(draw(members, test_fraction, seed), "test")
    if "val" not in words.values():
        training = [member for member in members if words[member.name] == "train"]
        words |= dict.fromkeys(draw(training, val_fraction, seed + 1), "val")
    return words


def draw(members: list[Member], fraction: float, seed: int) -> list[str]:
    """Returns the names of a share of the clips: all clips of some subjects, or single clips.

    Subjects come in an order that depends on their numbers and the seed alone, so more clips of
    the same subjects do not mix the parts. They are taken until the share is reached, and never
    all of them.
    """
    by_subject = all(member.subject is not None for member in members)
    units: dict[str, list[str]] = defaultdict(list)
    for name, subject in members:
        units[str(subject) if by_subject else name].append(name)
    order = sorted(units, key=lambda unit: _hash(f"{seed} {unit}"))
    wanted = math.ceil(fraction * len(members))
    taken: list[str] = []
    for unit in order[:-1]:
        if len(taken) >= wanted:
            break
        taken += units[unit]
    return taken


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def in_split(word: str, split: str) -> bool:
    """Whether a clip that is for `word` is part of a split."""
    return split == "all" or word == split or (split == "trainval" and word in ("train", "val"))
