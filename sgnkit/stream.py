"""One frame at a time: class names while the clip goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sgnkit._landmarks import is_landmarks, is_nobody
from sgnkit.data import SkeletonData
from sgnkit.errors import DataError
from sgnkit.export.tensors import TensorModel
from sgnkit.nn.step_frame import step_frame

if TYPE_CHECKING:
    from sgnkit.recognizer import Recognizer

__all__ = ["Stream", "StreamState"]


class StreamState(NamedTuple):
    """What a stream remembers between two frames. It is never changed: each frame makes a new one.

    Attributes:
        network: What the layers remember, by their names.
        transforms: What each transform of the preprocessing remembers.
        present: Which persons have been observed so far.
        num_frames: The number of frames so far.

    Shapes:
        - **present**: $(M)$
    """

    network: dict[str, Any]
    transforms: tuple[Any, ...]
    present: Tensor
    num_frames: int


class Stream:
    """Recognises a stream of frames; the caller owns the state.

    After each frame the shares are those of the clip up to it, as the recogniser would answer
    if it got all these frames at once. A frame takes as long as any other, however many were
    before it. Nothing is hidden: two streams can take turns, and a state can be kept, copied and
    taken up again; `None` is the start.

    Args:
        recognizer: The recogniser, of a network with `causal=True`.
        num_persons: Bodies that a frame has at most. Their order must not change: which body is
            which is up to the caller.
        layout: The layout of the keypoints, to be compared.
        frame_rate: Frames a second, to be compared.
        min_score: Score below which a joint of a detector counts as not seen.
        missing: What NaN means, `"raise"`, `"mask"` or `"zeros"`.

    Shapes:
        - **frame**: keypoints $(V, C)$ or $(M, V, C)$
        - **returns**: share of each class, by its name

    Raises:
        sgnkit.errors.DataError: If the network or its preprocessing looks at later frames.

    Examples:
        >>> import sgnkit
        >>> from sgnkit.export import TensorModel, describe
        >>> model = sgnkit.create_model("base_sgn_small", layout="coco17", num_classes=2,
        ...     causal=True).eval()
        >>> recipe = [{"Center": {"joint": "nose", "causal": True}}]
        >>> recognizer = sgnkit.Recognizer(TensorModel(model), describe(model, ["a", "b"], recipe))
        >>> stream, state = recognizer.stream(), None
        >>> for frame in np.random.rand(5, 17, 3):
        ...     scores, state = stream(frame, state)
        >>> sorted(scores), state.num_frames
        (['a', 'b'], 5)
    """

    def __init__(
        self,
        recognizer: Recognizer,
        num_persons: int = 1,
        *,
        layout: Any = None,
        frame_rate: float | None = None,
        min_score: float = 0.0,
        missing: str = "raise",
    ) -> None:
        if num_persons < 1:
            raise ValueError(f"Stream: num_persons must be at least 1, got {num_persons}")
        network = recognizer.network
        model = network.model if isinstance(network, TensorModel) else None
        if not isinstance(network, TensorModel) or not getattr(model, "causal", False):
            raise DataError(
                "the network looks at later frames, so it cannot run frame by frame",
                expected="a network with causal=True, from weights.pt or a checkpoint",
                found=repr(recognizer),
                remedy="train it with --model.causal true; exported files hold whole clips",
            )
        recognizer._check_layout(layout)
        recognizer._check_rate(frame_rate)
        self.recognizer = recognizer
        self.num_persons = num_persons
        self.min_score = min_score
        self.missing = missing
        self._model = network.model
        self._transforms = list(recognizer.transform.transforms)
        # says now, not at the first frame, if a transform has to see the whole clip
        wanted, joints = recognizer.description.in_channels, recognizer.layout.num_joints
        self._nobody = np.zeros((num_persons, 1, joints, wanted), "float32")
        self._prepare(self._from_array(self._nobody), None)
        self._graph = network.graph(1, torch.ones(1, num_persons, dtype=torch.bool))

    def __call__(
        self, frame: Any, state: StreamState | None = None
    ) -> tuple[dict[str, float], StreamState]:
        """Takes one frame.

        Args:
            frame: An array (joints, coordinates) or (persons, joints, coordinates), what OpenPose
                or MediaPipe returned for one frame, or `None` if nobody was found.
            state: What the last call returned; `None` is the start.

        Returns:
            The share of each class in the clip so far, largest first, and the state.

        Raises:
            sgnkit.errors.DataError: If the keypoints do not fit; the message says what and where.
        """
        clip = self._clip(frame)
        found = clip.mask & (clip.x != 0).any(-1)
        present = found.view(self.num_persons, -1).any(-1)
        if state is not None:
            present = present | state.present
        clip.mask = clip.mask & present[clip.person].unsqueeze(-1)
        clip, transforms = self._prepare(clip, state)
        graph = self._graph._replace(present=present)
        with torch.no_grad():
            logits, network = step_frame(
                self._model, clip.x.float(), graph, state=state and state.network
            )
        if logits.dim() == 3:  # a row for each spiking step
            logits = logits.mean(0)
        if len(logits) == self.num_persons and present.any():  # a row for each body
            logits = logits[present] if self.num_persons > 1 else logits
        number = 1 if state is None else state.num_frames + 1
        shares = self.recognizer._named(logits.mean(0).softmax(-1))
        return shares, StreamState(network, transforms, present, number)

    def run(
        self, frames: Iterable[Any], state: StreamState | None = None
    ) -> Iterator[dict[str, float]]:
        """Yields the shares after each frame of a camera, a file or a list."""
        for frame in frames:
            shares, state = self(frame, state)
            yield shares

    def _prepare(
        self, clip: SkeletonData, state: StreamState | None
    ) -> tuple[SkeletonData, tuple[Any, ...]]:
        before = (None,) * len(self._transforms) if state is None else state.transforms
        after = []
        for transform, remembered in zip(self._transforms, before, strict=True):
            clip, remembered = transform.step_frame(clip, remembered)
            after.append(remembered)
        return clip, tuple(after)

    def _clip(self, frame: Any) -> SkeletonData:
        """Returns a frame as a clip with all bodies, checked."""
        if is_nobody(frame):
            clip = self._from_array(self._nobody)
            clip.mask = torch.zeros_like(clip.mask)
            return clip
        if not isinstance(frame, (np.ndarray, Tensor)) and is_landmarks([frame]):
            clip = self.recognizer._clip([frame], None, self.min_score, self.missing)
            array, mask = clip.to_array("MTVC"), clip.to_array("MTV", attr="mask")
        else:
            array, mask = np.asarray(frame), None
            if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
                raise DataError(
                    "the frame is no array of keypoints",
                    expected="(joints, coordinates) or (persons, joints, coordinates)",
                    found=f"shape {array.shape} of {array.dtype}",
                )
            array = array.reshape(-1, 1, *array.shape[-2:]).astype("float32")
        return self._from_array(array, mask)

    def _from_array(self, array: np.ndarray, mask: np.ndarray | None = None) -> SkeletonData:
        """Returns keypoints (M, 1, V, C) of at most so many persons as a clip of all of them."""
        persons, channels = array.shape[0], array.shape[-1]
        if channels != self._nobody.shape[-1]:
            raise DataError(
                "wrong number of coordinates",
                expected=f"{self._nobody.shape[-1]} coordinates a joint",
                found=channels,
            )
        if persons > self.num_persons:
            raise DataError(
                "too many persons in the frame",
                expected=f"at most {self.num_persons}, the num_persons of the stream",
                found=persons,
                remedy="choose persons before, or give stream(num_persons=...)",
            )
        layout = self.recognizer.layout
        observed = np.ones(array.shape[:-1], bool) if mask is None else mask
        if persons < self.num_persons:
            absent = [(0, self.num_persons - persons)]
            array = np.pad(array, absent + [(0, 0)] * 3)
            observed = np.pad(observed, absent + [(0, 0)] * 2)
        return SkeletonData.from_array(
            array, layout, "MTVC", mask=observed, persons="all", missing=self.missing
        )
