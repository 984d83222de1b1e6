"""A set of clips on disk, and what one look at each of them tells."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sgnkit.data import SkeletonData
from sgnkit.data_tools.pool import chunks, progress, spread
from sgnkit.datasets._sources import Source
from sgnkit.datasets.formats import FORMATS, Format, Parts, ScanOptions
from sgnkit.datasets.guess_format import guess_format
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts, register_layout

__all__ = ["ClipSet", "Look", "default_workers", "explained", "looks"]

_CHUNK = 32


@dataclass
class ClipSet:
    """The clips below a path, listed but not read.

    Args:
        path: File or folder.
        format: Name of its format; "auto" to tell it from the names.
        layout: Layout of the joints, by name or as a YAML file, where the files do not tell.
        num_classes: Number of classes, for sets that come in several forms.
        max_persons: Most persons of a clip, for formats that hold more.
    """

    path: Path
    format: str = "auto"
    layout: str | None = None
    num_classes: int | None = None
    max_persons: int | None = None
    options: ScanOptions = field(init=False)
    sources: list[Source] = field(init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path).expanduser().absolute()
        if not self.path.exists():
            raise DataError("there is nothing to read", file=self.path, remedy="check the path")
        if self.format == "auto":
            self.format = guess_format(self.path)
        if self.format not in FORMATS:
            raise DataError("unknown format", expected=", ".join(FORMATS), found=repr(self.format))
        layout = None if self.layout is None else _read_layout(self.layout)
        self.options = ScanOptions(layout, self.num_classes, self.max_persons)
        self.sources = list(self.about.scan(self.path, self.options))

    @property
    def about(self) -> Format:
        """The format."""
        return FORMATS[self.format]

    def parts(self) -> Parts:
        """Returns the rule that tells the parts of a clip; none of them where there is no rule."""
        rule = self.about.parts
        return (lambda clip: {}) if rule is None else rule(self.path, self.options)


def _read_layout(layout: str) -> SkeletonLayout:
    if layout not in list_layouts() and Path(layout).suffix in (".yaml", ".yml"):
        return register_layout(SkeletonLayout.from_yaml(layout), overwrite=True)
    try:
        return get_layout(layout)
    except ValueError as error:
        raise DataError(
            str(error), remedy="name a registered layout, or a YAML file that ends with .yaml"
        ) from error


@dataclass(frozen=True)
class Look:
    """What one look at a clip tells; of a damaged one, only what is wrong with it.

    Attributes:
        name: Name of the clip.
        file: File that holds it.
        error: Parts of the error message, or nothing.
        label: Class.
        subject: Number of the subject.
        camera: Number of the camera.
        setup: Number of the setup.
        layout: Layout of the joints.
        persons: Number of persons.
        frames: Number of frames.
        empty: Number of frames in which nobody was observed.
        unobserved: Number of joints that were not observed, over all frames and persons.
        low: Least of each coordinate.
        high: Greatest of each coordinate.
        print: Digest of the coordinates: equal if they are, bit by bit.
    """

    name: str
    file: str
    error: dict[str, str] | None = None
    label: int | None = None
    subject: int | None = None
    camera: int | None = None
    setup: int | None = None
    layout: str = ""
    persons: int = 0
    frames: int = 0
    empty: int = 0
    unobserved: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    print: str = ""


def looks(clips: ClipSet, workers: int | None = None, quiet: bool = False) -> Iterator[Look]:
    """Looks at each clip of a set, in several processes."""
    with progress(len(clips.sources), "reading", quiet) as bar:
        workers = default_workers(clips) if workers is None else workers
        for part in spread(_look_at_some, chunks(clips.sources, _CHUNK), workers):
            bar.update(len(part))
            yield from part


def default_workers(clips: ClipSet) -> int:
    """Returns a number of processes: starting them takes longer than to read some hundred clips."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(8, cores) if len(clips.sources) >= 2_000 else 1


def explained(error: DataError) -> dict[str, str]:
    """Returns the parts of an error message."""
    parts = ("what", "file", "place", "expected", "found", "remedy")
    return {key: str(value) for key in parts if (value := getattr(error, key)) is not None}


def _look_at_some(sources: Sequence[Source]) -> list[Look]:
    return [_look(source) for source in sources]


def _look(source: Source) -> Look:
    try:
        data = source.read()
    except DataError as error:
        return Look(source.name, str(source.file), error=explained(error))
    x, mask = data.x, data.mask
    seen = x[mask] if bool(mask.any()) else x.flatten(0, 1)
    digest = hashlib.sha256(repr(tuple(x.shape)).encode())
    digest.update(np.ascontiguousarray(x.float().numpy()).tobytes())
    known: dict[str, Any] = {k: int(data[k]) for k in ("subject", "camera", "setup") if k in data}
    return Look(
        source.name,
        str(source.file),
        label=_label(data),
        layout=data.layout,
        persons=data.num_persons,
        frames=x.size(1),
        empty=int((~mask.any(dim=0)).sum()),
        unobserved=int((~mask).sum()),
        low=tuple(seen.amin(dim=0).tolist()),
        high=tuple(seen.amax(dim=0).tolist()),
        print=digest.hexdigest(),
        **known,
    )


def _label(data: SkeletonData) -> int | None:
    return None if data.y is None else int(data.y)
