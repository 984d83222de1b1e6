"""Files of trained weights that say themselves which model they belong to."""

from __future__ import annotations

import pickle
import platform
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sgnkit.errors import CheckpointError

__all__ = [
    "build_model",
    "check_description",
    "describe_model",
    "load_model",
    "plain",
    "read_checkpoint",
    "save_weights",
    "versions",
]

_FORMAT = "sgnkit-1"


def build_model(name: str, layout: Any, num_classes: int, options: dict[str, Any]) -> nn.Module:
    """Builds a model from plain values.

    Args:
        name: Name of its preset.
        layout: Layout of the skeletons.
        num_classes: Number of classes.
        options: Further arguments of its constructor. `neuron` is the name of a neuron of
            `sgnkit.nn`, or `{name: {argument: value}}`.

    Raises:
        ValueError: If a value is not legal.
    """
    import sgnkit.nn
    from sgnkit.models.registry import create_model

    options = dict(options)
    neuron = options.pop("neuron", None)
    if neuron is not None:
        ((kind, arguments),) = ({neuron: {}} if isinstance(neuron, str) else neuron).items()
        if kind not in sgnkit.nn.__all__:
            raise ValueError(f"neuron: sgnkit.nn has no '{kind}'")
        options["neuron"] = getattr(sgnkit.nn, kind)(**arguments)
    return create_model(name, layout=layout, num_classes=num_classes, **options)


def describe_model(
    model: nn.Module, name: str, options: dict[str, Any], class_names: list[str]
) -> dict[str, Any]:
    """Returns, as plain values, all that is needed to build the model again.

    Args:
        model: The model.
        name: Name of its preset.
        options: Arguments of its constructor, layout and number of classes aside.
        class_names: Names of the classes, in the order of the labels.
    """
    layout: Any = model.layout
    return {
        "format": _FORMAT,
        "model": {"name": name, **plain(options)},
        "layout": layout.to_dict(),
        "class_names": list(class_names),
        "versions": versions(),
    }


def save_weights(
    path: str | Path, model: nn.Module, description: dict[str, Any], **more: Any
) -> None:
    """Writes the weights of a model with its description, and nothing else.

    Args:
        path: File to write.
        model: The model. Its floating-point weights are stored as float32.
        description: What [`describe_model`][sgnkit.training.describe_model] returns.
        **more: Further plain values to keep, such as the experiment.
    """
    state = {
        key: (value.float() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in model.state_dict().items()
    }
    torch.save({**description, **more, "state_dict": state}, path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint or a weights file without running any code in it.

    Args:
        path: A `weights.pt` or a `.ckpt` file of a run folder.

    Returns:
        What [`describe_model`][sgnkit.training.describe_model] wrote, the weights as
        `state_dict`, and `training: True` if a training can be continued from the file.

    Raises:
        CheckpointError: If the file is missing, damaged, foreign, or holds code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            "there is no such checkpoint",
            file=path,
            remedy="look into runs/ for a weights.pt or a checkpoints/last.ckpt",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the dialect of foreign pickles
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not any(word in str(error) for word in ("Unsupported global", "unrecognized")):
            raise _damaged(path, "not written by torch.save") from None
        raise CheckpointError(
            "the file holds Python objects, which could run code when they are loaded",
            file=path,
            expected="tensors and plain values, as sgnkit writes them",
            remedy="take the weights.pt that `sgnkit train` wrote; "
            "convert foreign weights where you trust them",
        ) from None
    except Exception as error:  # a damaged file can make torch.load raise anything
        raise _damaged(path, str(error) or type(error).__name__) from None
    if isinstance(content, dict) and isinstance(content.get("sgnkit"), dict):
        description, prefix = content["sgnkit"], "model."
        state = {
            key.removeprefix(prefix): value
            for key, value in dict(content.get("state_dict") or {}).items()
            if str(key).startswith(prefix)
        }
        content = {**description, "state_dict": state, "training": True}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        found = type(content).__name__
        if isinstance(content, dict):
            found = f"keys {', '.join(map(str, list(content)[:6]))}"
        raise CheckpointError(
            "the file is no checkpoint of sgnkit",
            file=path,
            expected=f"a file with format '{_FORMAT}'",
            found=found,
            remedy="build the model with sgnkit.create_model and call load_state_dict yourself",
        )
    check_description(content, path)
    if not isinstance(content.get("state_dict"), dict):
        raise _damaged(path, "state_dict is missing or no table of tensors")
    return content


def check_description(content: dict[str, Any], path: str | Path) -> None:
    """Checks that a description read from a file has all its parts.

    Args:
        content: What [`describe_model`][sgnkit.training.describe_model] wrote, as it was read.
        path: The file it was read from.

    Raises:
        CheckpointError: If a part is missing or of another kind; the message names it.
    """
    model, names = content.get("model"), content.get("class_names")
    for part, right in {
        "model": isinstance(model, dict) and isinstance(model.get("name"), str),
        "layout": isinstance(content.get("layout"), dict),
        "class_names": isinstance(names, list) and all(isinstance(name, str) for name in names),
        "versions": isinstance(content.get("versions", {}), dict),
        "config": isinstance(content.get("config", {}), dict),
    }.items():
        if not right:
            raise _damaged(Path(path), f"{part} is missing or of the wrong kind")


def load_model(path: str | Path, map_location: str | torch.device = "cpu") -> nn.Module:
    """Builds a trained model from a checkpoint alone.

    Args:
        path: A `weights.pt` or a `.ckpt` file of a run folder.
        map_location: Device of the model.

    Returns:
        The model in evaluation mode, with the attributes `layout` and `class_names`.

    Raises:
        CheckpointError: If the file is missing, damaged, foreign, holds code, or does not fit
            this version of sgnkit.
    """
    from sgnkit.layout import SkeletonLayout

    content = read_checkpoint(path)
    options = dict(content["model"])
    name = options.pop("name")
    try:
        layout = SkeletonLayout.from_dict(content["layout"])
        model = build_model(name, layout, len(content["class_names"]), options)
        model.load_state_dict(content["state_dict"])
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
        written = content.get("versions", {}).get("sgnkit", "unknown")
        raise CheckpointError(
            f"the weights do not fit the model '{name}' of this version: {error}",
            file=path,
            found=f"written by sgnkit {written}",
            remedy=f"install sgnkit {written}, or train again",
        ) from None
    model.class_names = list(content["class_names"])  # type: ignore[assignment]
    return model.to(map_location).eval()


def plain(value: Any) -> Any:
    """Turns nested values into those that YAML, JSON and safe checkpoints can hold."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def versions() -> dict[str, str]:
    """Returns the versions that a result depends on."""
    import torch_geometric

    from sgnkit._version import __version__

    found = {
        "sgnkit": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torch_geometric": torch_geometric.__version__,
    }
    for name in ("norse", "lightning"):
        try:
            from importlib.metadata import version

            found[name] = version(name)
        except ImportError:
            continue
    return found


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        "the file is damaged or no checkpoint",
        file=path,
        found=reason.strip().splitlines()[0][:160],
        remedy="copy it again, or take another checkpoint of the same run",
    )
