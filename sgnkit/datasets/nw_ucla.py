"""Northwestern-UCLA Multiview Action 3D: ten actions, ten subjects, three Kinect cameras."""

from __future__ import annotations

import os
import tempfile
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from sgnkit.data import SkeletonData
from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets._nw_ucla_raw import ACTIONS, NUM_SUBJECTS, RawClip, fingerprint, read_clips
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["NWUCLA"]

_SPLITS = ("train", "val", "trainval", "test", "all")
_TRAIN_VIEWS = (1, 2)
_RAW_NAMES = ("all_sqe.zip", "nw-ucla.zip", "all_sqe/")
_NUM_CLIPS = 1484
_MAX_DOWNLOAD = 256 * 2**20
_TIMEOUT = 60.0


class NWUCLA(SkeletonDataset):
    r"""The Northwestern-UCLA Multiview Action 3D set from the
    ["Cross-view Action Modeling, Learning and Recognition"](https://arxiv.org/abs/1405.2941)
    paper: 1484 clips of 20 joints (layout `kinect20`), in metres, in the frame of the camera.

    | split | clips | what |
    |---|---|---|
    | `"trainval"` | 1020 | views 1 and 2: the official training set |
    | `"train"` | 911 | the same without ``val_subjects`` |
    | `"val"` | 109 | the same, ``val_subjects`` only |
    | `"test"` | 464, clean 369 | view 3: the official test set |
    | `"all"` | 1484, clean 1389 | all views |

    95 of the 464 official test clips (all of actions 2 and 3) are copies of training clips, bit by
    bit. They are found by comparing the data when the raw files are read. Each clip carries the
    answer as ``data.duplicate``, so one pass gives both figures.

    Args:
        root: Folder of the data, or the archive itself. Taken is what is there first:
            `raw/all_sqe.zip`, `raw/nw-ucla.zip`, the unpacked folder `raw/all_sqe/`, then the same
            three names directly in the folder. If nothing is there, `raw/all_sqe.zip` is
            downloaded.
        split: One of the table above.
        test: `"standard"` keeps all clips, `"clean"` leaves out the test clips that are copies of
            training clips.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw data again.
        val_subjects: Subjects whose training clips are for validation. Subject 5 is the default
            because only 10 test clips are his.
        processed_root: Folder for `processed/`; the default is ``root``. Needed where ``root`` is
            read-only.

    Raises:
        sgnkit.errors.DataError: If the data cannot be found, downloaded, read or stored. The
            message names archive, member and key, and the way out.
        ValueError: If an argument is not legal.

    Note:
        Two clips have a single frame. In two others six joints lie at the origin in one frame:
        Kinect's way to say "not tracked", so their `mask` is False there.

    Examples:
        >>> train = NWUCLA("data/nw_ucla", split="train")  # doctest: +SKIP
        >>> test = NWUCLA("data/nw_ucla", split="test")  # doctest: +SKIP
        >>> sum(data.duplicate for data in test)  # doctest: +SKIP
        95
    """

    url = "https://www.dropbox.com/s/10pcm4pksjy6mkq/all_sqe.zip?dl=1"
    page = "https://wangjiangb.github.io/my_data.html"
    layout = get_layout("kinect20")
    class_names = tuple(ACTIONS.values())

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        test: str = "standard",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        val_subjects: Sequence[int] = (5,),
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        if split not in _SPLITS:
            raise ValueError(f"NWUCLA: split must be one of {', '.join(_SPLITS)}, got {split!r}")
        if test not in ("standard", "clean"):
            raise ValueError(f"NWUCLA: test must be 'standard' or 'clean', got {test!r}")
        self.split = split
        self.test = test
        self.val_subjects = _check_subjects(val_subjects, split)
        given = Path(root).expanduser().absolute()
        self._archive = given if given.is_file() else None
        self._folder = given.parent if given.is_file() else given
        self._processed_root = self._folder
        if processed_root is not None:
            self._processed_root = Path(processed_root).expanduser().absolute()
        self._prepare(force_reload)
        super().__init__(str(self._folder), transform, pre_transform, pre_filter, force_reload)
        self.load(self.processed_paths[0])
        self.keep(self._wanted)
        if len(self) == 0:
            raise DataError(
                f"NWUCLA: split {split!r} has no clip",
                file=self.processed_paths[0],
                expected="clips of the official set",
                found="none after pre_filter and the choice of views and subjects",
                remedy="check val_subjects, pre_filter, and that the raw data are complete",
            )

    @property
    def raw_dir(self) -> str:
        """Folder into which the archive is downloaded."""
        return str(self._folder / "raw")

    @property
    def processed_dir(self) -> str:
        """Folder of the processed file."""
        return str(self._processed_root / "processed")

    @property
    def raw_file_names(self) -> list[str]:
        """The raw data that were found, or else the archive to download."""
        return [str(self._find_raw() or "all_sqe.zip")]

    @property
    def processed_file_names(self) -> list[str]:
        """The index of all clips; the splits are chosen when it is read."""
        return ["nw_ucla_v2.json"]

    @property
    def has_download(self) -> bool:
        """Whether there is a need to download anything."""
        processed = Path(self.processed_paths[0]).is_file() and not self.force_reload
        return not processed and self._find_raw() is None

    def download(self) -> None:
        """Downloads the archive, whole or not at all."""
        target = Path(self.raw_dir) / "all_sqe.zip"
        part = target.with_name(f"all_sqe.zip.{os.getpid()}.part")
        try:
            source = urllib.request.urlopen(self.url, timeout=_TIMEOUT)
            with source, part.open("wb") as file:
                while chunk := source.read(2**20):
                    file.write(chunk)
                    if file.tell() > _MAX_DOWNLOAD:
                        raise ValueError(f"more than {_MAX_DOWNLOAD} bytes")
            read_clips(part)
            part.replace(target)
        except Exception as error:
            found = f"{type(error).__name__}: {str(error).replace(chr(10), ';')}"
            raise DataError(
                "NWUCLA: no raw data were found, and they could not be downloaded",
                file=self._folder,
                expected=f"one of {', '.join(_RAW_NAMES)}, here or in the folder raw",
                found=f"none of them; {self.url} gave {found}",
                remedy=f"open that address in a browser (the set's own page is {self.page}) and "
                f"put all_sqe.zip into {self.raw_dir}",
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def process(self) -> None:
        """Reads the raw data, marks test clips that are copies, and stores all clips."""
        raw = read_clips(Path(self.raw_paths[0]))
        if len(raw) != _NUM_CLIPS:
            warnings.warn(
                f"NWUCLA: {self.raw_paths[0]} holds {len(raw)} clips, the official set "
                f"{_NUM_CLIPS}; accuracies will not compare with published ones",
                stacklevel=2,
            )
        self.save(self._read(raw), self.processed_paths[0])

    def _read(self, raw: list[RawClip]) -> Iterator[SkeletonData]:
        trained = {fingerprint(clip.skeletons) for clip in raw if clip.view in _TRAIN_VIEWS}
        for clip in raw:
            data = SkeletonData.from_array(
                clip.skeletons.astype("float32"),
                self.layout,
                axes="TVC",
                y=clip.label,
                name=clip.name,
                missing="zeros",
                subject=clip.subject,
                camera=clip.view,
            )
            is_test = clip.view not in _TRAIN_VIEWS
            data.duplicate = is_test and fingerprint(clip.skeletons) in trained
            if self.pre_filter is None or self.pre_filter(data):
                yield data if self.pre_transform is None else self.pre_transform(data)

    def _find_raw(self) -> Path | None:
        """Returns the archive or folder to read, if there is one."""
        if self._archive is not None:
            return self._archive
        for folder in (self._folder / "raw", self._folder):
            for name in _RAW_NAMES:
                path = folder / name
                if path.is_dir() if name.endswith("/") else path.is_file():
                    return path
        return None

    def _prepare(self, force_reload: bool) -> None:
        """Makes sure of what PyG is about to read and write, with a better word than PyG's."""
        folder = Path(self.processed_dir)
        if not force_reload:
            for note in ("pre_transform.pt", "pre_filter.pt"):
                _check_note(folder / note)
            if Path(self.processed_paths[0]).is_file():
                return
        try:
            above = next(path for path in (folder, *folder.parents) if path.exists())
            if not above.stat().st_mode & 0o222:  # root could write, but is asked not to
                raise PermissionError(f"{above} is marked as read-only")
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise DataError(
                "NWUCLA: the processed clips cannot be stored",
                file=folder,
                expected="a folder that can be written",
                found=f"{type(error).__name__}: {error}",
                remedy="name another folder with NWUCLA(root, processed_root=...)",
            ) from error

    def _wanted(self, clip: Any) -> bool:
        if self.test == "clean" and clip.duplicate:
            return False
        if self.split == "all":
            return True
        if clip.camera not in _TRAIN_VIEWS:
            return self.split == "test"
        if self.split in ("train", "val"):
            return (clip.subject in self.val_subjects) == (self.split == "val")
        return self.split == "trainval"


def _check_subjects(subjects: Sequence[int], split: str) -> tuple[int, ...]:
    chosen = tuple(sorted({int(subject) for subject in subjects}))
    if not all(1 <= subject <= NUM_SUBJECTS for subject in chosen):
        raise ValueError(f"NWUCLA: val_subjects must be from 1 to {NUM_SUBJECTS}, got {subjects!r}")
    if (split == "val" and not chosen) or (split == "train" and len(chosen) == NUM_SUBJECTS):
        raise ValueError(f"NWUCLA: val_subjects={subjects!r} leave no clip for split {split!r}")
    return chosen


def _check_note(path: Path) -> None:
    """Refuses a note of PyG that is more than text: PyG would run code that it holds."""
    if not path.exists():
        return
    try:
        found = type(torch.load(path, weights_only=True)).__name__
    except Exception as error:
        found = f"{type(error).__name__}, a file that may hold code"
    if found != "str":
        raise DataError(
            "NWUCLA: a file among the processed ones is not PyG's",
            file=path,
            expected="a stored text",
            found=found,
            remedy="delete the folder, and do not use processed files of others",
        )
