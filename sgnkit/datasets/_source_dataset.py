"""What datasets of raw files share: where files lie, reading once, skipped clips, splits."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets._safe import reason, whole_file
from sgnkit.datasets._sources import Source, check_on_error, one_line, read_all, warn_skipped
from sgnkit.errors import DataError

__all__ = ["SPLITS", "SourceDataset", "check_choice"]

SPLITS = ("train", "val", "trainval", "test", "all")


class SourceDataset(SkeletonDataset):
    """Base of the datasets that read raw files.

    The raw files are read once and stored in `processed/`, all splits together. They are read
    again when they, the options of the reader, ``pre_transform`` or ``pre_filter`` changed. A
    subclass sets `layout` and `class_names` and defines `sources` and `wanted`.

    Args:
        root: Folder or file of the raw data.
        split: One of `"train"`, `"val"`, `"trainval"`, `"test"`, `"all"`.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw data in any case.
        on_error: `"raise"` stops at the first clip that cannot be read, `"skip"` leaves such clips
            out and warns of each.
        processed_root: Folder for `processed/`; the default is ``root``, or the folder it is in.
        options: What else decides about the stored clips; its `repr` is compared.

    Attributes:
        skipped: What was wrong with each clip that was left out, by its name.
    """

    name = "clips"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "all",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
        options: object = None,
    ) -> None:
        self.split = check_choice(type(self).__name__, "split", split, SPLITS)
        self.on_error = check_on_error(on_error)
        self.given = Path(root).expanduser().absolute()
        self.folder = self.given.parent if self.given.is_file() else self.given
        place = self.folder if processed_root is None else Path(processed_root)
        self._processed_root = place.expanduser().absolute()
        self._options = repr(options)
        self.skipped: dict[str, str] = {}
        notes = None if force_reload else self._read_notes([pre_transform, pre_filter])
        if notes is None:
            self._prepare()
        else:
            for note in ("pre_transform.pt", "pre_filter.pt"):
                check_note(Path(self.processed_dir) / note, type(self).__name__)
            self.skipped = notes["skipped"]
            if self.skipped:
                warn_skipped([f"{name}: {line}" for name, line in self.skipped.items()])
        super().__init__(
            str(self.folder), transform, pre_transform, pre_filter, force_reload or notes is None
        )
        self.load(self.processed_paths[0])
        self.restore(self._read_notes([pre_transform, pre_filter]) or {})
        self.keep(self.wanted)
        if len(self) == 0:
            raise DataError(
                f"{type(self).__name__}: split {split!r} has no clip",
                file=self.given,
                expected="at least one clip",
                found=f"none of {self.len()} clips",
                remedy="check the rule of the splits, pre_filter, and the raw data",
            )

    def sources(self) -> Iterable[Source]:
        """Finds the clips in the raw data."""
        raise NotImplementedError

    def wanted(self, clip: Any) -> bool:
        """Whether a stored clip is part of the split; only what is asked of it is read."""
        return True

    def stamp(self) -> object:
        """Anything that changes when the raw data change; its `repr` is compared."""
        return None

    def notes(self) -> dict[str, Any]:
        """What `restore` needs beside the clips, as plain values."""
        return {}

    def restore(self, notes: dict[str, Any]) -> None:
        """Takes back what `notes` gave when the raw data were read."""

    @property
    def processed_dir(self) -> str:
        """Folder of the processed files."""
        return str(self._processed_root / "processed")

    @property
    def raw_file_names(self) -> list[str]:
        """The raw data."""
        return [str(self.given)]

    @property
    def processed_file_names(self) -> list[str]:
        """The index of all clips; the splits are chosen when it is read."""
        digest = hashlib.sha256(self._options.encode()).hexdigest()[:8]
        return [f"{self.name}_{digest}.json"]

    def process(self) -> None:
        """Reads the raw data and stores all clips."""
        skipped: dict[str, DataError] = {}
        self.save(self._clips_read(skipped), self.processed_paths[0])
        self.skipped = {name: one_line(error) for name, error in skipped.items()}
        notes = {
            "identity": self._identity([self.pre_transform, self.pre_filter]),
            "skipped": self.skipped,
            **self.notes(),
        }
        with whole_file(self._notes_path) as part:
            part.write_text(json.dumps(notes), encoding="utf-8")

    def _clips_read(self, skipped: dict[str, DataError]) -> Iterator[SkeletonData]:
        for data in read_all(self.sources(), self.on_error, skipped):
            if self.pre_filter is None or self.pre_filter(data):
                yield data if self.pre_transform is None else self.pre_transform(data)

    @property
    def _notes_path(self) -> Path:
        return Path(self.processed_paths[0]).with_suffix(".notes.json")

    def _identity(self, steps: list[Any]) -> str:
        """Returns a digest of all that decides about the stored clips."""
        names = [repr(step).split(" at 0x")[0] for step in steps]
        text = "\n".join([self._options, repr(self.stamp()), *names])
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    def _read_notes(self, steps: list[Any]) -> dict[str, Any] | None:
        """Returns the notes about the stored clips if these are still right."""
        try:
            notes = json.loads(self._notes_path.read_text(encoding="utf-8"))
            right = notes["identity"] == self._identity(steps)
            skipped = {str(name): str(line) for name, line in notes["skipped"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        if not right or not Path(self.processed_paths[0]).exists():
            return None
        return None if skipped and self.on_error == "raise" else {**notes, "skipped": skipped}

    def _prepare(self) -> None:
        """Makes sure of what is about to be read and written, with a better word than PyG's."""
        if not self.given.exists():
            raise DataError(
                f"{type(self).__name__}: there are no raw data",
                file=self.given,
                expected="a file or a folder",
                found="nothing of that name",
                remedy="check the path",
            )
        check_writable(Path(self.processed_dir), type(self).__name__)


def check_choice(owner: str, argument: str, value: str, legal: tuple[str, ...]) -> str:
    """Returns an argument if it is one of the legal words."""
    if value not in legal:
        raise ValueError(f"{owner}: {argument} must be one of {', '.join(legal)}, got {value!r}")
    return value


def check_writable(folder: Path, owner: str) -> None:
    """Makes a folder, and makes sure that a file can be written there."""
    try:
        above = next(path for path in (folder, *folder.parents) if path.exists())
        if not above.stat().st_mode & 0o222:  # root could write, but is asked not to
            raise PermissionError(f"{above} is marked as read-only")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"{owner}: the processed clips cannot be stored",
            file=folder,
            expected="a folder that can be written",
            found=reason(error),
            remedy=f"name another folder with {owner}(root, processed_root=...)",
        ) from error


def check_note(path: Path, owner: str) -> None:
    """Refuses a note of PyG that is more than text: PyG would run code that it holds."""
    if not path.exists():
        return
    try:
        found = type(torch.load(path, weights_only=True)).__name__
    except Exception as error:
        found = f"{type(error).__name__}, a file that may hold code"
    if found != "str":
        raise DataError(
            f"{owner}: a file among the processed ones is not PyG's",
            file=path,
            expected="a stored text",
            found=found,
            remedy="delete the folder, and do not use processed files of others",
        )
