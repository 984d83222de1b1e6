"""`sgnkit data check`: what a set holds, and what is wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sgnkit.data_tools.clip_set import ClipSet, Look, explained, looks
from sgnkit.errors import DataError

__all__ = ["CheckReport", "check"]

_ORDER = ("train", "val", "test")
_SHOWN = 10  # rows of each list in the text; all of them are in the JSON


@dataclass(frozen=True)
class CheckReport:
    """What was found.

    Attributes:
        path: File or folder.
        format: Name of the format.
        clips: Number of clips, damaged ones included.
        counts: Clips in each part of each protocol: `found`, and `known` of the official set.
        damaged: What is wrong with each clip that cannot be read, with place and remedy.
        empty_frames: Clips with frames in which nobody was observed.
        copies: Clips that are in one part and, bit by bit the same, in another one too.
        duplicates: Names of clips that are the same, within one part or not.
        two_labels: Clips that are the same and have different classes.
    """

    path: str
    format: str
    clips: int
    counts: dict[str, dict[str, dict[str, int | None]]]
    damaged: list[dict[str, str]]
    empty_frames: list[dict[str, Any]]
    copies: dict[str, list[dict[str, str]]]
    duplicates: list[list[str]]
    two_labels: list[dict[str, int | None]]

    @property
    def healthy(self) -> bool:
        """Whether nothing is damaged: all clips can be read, none has two labels."""
        return not self.damaged and not self.two_labels

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return {"healthy": self.healthy, **asdict(self)}

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.clips} clips, format {self.format}", *self._counts()]
        lines += _list(
            "damaged", [" ".join(f"{k}: {v}" for k, v in row.items()) for row in self.damaged]
        )
        lines += _list(
            "with empty frames",
            [f"{row['clip']}: {row['empty']} of {row['frames']}" for row in self.empty_frames],
        )
        for protocol, rows in self.copies.items():
            where = f" ({protocol})" if protocol else ""
            lines += _list(
                f"copied across splits{where}",
                [f"{r['clip']} in {r['part']} is {r['copy_of']} in {r['of_part']}" for r in rows],
            )
        lines += _list("groups of clips that are the same", [", ".join(g) for g in self.duplicates])
        lines += _list(
            "same clip under two labels",
            [", ".join(f"{n}: class {y}" for n, y in row.items()) for row in self.two_labels],
        )
        return "\n".join([*lines, "", "healthy" if self.healthy else "DAMAGED"])

    def _counts(self) -> list[str]:
        rows = []
        for protocol, parts in self.counts.items():
            for part, count in parts.items():
                found, known = count["found"], count["known"]
                told = "" if known is None else f"  known {known:>6}"
                verdict = "" if known in (None, found) else "  NOT THE SAME"
                rows.append(f"  {protocol:<8} {part:<6} {found:>6}{told}{verdict}")
        return ["", "clips per split:", *rows] if rows else []


def _list(what: str, rows: list[str]) -> list[str]:
    if not rows:
        return ["", f"{what}: none"]
    more = [f"  and {len(rows) - _SHOWN} more, see --json"] if len(rows) > _SHOWN else []
    return ["", f"{what}: {len(rows)}", *(f"  {row}" for row in rows[:_SHOWN]), *more]


def check(
    path: Path, format: str = "auto", workers: int | None = None, quiet: bool = True, **options: Any
) -> CheckReport:
    """Reads every clip of a set and compares all of them.

    Two clips are the same if all their coordinates are, bit by bit.

    Args:
        path: File or folder.
        format: Name of its format; "auto" to tell it from the names.
        workers: Number of processes; None for as many as there are cores if the set is large.
        quiet: Whether to draw no bar.
        **options: More arguments of [`ClipSet`][sgnkit.data_tools.clip_set.ClipSet].

    Raises:
        sgnkit.errors.DataError: If there is nothing to read or the format is not known.
    """
    try:
        clips = ClipSet(path, format, **options)
    except DataError as error:
        if not Path(path).exists() or error.file is None or "format" in error.what:
            raise
        nothing: dict[str, Any] = {"counts": {}, "copies": {}}
        lists = ("empty_frames", "duplicates", "two_labels")
        nothing.update({key: [] for key in lists})
        return CheckReport(str(path), format, 0, damaged=[explained(error)], **nothing)
    found = list(looks(clips, workers, quiet))
    whole, damaged = _sort(found)
    rule = clips.parts()
    parts = {look.name: rule(look) for look in whole}
    same = defaultdict(list)
    for look in whole:
        same[look.print].append(look)
    groups = [group for group in same.values() if len(group) > 1]
    return CheckReport(
        path=str(path),
        format=clips.format,
        clips=len(found),
        counts=_counts(parts.values(), clips.about.known(clips.options)),
        damaged=damaged,
        empty_frames=[
            {"clip": look.name, "empty": look.empty, "frames": look.frames}
            for look in whole
            if look.empty
        ],
        copies=_copies(groups, parts),
        duplicates=[[look.name for look in group] for group in groups],
        two_labels=[
            {look.name: look.label for look in group}
            for group in groups
            if len({look.label for look in group}) > 1
        ],
    )


def _sort(found: list[Look]) -> tuple[list[Look], list[dict[str, str]]]:
    """Returns the whole clips, and what is wrong with the others; a second name is wrong, too."""
    whole: dict[str, Look] = {}
    damaged = []
    for look in found:
        if look.error is not None:
            damaged.append({"clip": look.name, **look.error})
        elif look.name in whole:
            damaged.append(
                {
                    "clip": look.name,
                    "what": "two clips have the same name",
                    "file": look.file,
                    "found": f"the same name in {whole[look.name].file}",
                    "remedy": "rename or remove one of the two",
                }
            )
        else:
            whole[look.name] = look
    return list(whole.values()), damaged


def _counts(
    parts: Iterable[Mapping[str, str]], known: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, dict[str, int | None]]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in parts:
        for protocol, part in clip.items():
            found[protocol][part] += 1
    counts: dict[str, dict[str, dict[str, int | None]]] = {}
    for protocol in [*known, *(p for p in sorted(found) if p not in known)]:
        official = known.get(protocol, {})
        names = {*official, *found[protocol]}
        counts[protocol] = {
            part: {"found": found[protocol][part], "known": official.get(part)}
            for part in sorted(names, key=_rank)
        }
    return counts


def _rank(part: str) -> tuple[int, str]:
    return (_ORDER.index(part) if part in _ORDER else len(_ORDER), part)


def _copies(
    groups: list[list[Look]], parts: Mapping[str, Mapping[str, str]]
) -> dict[str, list[dict[str, str]]]:
    """Returns for each protocol the clips that are in an earlier part, too."""
    protocols = {protocol: None for clip in parts.values() for protocol in clip}
    copies: dict[str, list[dict[str, str]]] = {protocol: [] for protocol in protocols}
    for protocol in protocols:
        for group in groups:
            members = [look.name for look in group if protocol in parts[look.name]]
            members.sort(key=lambda name: _rank(parts[name][protocol]))
            for name in members[1:]:
                part, first = parts[name][protocol], members[0]
                if part != parts[first][protocol]:
                    copies[protocol].append(
                        {
                            "clip": name,
                            "part": part,
                            "copy_of": first,
                            "of_part": parts[first][protocol],
                        }
                    )
    return copies
