"""SBU Kinect Interaction: eight interactions of two persons, five folds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sgnkit.data import SkeletonData
from sgnkit.datasets._published import PublishedSet
from sgnkit.datasets._sbu_raw import ACTIONS, FOLDS, PAIR_SETS, scan_sbu
from sgnkit.datasets._source_dataset import check_choice
from sgnkit.datasets._sources import Source
from sgnkit.layout import get_layout

__all__ = ["SBUInteraction"]


class SBUInteraction(PublishedSet):
    r"""The SBU Kinect Interaction set from the ["Two-person Interaction Detection Using Body-Pose
    Features and Multiple Instance Learning"](https://doi.org/10.1109/CVPRW.2012.6239234) paper:
    282 clips of two persons with 15 joints each (layout `sbu15`).

    The standard protocol is the mean over five folds of the 21 pair sets, each of which is one
    person acting on another.

    | split | what | clips with ``fold`` 1 to 5 |
    |---|---|---|
    | `"test"` | pair sets of the fold | 55, 52, 56, 54, 65 |
    | `"trainval"` | all but the test fold: the standard training set | 227, 230, 226, 228, 217 |
    | `"val"` | pair sets of the next fold; after 5 comes 1 | 52, 56, 54, 65, 55 |
    | `"train"` | the other three folds | 175, 174, 172, 163, 162 |
    | `"all"` | everything | 282 |

    The files hold image coordinates from 0 to 1 and a scaled depth. By default they are turned
    back into metres,

    $$
    \mathbf{x} = (1.28 - 2.56\,u,\ 0.96 - 1.92\,v,\ 1.28\,w),
    $$

    which is the Kinect frame of the other sets: $y$ up, the left of a person who faces the camera
    at negative $x$. In it rotations make sense, and bones keep their length when they turn.

    Note:
        The three factors go around with the set, and the data bear them out: over all frames the
        lengths of limbs vary by 11 % in these metres and by 15 % in the coordinates of the files,
        no other ratio of the axes makes them much steadier, and arms and legs come out as long as
        those of people.

    Clips have 10 to 46 frames, 23 in the middle. Both persons are there in every frame. The first
    one acts. `subject` is the place of the pair set in the sorted list, 1 to 21. The same seven
    people stand in all folds.

    Args:
        root: Folder of the data, or an archive of all of it. Taken is what is there first:
            `sbu.zip`, the folder `sbu/`, then unpacked pair sets such as `s01s02/`, each in the
            folder `raw` before the root itself.
        fold: The test fold, 1 to 5.
        split: One of the table above.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw files again.
        units: `"metres"`, or `"normalized"` for the coordinates as they are in the files.
        on_error: `"raise"` stops at a damaged file; `"skip"` leaves it out, and warns of each;
            `skipped` lists them.
        processed_root: Folder for `processed/`; the default is ``root``. Needed where ``root`` is
            read-only.

    Raises:
        sgnkit.errors.DataError: If the data cannot be found, read or stored. The message names
            file and place, and the way out.
        ValueError: If an argument is not legal.

    Examples:
        >>> train = SBUInteraction("data/sbu", fold=1, split="train")  # doctest: +SKIP
        >>> train[0].num_persons, train[0].x.shape  # doctest: +SKIP
        (2, torch.Size([30, 20, 3]))
    """

    name = "sbu"
    layout = get_layout("sbu15")
    class_names = ACTIONS
    num_clips = 282
    raw_names = ("sbu.zip", "sbu/")
    page = "https://www3.cs.stonybrook.edu/~kyun/research/kinect_interaction/index.html"
    remedy = f"get the archives of the pair sets from {page} and unpack them there"

    def __init__(
        self,
        root: str | os.PathLike[str],
        fold: int = 1,
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        units: str = "metres",
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        if fold not in range(1, len(FOLDS) + 1):
            raise ValueError(f"SBUInteraction: fold must be 1 to {len(FOLDS)}, got {fold!r}")
        self.fold = fold
        self.units = check_choice("SBUInteraction", "units", units, ("metres", "normalized"))
        super().__init__(
            *(root, split, transform, pre_transform, pre_filter, force_reload),
            on_error=on_error,
            processed_root=processed_root,
            options=units,
        )

    def scan(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an archive or folder."""
        return scan_sbu(path, self.units)

    def holds_raw(self, folder: Path) -> bool:
        """Whether a folder has that of a pair set, or is one."""
        return folder.name in PAIR_SETS or any((folder / pair).is_dir() for pair in PAIR_SETS)

    def wanted(self, clip: SkeletonData) -> bool:
        """Whether a stored clip is part of the split."""
        number = next(i for i, sets in enumerate(FOLDS, start=1) if clip.subject in sets)
        if number == self.fold:
            return self.split in ("test", "all")
        if number == self.fold % len(FOLDS) + 1:
            return self.split in ("val", "trainval", "all")
        return self.split in ("train", "trainval", "all")
