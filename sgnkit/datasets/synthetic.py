"""Synthetic actions of an articulated figure: made in memory, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgnkit.data import SkeletonData
from sgnkit.datasets._base import SkeletonDataset
from sgnkit.datasets._figure import SEGMENTS, build_rig, pose_figure
from sgnkit.datasets._programs import list_classes, max_classes
from sgnkit.datasets._take import Subject, Take
from sgnkit.layout import SkeletonLayout, get_layout

__all__ = ["SyntheticActions"]

NUM_SUBJECTS = 10
NUM_CAMERAS = 3
VAL_SUBJECTS = (8,)
TEST_SUBJECTS = (9, 10)
TEST_CAMERAS = (3,)
_CHUNK = 32  # clips rendered at a time


class SyntheticActions(SkeletonDataset):
    r"""Clips of an articulated figure that performs motion programs.

    Joint angles follow a program per class; bone lengths, style and speed belong to the subject,
    the viewpoint to the camera; start phase, number of frames, sway, sensor noise and lost joints
    are drawn per clip. Classes come in pairs that share one distribution of poses and differ by
    dynamics alone: the second class of a pair is the first one run backwards in time and about
    twice as fast (arms that go up fast and down slowly; down fast and up slowly, in half the
    time). So a single frame or the mean pose tells at most the pair: a sequence is needed.

    A clip depends on ``seed`` and on its own number only, not on ``num_clips``. All random numbers
    come from a counter-based generator and all coordinates are rounded to 0.1 mm, so the clips are
    the same on every platform. Nothing is written to disk.

    Args:
        num_clips: Number of clips of all splits together.
        layout: Layout of the figure. Layouts with the joint names of a human body look like one;
            for others, limbs are laid out from the tree.
        num_classes: From 2 to 21 classes with one person, to 15 with two.
        num_persons: 1, or 2 persons who interact.
        seed: Seed of everything that is drawn.
        split: `"train"`, `"val"`, `"test"`, or `"all"` clips. By subject: 1 to 7 train, 8 val, 9
            and 10 test (of ten clips 7, 1, 2). By camera: 3 is test; of the others, subject 8 is
            val and the rest train.
        transform: Transform at each access.
        protocol: What sets the splits apart, `"subject"` or `"camera"`.
        num_frames: Least and greatest number of frames of a clip.
        noise: Standard deviation of the sensor noise, in metres.
        dropped: Share of lost joints, in $[0, 0.5]$. A lost joint keeps its last position for a
            few frames, as trackers do, and its `mask` is False.

    Raises:
        ValueError: If an argument is not legal or the split has no clip.

    Examples:
        >>> dataset = SyntheticActions(num_clips=100, layout="coco17", split="train")
        >>> dataset
        SyntheticActions(70)
        >>> data = dataset[0]
        >>> data.name, data.subject, data.camera, dataset.class_names[int(data.y)]
        ('a01_s01_v01_i00000', 1, 1, 'raise_arms')
        >>> data.x.shape[0], data.x.shape[1] == data.num_frames, data.x.shape[2]
        (17, True, 3)
    """

    def __init__(
        self,
        num_clips: int,
        layout: str | SkeletonLayout = "ntu25",
        num_classes: int = 10,
        num_persons: int = 1,
        seed: int = 0,
        split: str = "all",
        transform: Callable[..., Any] | None = None,
        *,
        protocol: str = "subject",
        num_frames: tuple[int, int] = (28, 48),
        noise: float = 0.01,
        dropped: float = 0.02,
    ) -> None:
        _check("num_persons", num_persons, num_persons in (1, 2), "1 or 2")
        most = max_classes(num_persons)
        _check("num_classes", num_classes, 2 <= num_classes <= most, f"from 2 to {most}")
        _check("num_clips", num_clips, num_clips >= 1, "at least 1")
        _check("seed", seed, 0 <= seed < 2**64, "from 0 to 2^64 - 1")
        splits = ("train", "val", "test", "all")
        _check("split", split, split in splits, f"one of {', '.join(splits)}")
        _check("protocol", protocol, protocol in ("subject", "camera"), "'subject' or 'camera'")
        low, high = num_frames
        _check("num_frames", num_frames, 1 <= low <= high, "(least, greatest), at least 1")
        _check("noise", noise, 0.0 <= noise < float("inf"), "at least 0")
        _check("dropped", dropped, 0.0 <= dropped <= 0.5, "from 0 to 0.5")
        self.layout = get_layout(layout)
        self.num_persons = num_persons
        self.seed = seed
        self.split = split
        self.protocol = protocol
        self.num_frames = (int(low), int(high))
        self.noise = float(noise)
        self.dropped = float(dropped)
        self._classes = list_classes(num_classes, num_persons)
        self.class_names = tuple(family.names[k] for family, k in self._classes)
        super().__init__(None, transform)
        chosen = [i for i in range(num_clips) if split in ("all", self._split_of(i))]
        if not chosen:
            raise ValueError(
                f"SyntheticActions: split {split!r} of num_clips={num_clips} clips is empty; "
                "give more clips: 100 reach every split"
            )
        self._subjects = {s: Subject.drawn(seed, s) for s in range(1, NUM_SUBJECTS + 1)}
        self._rigs = {s: build_rig(self.layout, who.body) for s, who in self._subjects.items()}
        for start in range(0, len(chosen), _CHUNK):
            self._clips += self._render(chosen[start : start + _CHUNK])

    def _place(self, index: int) -> tuple[int, int, int]:
        """Returns class, subject and camera of a clip: all combinations come up in turn."""
        turn, label = divmod(index, len(self._classes))
        return label, (turn + label) % NUM_SUBJECTS + 1, (turn + label) % NUM_CAMERAS + 1

    def _split_of(self, index: int) -> str:
        _, subject, camera = self._place(index)
        by_camera = self.protocol == "camera"
        is_test = camera in TEST_CAMERAS if by_camera else subject in TEST_SUBJECTS
        return "test" if is_test else "val" if subject in VAL_SUBJECTS else "train"

    def _render(self, chosen: list[int]) -> list[SkeletonData]:
        """Makes some clips: their figures are posed together, which is much faster."""
        takes = []
        for index in chosen:
            label, subject, camera = self._place(index)
            family, variant = self._classes[label]
            who = self._subjects[subject]
            takes.append(Take(self.seed, index, family, variant, who, camera, self.num_frames))
        longest = max(take.length for take in takes)
        angles = np.zeros((len(takes), self.num_persons, longest, len(SEGMENTS), 2))
        for angle, take in zip(angles, takes, strict=True):
            angle[:, : take.length] = take.angles
        rigs = [self._rigs[self._place(i)[1]] for i in chosen for _ in range(self.num_persons)]
        joints = pose_figure(
            rigs[0],
            np.stack([rig.pivot for rig in rigs]),
            np.stack([rig.offset for rig in rigs]),
            angles.reshape(-1, *angles.shape[2:]),
        )
        joints = joints.reshape(len(takes), self.num_persons, *joints.shape[1:])
        return [
            self._clip(take, figures[:, : take.length])
            for take, figures in zip(takes, joints, strict=True)
        ]

    def _clip(self, take: Take, figures: NDArray[np.float64]) -> SkeletonData:
        label, subject, camera = self._place(take.index)
        x, mask = take.film(figures, self.noise, self.dropped)
        return SkeletonData.from_array(
            x.astype(np.float32),
            self.layout,
            axes="MTVC",
            y=label,
            name=f"a{label + 1:02d}_s{subject:02d}_v{camera:02d}_i{take.index:05d}",
            mask=mask,
            persons="all",
            subject=subject,
            camera=camera,
        )


def _check(argument: str, value: object, legal: bool, expected: str) -> None:
    if not legal:
        raise ValueError(f"SyntheticActions: {argument} must be {expected}, got {value!r}")
