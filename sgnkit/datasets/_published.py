"""Base of the published sets: the user brings their files, whose number is known."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sgnkit.datasets._source_dataset import SourceDataset
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError

__all__ = ["PublishedSet", "check_subjects"]


class PublishedSet(SourceDataset):
    """Looks for the raw files of a set in the usual places and compares their number.

    A subclass sets the attributes and defines `scan`, `holds_raw` and `wanted`.

    Attributes:
        raw_names: Archives, and folders with a `/` at the end, to look for in this order.
        remedy: Where the raw files come from.
        num_clips: Number of clips of the official set.
    """

    raw_names: tuple[str, ...]
    remedy: str
    num_clips: int

    def scan(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an archive or folder."""
        raise NotImplementedError

    def holds_raw(self, folder: Path) -> bool:
        """Whether the raw files lie in a folder itself, under none of the `raw_names`."""
        raise NotImplementedError

    def find_raw(self) -> Path:
        """Returns the archive or folder to read: in `raw` or the root, or the root itself.

        Raises:
            sgnkit.errors.DataError: If there is none.
        """
        if self.given.is_file():
            return self.given
        for folder in (self.given / "raw", self.given):
            for name in self.raw_names:
                path = folder / name
                if path.is_dir() if name.endswith("/") else path.is_file():
                    return path
            if folder.is_dir() and self.holds_raw(folder):
                return folder
        raise DataError(
            f"{type(self).__name__}: no raw data were found",
            file=self.given,
            expected=f"one of {', '.join(self.raw_names)}, here or in the folder raw",
            found="none of them" if self.given.is_dir() else "nothing of that name",
            remedy=self.remedy,
        )

    def sources(self) -> Iterator[Source]:
        """Finds the clips in the raw data and counts them."""
        self._found = 0
        for source in self.scan(self.find_raw()):
            self._found += 1
            yield source

    def notes(self) -> dict[str, Any]:
        """Returns the number of clips that were found, damaged ones included."""
        return {"found": self._found}

    def restore(self, notes: dict[str, Any]) -> None:
        """Warns if that is not the number of the official set."""
        found = notes.get("found")
        if found != self.num_clips:
            warnings.warn(
                f"{type(self).__name__}: {self.given} held {found} clips when it was read, the "
                f"official set has {self.num_clips}; accuracies will not compare with published "
                "ones. Pass force_reload=True once it is complete",
                stacklevel=4,
            )

    def _prepare(self) -> None:
        self.find_raw()
        super()._prepare()


def check_subjects(
    owner: str, subjects: Sequence[int], split: str, legal: Sequence[int]
) -> tuple[int, ...]:
    """Returns the subjects for validation, if they are training subjects and leave some."""
    chosen = tuple(sorted({int(subject) for subject in subjects}))
    if not set(chosen) <= set(legal):
        known = ", ".join(map(str, legal))
        raise ValueError(f"{owner}: val_subjects must be of {known}, got {subjects!r}")
    if (split == "val" and not chosen) or (split == "train" and len(chosen) == len(set(legal))):
        raise ValueError(f"{owner}: val_subjects={subjects!r} leave no clip for split {split!r}")
    return chosen
