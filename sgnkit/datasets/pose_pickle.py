"""The pose pickle of pyskl and MMAction2 as a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sgnkit.datasets._pose_pickle_raw import read_splits, scan_pose_pickle
from sgnkit.datasets._safe import inside
from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.datasets._source_dataset import SourceDataset
from sgnkit.datasets._sources import MAX_CLASSES, Source, known_layout
from sgnkit.datasets._split_rules import Member, check_fraction, in_split, settle
from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout

__all__ = ["PosePickle"]


class PosePickle(SourceDataset):
    r"""Clips of the pickle that [pyskl](https://arxiv.org/abs/2205.09443) and MMAction2 read:
    ``{"split": {name: [ids]}, "annotations": [{"frame_dir", "label", "total_frames", "keypoint",
    "keypoint_score"}]}`` with `keypoint` of shape (persons, frames, joints, coordinates).

    Nothing in the file is ever run: whatever is not an array or a plain value is an error. A joint
    is observed if its score is greater than ``min_score``; without scores, if it does not lie
    exactly at the origin. Persons without an observed joint are left out.

    The lists `train`, `val` and `test` of the file are the splits. Where there is `val` and no
    `test`, as in the files of pyskl, `val` is the **test** set, and ``val_fraction`` of the
    training clips, by subject if the names tell (`S001C001P001R001A001`), are for validation. In a
    file without lists a test set is drawn in the same way.

    Args:
        root: The pickle, or a folder with one.
        split: One of `"train"`, `"val"`, `"trainval"`, `"test"`, `"all"`.
        transform: Transform at each access.
        pre_transform: Transform before the clips are stored.
        pre_filter: Tells which clips are stored.
        force_reload: Whether to read the pickle again even if it did not change.
        layout: Layout of the joints: its name, a YAML file, or the layout itself; without it, the
            only registered one with as many joints.
        benchmark: Prefix of the lists, `"xsub"` for `xsub_train` and `xsub_val`.
        class_names: Name of each class; the default is their numbers.
        min_score: A joint is observed if its score is greater.
        val_fraction: Share of the training clips for validation, if the file has no such list.
        test_fraction: Share of all clips for testing, if the file has no lists.
        seed: Another draw of these.
        on_error: `"raise"` stops at the first clip that is not right, `"skip"` leaves such clips
            out and warns of each.
        processed_root: Folder for `processed/`; the default is the folder of the pickle.

    Raises:
        sgnkit.errors.DataError: If the pickle is missing, damaged, holds code or clips that are
            not right. The message names file, annotation and key, and what to do.
        ValueError: If an argument is not legal.

    Examples:
        >>> train = PosePickle("data/ntu60_hrnet.pkl", "train", benchmark="xsub")  # doctest: +SKIP
        >>> train.layout.name, train[0].x.shape  # doctest: +SKIP
        ('coco17', torch.Size([17, 103, 2]))
    """

    name = "pose_pickle"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "all",
        transform: Callable[..., Any] | None = None,
        pre_transform: Callable[..., Any] | None = None,
        pre_filter: Callable[..., Any] | None = None,
        force_reload: bool = False,
        *,
        layout: str | SkeletonLayout | None = None,
        benchmark: str | None = None,
        class_names: Sequence[str] | None = None,
        min_score: float = 0.0,
        val_fraction: float = 0.1,
        test_fraction: float = 0.2,
        seed: int = 0,
        on_error: str = "raise",
        processed_root: str | os.PathLike[str] | None = None,
    ) -> None:
        self.benchmark = benchmark
        self.min_score = float(min_score)
        self.seed = int(seed)
        self.val_fraction = check_fraction("PosePickle", "val_fraction", val_fraction)
        self.test_fraction = check_fraction("PosePickle", "test_fraction", test_fraction)
        self._named = None if class_names is None else tuple(str(name) for name in class_names)
        self._layout = None if layout is None else known_layout(layout)
        path = _find(Path(root).expanduser().absolute())
        super().__init__(
            path,
            split,
            transform,
            pre_transform,
            pre_filter,
            force_reload,
            on_error=on_error,
            processed_root=processed_root,
            options=(path.name, self._layout, self.min_score, self._named),
        )

    def stamp(self) -> object:
        """Size and time of the pickle."""
        stat = self.given.stat()
        return stat.st_size, stat.st_mtime_ns

    def sources(self) -> Iterable[Source]:
        """Reads the pickle and lists its clips."""
        content = restricted_pickle(self.given)
        self._lists = read_splits(self.given, content)
        return scan_pose_pickle(
            self.given,
            self._layout,
            min_score=self.min_score,
            num_classes=len(self._named) if self._named else MAX_CLASSES,
            content=content,
        )

    def notes(self) -> dict[str, Any]:
        """The lists of the file."""
        return {"lists": self._lists}

    def restore(self, notes: dict[str, Any]) -> None:
        """Settles layout, class names and splits."""
        names = self.names
        if names:
            self.layout = self.get(0).skeleton
        highest = int(self.y.max()) if names else 0
        self.class_names = self._named or tuple(str(k) for k in range(highest + 1))
        given = self._given_words(notes["lists"], set(names))
        members = [Member(*pair) for pair in zip(names, self.values("subject"), strict=True)]
        self._words = settle(members, given, self.val_fraction, self.test_fraction, self.seed)

    def wanted(self, clip: Any) -> bool:
        """Whether a stored clip is part of the split."""
        return in_split(self._words[clip.name], self.split)

    def _given_words(self, lists: dict[str, list[str]], names: set[str]) -> dict[str, str]:
        """Returns what the file says of each clip."""
        prefix = f"{self.benchmark}_" if self.benchmark else ""
        found = {w: lists[prefix + w] for w in ("train", "val", "test") if prefix + w in lists}
        if not found and self.benchmark is None and (self.split == "all" or not lists):
            return {}
        if "train" not in found:
            known = [key[: -len("_train")] for key in lists if key.endswith("_train")]
            raise ValueError(
                f"PosePickle: with benchmark={self.benchmark!r} the list of training clips is "
                f"{prefix + 'train'!r}, but {self.given} has {', '.join(lists) or 'no lists'}; "
                f"benchmark may be {', '.join(map(repr, known)) or 'None'}"
            )
        if "test" not in found and "val" in found:
            found["test"] = found.pop("val")
        words: dict[str, str] = {}
        for word, members in found.items():
            for name in members:
                lost = name not in names and name not in self.skipped and self.pre_filter is None
                if lost or name in words:
                    raise DataError(
                        "a list of clips is not right",
                        file=self.given,
                        place=f"split {prefix + word!r}",
                        expected="names of annotations, each in one list",
                        found=f"{name!r} {'is not there' if lost else 'is in two lists'}",
                        remedy="get the file again, or write it anew with write_pose_pickle",
                    )
                words[name] = word
        return words


def _find(root: Path) -> Path:
    """Returns the pickle itself, or the only one of a folder."""
    if not root.is_dir():
        return root
    found = [
        path
        for folder in (root / "raw", root)
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix in (".pkl", ".pickle") and path.is_file()
    ]
    if len(found) != 1:
        raise DataError(
            "PosePickle: which file is meant?",
            file=root,
            expected="one file that ends with .pkl or .pickle, here or in the folder raw",
            found=", ".join(path.name for path in found) or "none",
            remedy="name the file itself",
        )
    return inside(root, found[0])
