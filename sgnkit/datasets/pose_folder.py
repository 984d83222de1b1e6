"""Own skeletons: a folder of CSV, JSON or NumPy files as a dataset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sgnkit.datasets._pose_folder_raw import SUFFIXES, pose_options, survey
from sgnkit.datasets._raw_files import list_files
from sgnkit.datasets._source_dataset import SourceDataset
from sgnkit.datasets._sources import Source
from sgnkit.datasets._split_rules import Member, check_fraction, in_split, settle
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["PoseFolder"]


class PoseFolder(SourceDataset):
    r"""Clips of a folder of one's own, one file for each clip, in any layout.

    **Classes** are the names of the folders, `wave/clip01.csv`, or stand in a table `clips.csv` in
    the folder with the columns `file` and `class`, and if wanted `name`, `split`, `subject`,
    `camera` and `setup`.

    **Splits** come from the column `split`, or from folders, `train/wave/clip01.csv` and
    `test/wave/clip09.csv`; without either, ``test_fraction`` of the clips are for testing. Without
    validation clips, ``val_fraction`` of the training clips are for that. Where all subjects are
    known, both are drawn by subject.

    **Files** end with

    - `.csv`, parted by commas, semicolons or tabs. Either a row for each frame with columns
      `left_hand_x, left_hand_y, left_hand_z` (or `x0, y0, z0`, or `0_x, 0_y, 0_z`), and if wanted
      `..._score`; or a row for each joint with columns `frame, joint, x, y, z, score`; `frame` and
      `person` are columns too. Or numbers alone, all joints of one body in a row. An empty cell is
      a joint that was not observed. Columns of other names are passed over.
    - `.npy`, an array of frames, joints, coordinates, with persons in front if there are any.
    - `.npz`, such an array `keypoints`, and if wanted `scores` (or `mask`), `axes` and `layout`.
    - `.json`, one of
        - `{"keypoints": [[[x, y, z], ...], ...], "scores": ..., "axes": "TVC", "layout": "..."}`,
          all but the first optional, or the nested lists alone; null is a joint, or a frame, that
          was not observed;
        - results of a **COCO** keypoint detector, `[{"image_id": 1, "keypoints": [x, y, score,
          ...], "score": 0.9, "track_id": 3}, ...]`, alone or under the key `annotations`;
        - landmarks of **MediaPipe**, `[{"pose_landmarks": [[{"x": 0.5, "y": 0.2, "z": -0.1,
          "visibility": 0.9}, ...]]}, ...]`, alone or under the key `frames`. A frame may also be
          the list of landmarks itself, a list of such lists, or null. `pose_world_landmarks` go
          first; the names of JavaScript, `landmarks` and `worldLandmarks`, are known too;
        - frames of **OpenPose** in a list.
    - A folder of `*_keypoints.json` files that OpenPose wrote, one for each frame, is one clip. Its
      25-joint model fits the layout `openpose18`.

    A person is what has the same `person`, `track_id` or `person_id` in all frames. Where there is
    no such number, the first body of each frame is the first person, and so on.

    Args:
        root: The folder.
        layout: Layout of the joints: its name, a YAML file, or the layout itself.
        split: One of `"train"`, `"val"`, `"trainval"`, `"test"`, `"all"`.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the files again even if none of them changed.
        axes: Axes of arrays, as in [`SkeletonData.from_array`][sgnkit.data.SkeletonData]; the
            default is `"TVC"`, or `"MTVC"` for four axes.
        confidence: Whether the last number of each joint of an array is a score.
        min_score: A joint is observed if its score is greater.
        missing: What NaN and infinity mean: `"raise"`, `"mask"` or `"zeros"`, as in `from_array`.
        table: Name of the table, if not `clips.csv`.
        pattern: Regular expression over the path of each file with groups named `subject`,
            `camera` or `setup`: `r"_s(?P<subject>\d+)"`.
        class_names: The classes in their order, if not all that are found in the order of names.
        val_fraction: Share of the training clips for validation.
        test_fraction: Share of all clips for testing.
        seed: Another draw of these.
        on_error: `"raise"` stops at the first file that is not right, `"skip"` leaves such files
            out and warns of each.
        processed_root: Folder for `processed/`; the default is ``root``.

    Attributes:
        subject_names: Names of the subjects 1, 2, and so on, if they have names.

    Raises:
        sgnkit.errors.DataError: If a file is damaged, does not fit the layout or leads out of the
            folder. The message names file and line or key, and what to do.
        ValueError: If an argument is not legal.

    Examples:
        >>> import numpy as np
        >>> folder = getfixture("tmp_path")
        >>> for action in ("nod", "wave"):
        ...     (folder / action).mkdir()
        ...     for number in range(4):
        ...         clip = np.random.rand(30, 17, 2)  # frames, joints, coordinates
        ...         np.save(folder / action / f"clip{number}.npy", clip)
        >>> train = PoseFolder(folder, "coco17", split="train", val_fraction=0.2)
        >>> train, train.class_names, train[0].x.shape
        (PoseFolder(4), ('nod', 'wave'), torch.Size([17, 30, 2]))
    """

    name = "pose_folder"

    def __init__(
        self,
        root: str | os.PathLike[str],
        layout: str | SkeletonLayout,
        split: str = "all",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        axes: str | None = None,
        confidence: bool = False,
        min_score: float = 0.0,
        missing: str = "raise",
        table: str | None = None,
        pattern: str | None = None,
        class_names: Sequence[str] | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.2,
        seed: int = 0,
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        self.options = pose_options(layout, axes, confidence, min_score, missing)
        self.layout = self.options.layout
        self.table = table
        self.pattern = pattern
        self.seed = int(seed)
        self.val_fraction = check_fraction("PoseFolder", "val_fraction", val_fraction)
        self.test_fraction = check_fraction("PoseFolder", "test_fraction", test_fraction)
        self._named = None if class_names is None else tuple(str(name) for name in class_names)
        super().__init__(
            *(root, split, transform, pre_transform, pre_filter, force_reload),
            on_error=on_error,
            processed_root=processed_root,
            options=(self.options, table, pattern, self._named),
        )

    def stamp(self) -> object:
        """Names, sizes and times of all files."""
        digest = hashlib.sha256()
        for file in list_files(self.given, SUFFIXES):
            if not file.name.startswith("processed/"):
                stat = (self.given / file.name).lstat()
                digest.update(
                    f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode(
                        "utf-8", "surrogateescape"
                    )
                )
        return digest.hexdigest()

    def sources(self) -> Iterable[Source]:
        """Finds the clips and their classes."""
        if not self.given.is_dir():
            raise DataError(
                "PoseFolder: the raw data are not a folder",
                file=self.given,
                expected="a folder of keypoint files",
                found="a file",
                remedy="give the folder that it is in",
            )
        self._survey = survey(
            self.given,
            self.options,
            table=self.table,
            pattern=self.pattern,
            class_names=self._named,
        )
        return self._survey.sources

    def notes(self) -> dict[str, Any]:
        """What the names of folders and the table say."""
        found = self._survey
        return {
            "class_names": found.class_names,
            "parts": found.parts,
            "subject_names": found.subjects,
        }

    def restore(self, notes: dict[str, Any]) -> None:
        """Settles class names and splits."""
        self.class_names = tuple(notes["class_names"])
        self.subject_names = tuple(notes["subject_names"])
        pairs = zip(self.names, self.values("subject"), strict=True)
        self._words = settle(
            [Member(*pair) for pair in pairs],
            notes["parts"],
            self.val_fraction,
            self.test_fraction,
            self.seed,
        )

    def wanted(self, clip: Any) -> bool:
        """Whether a stored clip is part of the split."""
        return in_split(self._words[clip.name], self.split)
