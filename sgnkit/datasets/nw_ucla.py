"""Northwestern-UCLA Multiview Action 3D: ten actions, ten subjects, three Kinect cameras."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sgnkit.datasets._nw_ucla_raw import ACTIONS, NUM_SUBJECTS, TRAIN_VIEWS, scan_nw_ucla
from sgnkit.datasets._published import PublishedSet, check_subjects
from sgnkit.datasets._safe import whole_file
from sgnkit.datasets._source_dataset import check_choice
from sgnkit.datasets._sources import Source
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["NWUCLA"]

_MAX_DOWNLOAD = 256 * 2**20
_TIMEOUT = 60.0


class NWUCLA(PublishedSet):
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
        val_view: Training view whose clips are for validation in the place of those subjects, 1 or
            2. It asks what the test asks, for a view that was never seen, and leaves the test
            clips alone.
        on_error: `"raise"` stops at a damaged file; `"skip"` leaves it out, and warns of each;
            `skipped` lists them.
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

    name = "nw_ucla"
    layout = get_layout("kinect20")
    class_names = tuple(ACTIONS.values())
    num_clips = 1484
    raw_names = ("all_sqe.zip", "nw-ucla.zip", "all_sqe/")
    url = "https://www.dropbox.com/s/10pcm4pksjy6mkq/all_sqe.zip?dl=1"
    page = "https://wangjiangb.github.io/my_data.html"
    remedy = f"get all_sqe.zip, see {page}, and put it there"

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
        val_view: int | None = None,
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        self.test = check_choice("NWUCLA", "test", test, ("standard", "clean"))
        subjects = range(1, NUM_SUBJECTS + 1)
        self.val_subjects = check_subjects("NWUCLA", val_subjects, split, subjects)
        if val_view is not None and val_view not in TRAIN_VIEWS:
            views = " or ".join(map(str, TRAIN_VIEWS))
            raise ValueError(f"NWUCLA: val_view must be {views}, got {val_view!r}")
        self.val_view = val_view
        super().__init__(
            *(root, split, transform, pre_transform, pre_filter, force_reload),
            on_error=on_error,
            processed_root=processed_root,
        )

    def scan(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an archive or folder."""
        return scan_nw_ucla(path)

    def holds_raw(self, folder: Path) -> bool:
        """Whether there are clips in a folder."""
        return next(folder.glob("a*_s*_e*_v*.json"), None) is not None

    def wanted(self, clip: Any) -> bool:
        """Whether a stored clip is part of the split."""
        if self.test == "clean" and clip.duplicate:
            return False
        if self.split == "all":
            return True
        if clip.camera not in TRAIN_VIEWS:
            return self.split == "test"
        if self.split in ("train", "val"):
            by_view = self.val_view is not None
            held = clip.camera == self.val_view if by_view else clip.subject in self.val_subjects
            return bool(held == (self.split == "val"))
        return self.split == "trainval"

    def download(self) -> None:
        """Downloads the archive, whole or not at all."""
        folder = self.given / "raw"
        try:
            source = urllib.request.urlopen(self.url, timeout=_TIMEOUT)
            with source, whole_file(folder / "all_sqe.zip") as part:
                with part.open("wb") as file:
                    while chunk := source.read(2**20):
                        file.write(chunk)
                        if file.tell() > _MAX_DOWNLOAD:
                            raise ValueError(f"more than {_MAX_DOWNLOAD} bytes")
                for clip in scan_nw_ucla(part):
                    clip.read()
        except Exception as error:
            found = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise DataError(
                "NWUCLA: no raw data were found, and they could not be downloaded",
                file=self.given,
                expected=f"one of {', '.join(self.raw_names)}, here or in the folder raw",
                found=f"none of them; {self.url} gave {found}",
                remedy=f"open that address in a browser (the set's own page is {self.page}) and "
                f"put all_sqe.zip into {folder}",
            ) from error

    def _prepare(self) -> None:
        try:
            self.find_raw()
        except DataError:
            self.download()
        super()._prepare()
