"""`sgnkit data stats`: numbers about a set."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from sgnkit.data_tools.clip_set import ClipSet, Look, looks
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["as_text", "stats"]


def stats(
    path: Path, format: str = "auto", workers: int | None = None, quiet: bool = True, **options: Any
) -> dict[str, Any]:
    """Counts clips, classes, persons and frames of a set; damaged clips are counted, too.

    Args:
        path: File or folder.
        format: Name of its format; "auto" to tell it from the names.
        workers: Number of processes; None for as many as there are cores if the set is large.
        quiet: Whether to draw no bar.
        **options: More arguments of [`ClipSet`][sgnkit.data_tools.clip_set.ClipSet].

    Returns:
        Plain values by name.

    Raises:
        sgnkit.errors.DataError: If there is no clip that can be read.
    """
    clips = ClipSet(path, format, **options)
    found = list(looks(clips, workers, quiet))
    whole = [look for look in found if look.error is None]
    if not whole:
        raise DataError(
            "no clip can be read",
            file=path,
            found=f"{len(found)} clips",
            remedy="sgnkit data check tells what is wrong",
        )
    frames = sorted(look.frames for look in whole)
    joints = sum(_joints(look) for look in whole)
    names = clips.about.class_names(clips.path, clips.options)
    return {
        "path": str(path),
        "format": clips.format,
        "clips": len(whole),
        "damaged": len(found) - len(whole),
        "layouts": dict(Counter(look.layout for look in whole)),
        "classes": _classes(whole, names),
        "persons": _counted([look.persons for look in whole]),
        "frames": {
            "least": frames[0],
            "median": statistics.median(frames),
            "most": frames[-1],
            "all": sum(frames),
            "empty": sum(look.empty for look in whole),
        },
        "unobserved": sum(look.unobserved for look in whole) / joints,
        "coordinates": _range(whole),
        **{
            key: _counted([v for look in whole if (v := getattr(look, key)) is not None])
            for key in ("subject", "camera", "setup")
        },
    }


def _joints(look: Look) -> int:
    return look.frames * look.persons * get_layout(look.layout).num_joints


def _counted(values: list[int]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items())}


def _classes(whole: list[Look], names: tuple[str, ...] | None) -> dict[str, int]:
    counts = Counter(look.label for look in whole if look.label is not None)
    return {
        names[label] if names and label < len(names) else str(label): count
        for label, count in sorted(counts.items())
    }


def _range(whole: list[Look]) -> dict[str, list[float]]:
    channels = min(len(look.low) for look in whole)
    return {
        "xyz"[c] if channels <= 3 else str(c): [
            min(look.low[c] for look in whole),
            max(look.high[c] for look in whole),
        ]
        for c in range(channels)
    }


def as_text(found: dict[str, Any]) -> str:
    """Returns the numbers for a reader."""
    frames = found["frames"]
    rows = [
        ("clips", f"{found['clips']}, and {found['damaged']} damaged"),
        ("layout", _few(found["layouts"])),
        ("classes", f"{len(found['classes'])}: {_few(found['classes'])}"),
        ("persons", _few(found["persons"])),
        (
            "frames",
            f"{frames['least']} to {frames['most']}, median {frames['median']:g}, "
            f"{frames['all']} in all, {frames['empty']} empty",
        ),
        ("unobserved", f"{found['unobserved']:.2%} of the joints"),
        *((k, f"{low:.3f} to {high:.3f}") for k, (low, high) in found["coordinates"].items()),
        *((f"{k}s", f"{len(found[k])}: {_few(found[k])}") for k in ("subject", "camera", "setup")),
    ]
    head = f"{found['path']}, format {found['format']}"
    return "\n".join([head, *(f"  {key:<11} {text}" for key, text in rows if text != "0: ")])


def _few(counts: dict[str, int], most: int = 12) -> str:
    parts = [f"{key} ({count})" for key, count in list(counts.items())[:most]]
    return ", ".join([*parts, "..."] if len(counts) > most else parts)
