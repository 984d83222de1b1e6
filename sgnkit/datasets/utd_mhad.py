"""UTD-MHAD: 27 actions, eight subjects, one Kinect camera."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sgnkit.data import SkeletonData
from sgnkit.datasets._published import PublishedSet, check_subjects
from sgnkit.datasets._sources import Source
from sgnkit.datasets._utd_mhad_raw import ACTIONS, TRAIN_SUBJECTS, scan_utd_mhad
from sgnkit.layout import get_layout

__all__ = ["UTDMHAD"]


class UTDMHAD(PublishedSet):
    r"""The skeletons of UTD-MHAD from the ["UTD-MHAD: A Multimodal Dataset for Human Action
    Recognition Utilizing a Depth Camera and a Wearable Inertial
    Sensor"](https://doi.org/10.1109/ICIP.2015.7350781) paper: 861 clips of 20 joints (layout
    `utd_mhad20`), in metres, in the frame of a Kinect v1.

    | split | clips | what |
    |---|---|---|
    | `"trainval"` | 431 | subjects 1, 3, 5, 7: the standard training set |
    | `"train"` | 323 | the same without ``val_subjects`` |
    | `"val"` | 108 | the same, ``val_subjects`` only |
    | `"test"` | 430 | subjects 2, 4, 6, 8: the standard test set |
    | `"all"` | 861 | all subjects |

    Clips have 41 to 125 frames, 67 in the middle. Four takes of each action by each subject would
    make 864; `a8_s1_t4`, `a23_s6_t4` and `a27_s8_t4` were never part of the set.

    Args:
        root: Folder of the data, or the archive itself. Taken is what is there first:
            `Skeleton.zip`, `utd-mhad.zip`, the unpacked folder `Skeleton/`, then `.mat` files,
            each in the folder `raw` before the root itself.
        split: One of the table above.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw files again.
        val_subjects: Subjects of the training set whose clips are for validation.
        on_error: `"raise"` stops at a damaged file; `"skip"` leaves it out, and warns of each;
            `skipped` lists them.
        processed_root: Folder for `processed/`; the default is ``root``. Needed where ``root`` is
            read-only.

    Raises:
        sgnkit.errors.DataError: If the data cannot be found, read or stored. The message names
            file and place, and the way out.
        ValueError: If an argument is not legal.

    Examples:
        >>> train = UTDMHAD("data/utd_mhad", split="train")  # doctest: +SKIP
        >>> train.class_names[train[0].y]  # doctest: +SKIP
        'draw circle clockwise'
    """

    name = "utd_mhad"
    layout = get_layout("utd_mhad20")
    class_names = ACTIONS
    num_clips = 861
    raw_names = ("Skeleton.zip", "utd-mhad.zip", "Skeleton/")
    page = "https://personal.utdallas.edu/~kehtar/UTD-MHAD.html"
    remedy = f"get Skeleton.zip from {page} and put it there"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        val_subjects: Sequence[int] = (7,),
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        self.val_subjects = check_subjects("UTDMHAD", val_subjects, split, TRAIN_SUBJECTS)
        super().__init__(
            *(root, split, transform, pre_transform, pre_filter, force_reload),
            on_error=on_error,
            processed_root=processed_root,
        )

    def scan(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an archive or folder."""
        return scan_utd_mhad(path)

    def holds_raw(self, folder: Path) -> bool:
        """Whether there are MATLAB files in a folder."""
        return next(folder.glob("a*_skeleton.mat"), None) is not None

    def wanted(self, clip: SkeletonData) -> bool:
        """Whether a stored clip is part of the split."""
        if self.split == "all":
            return True
        if clip.subject not in TRAIN_SUBJECTS:
            return self.split == "test"
        if self.split in ("train", "val"):
            return (clip.subject in self.val_subjects) == (self.split == "val")
        return self.split == "trainval"
