"""From keypoints to class names: a trained network with all that belongs around it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch

from sgnkit._landmarks import is_landmarks, plain_landmarks
from sgnkit.data import SkeletonData
from sgnkit.errors import CheckpointError, ConfigError, DataError
from sgnkit.export import Description, load_network
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.nn import SkeletonGraph
from sgnkit.stream import Stream
from sgnkit.transforms.recipe import transforms_from_recipe

__all__ = ["Recognizer"]

_MAX_BATCH = 64


class Recognizer:
    """A trained network that takes raw keypoints and answers with class names.

    It applies the preprocessing that the network was tested with, checks what it gets, and says
    what is wrong.

    Args:
        network: A function from `x` $(B, M, T, V, C)$ and `present` $(B, M)$ to logits.
        description: What the network says about itself.
        path: The file it came from, for messages.

    Shapes:
        - **clip**: keypoints $(T, V, C)$ or $(M, T, V, C)$, or any order that `axes` names
        - **returns**: share of each class, by its name

    Raises:
        sgnkit.errors.CheckpointError: If the layout or the preprocessing cannot be used.

    Examples:
        >>> import sgnkit
        >>> from sgnkit.export import TensorModel, describe
        >>> model = sgnkit.create_model("base_sgn_small", layout="coco17", num_classes=2).eval()
        >>> recipe = [{"UniformSample": {"num_frames": 16}}]
        >>> network = TensorModel(model)
        >>> recognizer = Recognizer(network, describe(model, ["sit", "stand"], recipe))
        >>> scores = recognizer(np.random.rand(30, 17, 3))
        >>> sorted(scores), round(sum(scores.values()), 3)
        (['sit', 'stand'], 1.0)
    """

    def __init__(
        self,
        network: Callable[..., Tensor],
        description: Description,
        path: str | os.PathLike[str] = "the description",
    ) -> None:
        self.network = network
        self.description = description
        self.class_names = tuple(description.class_names)
        self.layout = description.skeleton(Path(path))
        try:
            self.transform = transforms_from_recipe(description.preprocessing, "preprocessing")
        except ConfigError as error:
            raise CheckpointError(
                "the preprocessing of the file cannot be built", file=path, found=str(error)
            ) from None

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, frame_rate: float | None = None) -> Recognizer:
        """Loads a checkpoint or an exported network. No code in the file is run.

        Args:
            path: A `weights.pt` or `.ckpt` file of a run folder, or an `.onnx`, `.pt2` or `.nir`
                file that `sgnkit export` wrote.
            frame_rate: Frames a second that the network was trained with, if the file does not
                say it.

        Raises:
            sgnkit.errors.CheckpointError: If the file is missing, damaged, foreign, of another
                version, or could run code.
        """
        description, network = load_network(path)
        if frame_rate is not None:
            from dataclasses import replace

            description = replace(description, frame_rate=frame_rate)
        return cls(network, description, path)

    def __call__(self, keypoints: Any, **options: Any) -> dict[str, float]:
        """Recognises one clip.

        Args:
            keypoints: An array (frames, joints, coordinates) or (persons, frames, joints,
                coordinates); a CSV, JSON, npy or npz file; a `SkeletonData`; or a list of frames,
                each an array (joints, coordinates), or what OpenPose or MediaPipe returned.
            **options: `axes`, if the axes of an array stand in another order, such as `"MTVC"`;
                `layout`, the layout of the keypoints, to be compared; `frame_rate`, frames a
                second, to be compared; `min_score`, below which a joint of a detector counts as
                not seen; `missing`, what NaN means, `"raise"`, `"mask"` or `"zeros"`.

        Returns:
            The share of each class, largest first.

        Raises:
            sgnkit.errors.DataError: If the keypoints do not fit; the message says what and where.
        """
        return self.batch([keypoints], **options)[0]

    def batch(self, clips: Sequence[Any], **options: Any) -> list[dict[str, float]]:
        """Recognises many clips, each as in a single call, and returns their shares in order."""
        ready = [self.prepare(clip, **options) for clip in clips]
        shares: list[Tensor | None] = [None] * len(ready)
        kinds: dict[tuple[int, int], list[int]] = {}
        for i, clip in enumerate(ready):
            kinds.setdefault((clip.num_persons, clip.x.size(1)), []).append(i)
        for indices in kinds.values():
            for start in range(0, len(indices), _MAX_BATCH):
                part = indices[start : start + _MAX_BATCH]
                rows = self._logits([ready[i] for i in part]).softmax(-1)
                for i, row in zip(part, rows, strict=True):
                    shares[i] = row
        return [self._named(share) for share in shares if share is not None]

    def stream(self, num_persons: int = 1, **options: Any) -> Stream:
        """Returns the recogniser of a stream that takes one frame at a time.

        Args:
            num_persons: Bodies that a frame has at most.
            **options: Those of a call of [`Recognizer`][sgnkit.Recognizer] that go for every
                frame: `layout`, `frame_rate`, `min_score` and `missing`.

        Raises:
            sgnkit.errors.DataError: If the network or its preprocessing looks at later frames.
        """
        return Stream(self, num_persons, **options)

    def prepare(
        self,
        keypoints: Any,
        *,
        axes: str | None = None,
        layout: str | SkeletonLayout | None = None,
        frame_rate: float | None = None,
        min_score: float = 0.0,
        missing: str = "raise",
    ) -> SkeletonData:
        """Returns one clip as the network gets it: checked and preprocessed."""
        self._check_layout(layout)
        self._check_rate(frame_rate)
        clip = self._clip(keypoints, axes, min_score, missing)
        channels = clip.x.size(-1)
        prepared = self.transform(clip)
        if prepared is None:
            raise DataError(
                "the preprocessing left nothing of the clip",
                place=clip.name or None,
                remedy="too short, too still, or no person in it",
            )
        wanted = self.description
        if prepared.x.size(-1) != wanted.in_channels:
            raise DataError(
                "wrong number of coordinates",
                place="axis C",
                expected=f"{wanted.in_channels} coordinates a joint",
                found=f"{channels}",
                remedy="give scores as min_score or mask, not as a coordinate"
                if channels > wanted.in_channels
                else "the network was trained with more coordinates than these keypoints have",
            )
        if wanted.num_frames and prepared.x.size(1) != wanted.num_frames:
            raise DataError(
                "wrong number of frames",
                place="axis T",
                expected=f"{wanted.num_frames} frames after the preprocessing",
                found=prepared.x.size(1),
                remedy="resample the clip with UniformSample",
            )
        return prepared

    def _clip(
        self, keypoints: Any, axes: str | None, min_score: float, missing: str
    ) -> SkeletonData:
        if isinstance(keypoints, SkeletonData):
            self._check_layout(keypoints.layout)
            return keypoints
        if isinstance(keypoints, (str, os.PathLike)) or is_landmarks(keypoints):
            from sgnkit.datasets._keypoints import read_keypoints

            frames = (
                keypoints
                if isinstance(keypoints, (str, os.PathLike))
                else plain_landmarks(keypoints)
            )
            return read_keypoints(
                frames, self.layout, axes=axes, min_score=min_score, missing=missing
            )
        array = _array(keypoints)
        if axes is None and array.ndim not in (3, 4):
            raise DataError(
                "the keypoints have the wrong number of axes",
                expected="(frames, joints, coordinates) or (persons, frames, joints, coordinates)",
                found=f"shape {array.shape}",
            )
        order = axes or ("TVC" if array.ndim == 3 else "MTVC")
        return SkeletonData.from_array(array, self.layout, order, missing=missing)

    def _check_layout(self, layout: str | SkeletonLayout | None) -> None:
        if layout is None:
            return
        given = get_layout(layout)
        if given != self.layout:
            raise DataError(
                "the layouts do not match",
                expected=f"{self.layout.name!r}, {self.layout.num_joints} joints",
                found=f"{given.name!r}, {given.num_joints} joints",
                remedy="SelectJoints picks and reorders joints",
            )

    def _check_rate(self, frame_rate: float | None) -> None:
        known = self.description.frame_rate
        if frame_rate is None:
            return
        if not frame_rate > 0:
            raise DataError("the frame rate is not positive", found=frame_rate)
        if known is None:
            warnings.warn(
                "Recognizer: the file does not say the frame rate that the network was trained "
                "with, so yours is not checked; give it to Recognizer.load(frame_rate=...)",
                stacklevel=4,
            )
        elif not 0.8 < frame_rate / known < 1.25:
            raise DataError(
                "the frame rate is not that of the training",
                expected=f"about {known:g} frames a second",
                found=f"{frame_rate:g}",
                remedy=f"take every {round(frame_rate / known)}th frame"
                if frame_rate / known >= 1.5
                else "record at that rate, or interpolate",
            )

    def _logits(self, clips: list[SkeletonData]) -> Tensor:
        graph = SkeletonGraph.from_data(Batch.from_data_list(clips))
        persons, joints = clips[0].num_persons, self.layout.num_joints
        x = torch.stack([clip.x.view(persons, joints, *clip.x.shape[1:]) for clip in clips])
        with torch.no_grad():
            out = self.network(
                x.transpose(2, 3).float().contiguous(), graph.present.view(len(clips), persons)
            )
        if out.dim() == 3:  # a row for each spiking step
            out = out.mean(0)
        return out.view(len(clips), -1, out.size(-1)).mean(1)  # rows of persons="each" are joined

    def _named(self, share: Tensor) -> dict[str, float]:
        order = share.argsort(descending=True).tolist()
        return {self.class_names[i]: float(share[i]) for i in order}

    def __repr__(self) -> str:
        wanted = self.description
        name = wanted.model.get("name") or "network"
        return (
            f"Recognizer({name}, layout={self.layout.name}, classes={len(self.class_names)}, "
            f"in_channels={wanted.in_channels}, num_frames={wanted.num_frames})"
        )


def _array(keypoints: Any) -> np.ndarray:
    if isinstance(keypoints, Tensor):
        return keypoints.detach().cpu().numpy()
    try:
        array = np.asarray(keypoints)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise DataError(
            "the keypoints are not numbers of one shape",
            expected="an array, a file, or a list of frames with the same joints in each",
            found=f"{type(keypoints).__name__} of {array.dtype}",
        )
    return array.astype("float32") if array.dtype.kind != "f" else array
