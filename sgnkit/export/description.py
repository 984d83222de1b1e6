"""What every exported file says about itself: layout, classes, preprocessing, versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from sgnkit.data import SkeletonData
from sgnkit.errors import CheckpointError, DataError
from sgnkit.layout import SkeletonLayout, register_layout
from sgnkit.models.checkpoint import check_description, plain, versions
from sgnkit.transforms.recipe import transforms_from_recipe

__all__ = ["Description", "describe"]

_FORMAT = "sgnkit-export-1"


@dataclass(frozen=True)
class Description:
    """The card of an exported network, in plain values.

    Attributes:
        model: Name of the preset and arguments of the network, as far as they are known.
        layout: The layout, as `SkeletonLayout.to_dict` returns it.
        class_names: Names of the classes, in the order of the logits.
        in_channels: Coordinates of a joint after preprocessing.
        num_frames: Frames after preprocessing, or `None` if any number goes.
        preprocessing: Transforms from raw keypoints to the input of the network.
        frame_rate: Frames a second of the recordings that the network knows, if that is known.
        versions: Versions of sgnkit and what it is built on.
        extra: What only one format needs.
    """

    model: dict[str, Any]
    layout: dict[str, Any]
    class_names: list[str]
    in_channels: int
    num_frames: int | None = None
    preprocessing: list[Any] = field(default_factory=list)
    frame_rate: float | None = None
    versions: dict[str, str] = field(default_factory=versions)
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the description as JSON text."""
        return json.dumps({"format": _FORMAT, **plain(asdict(self))})

    @classmethod
    def from_json(cls, text: str | bytes, path: str | Path) -> Description:
        """Reads a description back; nothing in it can run.

        Args:
            text: What `to_json` returned.
            path: The file it was found in, for messages.

        Raises:
            CheckpointError: If the text is damaged, foreign or of another version.
        """
        try:
            content = json.loads(text)
            found = str(content.pop("format"))
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise CheckpointError(
                "the file carries no description of sgnkit",
                file=path,
                expected=f"JSON with format {_FORMAT!r}",
                remedy="write it with sgnkit export",
            ) from None
        if found != _FORMAT:
            raise CheckpointError(
                "the file was written by another version of sgnkit",
                file=path,
                expected=f"format {_FORMAT!r}",
                found=f"format {found!r}, sgnkit {_written(content)}",
                remedy="export the weights again with this version, or install that one",
            )
        check_description(content, path)
        try:
            description = cls(**content)
            right = isinstance(description.in_channels, int) and all(
                isinstance(value, kind)
                for value, kind in (
                    (description.num_frames, int | None),
                    (description.frame_rate, int | float | None),
                    (description.preprocessing, list),
                    (description.extra, dict),
                )
            )
        except TypeError:
            right = False
        if not right:
            raise CheckpointError("the description in the file is damaged", file=path)
        return description

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any], model: nn.Module) -> Description:
        """Describes trained weights: preprocessing is that of the test clips of the experiment.

        Args:
            content: What [`read_checkpoint`][sgnkit.training.read_checkpoint] returned.
            model: The model that was built from it.
        """
        config = content.get("config", {})
        recipe = [*config.get("pre_transforms", []), *config.get("test_transforms", [])]
        found = describe(model, content["class_names"], recipe, model_name=content["model"]["name"])
        return replace(found, model=content["model"], versions=content.get("versions", {}))

    def skeleton(self, path: str | Path) -> SkeletonLayout:
        """Returns the layout, registered so that clips can name it.

        Raises:
            CheckpointError: If it is damaged, or another layout has its name.
        """
        try:
            layout = SkeletonLayout.from_dict(self.layout)
            register_layout(layout)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(
                "the layout of the file cannot be used", file=path, found=str(error)
            ) from None
        return layout


def describe(
    model: nn.Module,
    class_names: Sequence[str],
    preprocessing: Sequence[Any] = (),
    *,
    frame_rate: float | None = None,
    num_frames: int | None = None,
    model_name: str = "",
) -> Description:
    """Describes a network of one's own for an export.

    Args:
        model: A network of `sgnkit.models`.
        class_names: Names of the classes, in the order of the labels.
        preprocessing: Transforms from raw keypoints to the input of the network, as in the
            `test_transforms` of an experiment file.
        frame_rate: Frames a second of the recordings.
        num_frames: Frames after preprocessing; found by trying where the transforms fix it.
        model_name: Name of the preset.

    Raises:
        ValueError: If the number of names is not that of the classes.
        sgnkit.errors.ConfigError: If a transform is unknown.

    Examples:
        >>> import sgnkit
        >>> model = sgnkit.create_model("base_sgn_small", layout="kinect20", num_classes=2)
        >>> describe(model, ["sit", "stand"], [{"UniformSample": {"num_frames": 16}}]).num_frames
        16
    """
    found: Any = model
    if len(class_names) != found.num_classes:
        raise ValueError(
            f"describe: the model has {found.num_classes} classes, got {len(class_names)} names"
        )
    recipe = plain(list(preprocessing))
    frames = num_frames or _frames_after(recipe, found.layout, found.in_channels)
    options = {"name": model_name, **getattr(model, "options", {})}
    return Description(
        model=plain(options),
        layout=found.layout.to_dict(),
        class_names=list(class_names),
        in_channels=found.in_channels,
        num_frames=frames,
        preprocessing=recipe,
        frame_rate=frame_rate,
    )


def _frames_after(recipe: list[Any], layout: SkeletonLayout, channels: int) -> int | None:
    """The number of frames that the transforms always return, if there is one."""
    transform = transforms_from_recipe(recipe, "preprocessing")
    register_layout(layout)
    random = np.random.default_rng(0)
    found = set()
    for frames in (40, 97):
        steps = random.normal(0, 0.01, (frames, layout.num_joints, channels)).cumsum(0)
        array = (steps + random.normal(size=steps.shape[1:])).astype("float32")
        try:
            clip = transform(SkeletonData.from_array(array, layout, "TVC"))
        except (DataError, ValueError):
            return None
        found.add(None if clip is None else clip.x.size(1))
    return found.pop() if len(found) == 1 else None


def _written(content: Any) -> str:
    known = content.get("versions") if isinstance(content, dict) else None
    return str(known.get("sgnkit", "unknown")) if isinstance(known, dict) else "unknown"
