"""NTU RGB+D and NTU RGB+D 120, from whichever form of the skeletons is there."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sgnkit.datasets._ctr_gcn_npz_raw import scan_ctr_gcn_npz
from sgnkit.datasets._ntu_facts import (
    BENCHMARKS,
    KNOWN_COUNTS,
    NUM_SUBJECTS,
    TRAIN_SUBJECTS,
    action_names,
    in_train,
    missing_names,
    parse_name,
)
from sgnkit.datasets._ntu_skeleton_raw import scan_ntu_skeleton
from sgnkit.datasets._pose_pickle_raw import scan_pose_pickle
from sgnkit.datasets._published import PublishedSet, check_subjects
from sgnkit.datasets._safe import zip_members
from sgnkit.datasets._source_dataset import check_choice
from sgnkit.datasets._sources import Source, broken
from sgnkit.errors import DataError
from sgnkit.layout import get_layout

__all__ = ["NTURGBD"]

_NPZ = {
    (60, "xsub"): "NTU60_CS.npz",
    (60, "xview"): "NTU60_CV.npz",
    (120, "xsub"): "NTU120_CSub.npz",
    (120, "xset"): "NTU120_CSet.npz",
}
_PICKLES = {
    60: ("ntu60_3danno.pkl", "ntu60_hrnet.pkl"),
    120: ("ntu120_3danno.pkl", "ntu120_hrnet.pkl"),
}
_VAL_SHARE = 10  # of an npz, the last tenth of the training clips


class NTURGBD(PublishedSet):
    r"""The skeletons of the ["NTU RGB+D"](https://arxiv.org/abs/1604.02808) set, 60 classes and 40
    subjects, or of ["NTU RGB+D 120"](https://arxiv.org/abs/1905.04757), 120 classes and 106
    subjects: 25 joints of a Kinect v2 (layout `ntu25`), in metres, one or two persons.

    | classes | `benchmark` | `"trainval"` | `"test"` | training clips are those of |
    |---|---|---|---|---|
    | 60 | `"xsub"` | 40091 | 16487 | 20 subjects |
    | 60 | `"xview"` | 37646 | 18932 | cameras 2 and 3 |
    | 120 | `"xsub"` | 63026 | 50919 | 53 subjects |
    | 120 | `"xset"` | 54468 | 59477 | even setups |

    The set needs a licence, so nothing is downloaded: <https://rose1.ntu.edu.sg/dataset/actionRecognition/>.
    Any of these forms is read. Which one it is, is found by looking:

    - **raw**: a folder of `.skeleton` files at any depth, or the zip archives that hold them. The
      302 (of 120 classes: 535) recordings that the authors list as missing or incomplete are left
      out.
    - **npz** of CTR-GCN, such as `NTU60_CS.npz`: cleaned, centred, one file a benchmark. Frames of
      padding are cut off and a person that is a copy of the first is left out. The file keeps no
      names, so subject and camera are not known and the last tenth of its training clips (the last
      setups) is for validation.
    - **pickle** of pyskl and MMAction2, such as `ntu60_3danno.pkl`, or `ntu60_hrnet.pkl` with 17
      joints in the image plane (layout `coco17`).

    In raw recordings bodies come and go, some are furniture, and there may be more than two. The
    main-actor rule keeps ``max_persons``: bodies are taken in the order of their motion energy,
    the mean square distance of the joints from their mean places; a body joins the first person
    with whom it shares no frame (a sensor that finds somebody again gives a new id), else it is the
    next person, else it is left out. Frames in which none of the persons was seen are left out. An
    absent person is absent: there are no zeros for it, and its `mask` is False where it is away.

    Note:
        Published networks were trained on skeletons that were cleaned by further rules. For those
        give ``max_persons=None``, which keeps every body and frame, and
        [`Clean("ctr_gcn")`][sgnkit.transforms.Clean] as ``pre_transform``.

    Args:
        root: Folder of the data, or the file itself. Taken is what is there first, in the folder
            `raw` before the root itself: the npz of the benchmark under CTR-GCN's name, a pickle
            under pyskl's, `.skeleton` files and archives of them.
        num_classes: 60 or 120. The first 60 are read from the files of all 120, too.
        benchmark: `"xsub"`, for 60 classes `"xview"`, for 120 `"xset"`.
        split: `"train"`, `"val"`, `"trainval"`, `"test"` or `"all"`; `"trainval"` is the standard
            training set, `"train"` is it without ``val_subjects``.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the raw files again.
        max_persons: Most persons of a clip of raw recordings, or None.
        val_subjects: Training subjects whose training clips are for validation.
        on_error: `"raise"` stops at a damaged file; `"skip"` leaves it out, and warns of each;
            `skipped` lists them.
        processed_root: Folder for `processed/`; the default is ``root``. Needed where ``root`` is
            read-only.

    Raises:
        sgnkit.errors.DataError: If the data cannot be found, read or stored. The message names
            file and line, and the way out.
        ValueError: If an argument is not legal.

    Examples:
        >>> train = NTURGBD("data/ntu", 60, "xsub", split="train")  # doctest: +SKIP
        >>> train[0].num_persons, train.class_names[int(train[0].y)]  # doctest: +SKIP
        (1, 'drink water')
    """

    page = "https://rose1.ntu.edu.sg/dataset/actionRecognition/"
    remedy = f"ask for the set at {page} and put the archive of its skeletons there"

    def __init__(
        self,
        root: str | os.PathLike[str],
        num_classes: int = 60,
        benchmark: str = "xsub",
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        max_persons: int | None = 2,
        val_subjects: Sequence[int] = (35, 38),
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        if num_classes not in BENCHMARKS:
            raise ValueError(f"NTURGBD: num_classes must be 60 or 120, got {num_classes!r}")
        self.benchmark = check_choice("NTURGBD", "benchmark", benchmark, BENCHMARKS[num_classes])
        if max_persons is not None and max_persons < 1:
            raise ValueError(f"NTURGBD: max_persons must be at least 1 or None, got {max_persons}")
        by_subject = TRAIN_SUBJECTS[num_classes]
        legal = by_subject if benchmark == "xsub" else range(1, NUM_SUBJECTS[num_classes] + 1)
        self.val_subjects = check_subjects("NTURGBD", val_subjects, split, legal)
        self.max_persons = max_persons
        self.class_names = action_names(num_classes)
        self.layout = get_layout("ntu25")
        self.num_clips = sum(KNOWN_COUNTS[num_classes, benchmark])
        self.name = f"ntu{num_classes}"
        self.raw_names = (_NPZ[num_classes, benchmark], *_PICKLES[num_classes])
        packed = _holds_npz(Path(root).expanduser(), self.raw_names[0])
        super().__init__(
            *(root, split, transform, pre_transform, pre_filter, force_reload),
            on_error=on_error,
            processed_root=processed_root,
            options=(num_classes, max_persons, benchmark if packed else None),
        )

    def scan(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an archive, a folder, an npz or a pickle."""
        if path.is_dir() or _is_archive_of(path, ".skeleton"):
            return scan_ntu_skeleton(path, self.num_classes, self.max_persons)
        if _is_archive_of(path, ".npy"):
            return self._scan_npz(path)
        return self._scan_pickle(path)

    def holds_raw(self, folder: Path) -> bool:
        """Whether there are recordings, or archives, in a folder or those in it."""
        patterns = ("*.skeleton", "*/*.skeleton", "*.zip")
        return any(next(folder.glob(pattern), None) is not None for pattern in patterns)

    def restore(self, notes: dict[str, Any]) -> None:
        """Settles the layout, and how much of an npz is for training."""
        super().restore(notes)
        names = self.names
        if names:
            self.layout = self.get(0).skeleton
        numbers = [int(name[6:]) for name in names if name.startswith("train_")]
        self._num_train = max(numbers, default=-1) + 1

    def wanted(self, clip: Any) -> bool:
        """Whether a stored clip is part of the split."""
        if self.split == "all":
            return True
        part, _, number = clip.name.partition("_")
        if number:  # of an npz
            training = part == "train"
            held_out = int(number) >= self._num_train - self._num_train // _VAL_SHARE
        else:
            place = (clip.subject, clip.camera, clip.setup)
            training = in_train(self.benchmark, self.num_classes, *place)
            held_out = clip.subject in self.val_subjects
        if self.split in ("train", "val"):
            return training and held_out == (self.split == "val")
        return training == (self.split == "trainval")

    def _scan_npz(self, path: Path) -> Iterator[Source]:
        """Lists the clips of an npz, if it is not that of another benchmark."""
        sources = list(scan_ctr_gcn_npz(path, self.num_classes))
        training = sum(source.name.startswith("train_") for source in sources)
        counts = (training, len(sources) - training)
        for (_, benchmark), known in KNOWN_COUNTS.items():
            if known == counts != KNOWN_COUNTS[self.num_classes, self.benchmark]:
                raise DataError(
                    "NTURGBD: an npz file is that of another benchmark",
                    file=path,
                    expected=f"benchmark {self.benchmark!r}",
                    found=f"{counts[0]} training and {counts[1]} test clips, as in {benchmark!r}",
                    remedy=f"give the other file, or benchmark={benchmark!r}",
                )
        yield from sources

    def _scan_pickle(self, path: Path) -> Iterator[Source]:
        """Lists the clips of a pickle, if their names are those of recordings."""
        missing = missing_names(self.num_classes)
        for source in scan_pose_pickle(path):
            numbers = parse_name(source.name)
            if numbers is None:
                error = DataError(
                    "NTURGBD: an annotation has another name than a recording",
                    file=path,
                    place="key 'frame_dir'",
                    expected="S001C001P001R001A001",
                    found=repr(source.name),
                    remedy="read pickles of other sets with PosePickle",
                )
                yield broken(source.name, path, error)
            elif source.name not in missing and numbers.action <= self.num_classes:
                yield source


def _is_archive_of(path: Path, suffix: str) -> bool:
    """Whether a file is a zip archive with members of some kind."""
    if not zipfile.is_zipfile(path):
        return False
    no_limit = 2**62  # whoever reads a member has limits
    names = zip_members(path, max_member=no_limit, max_total=no_limit)
    return any(name.lower().endswith(suffix) for name in names)


def _holds_npz(root: Path, name: str) -> bool:
    """Whether an npz is what will be read: its clips are those of one benchmark."""
    return root.suffix == ".npz" or any((root / f / name).is_file() for f in ("raw", "."))
