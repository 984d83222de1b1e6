"""From clips to scores, and from scores to the figures of a result."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sgnkit.errors import DataError

__all__ = ["Scores", "evaluate", "score_clips"]


@dataclass
class Scores:
    r"""The logits of a model for some clips.

    Args:
        names: Names of the clips, all different.
        logits: One row per clip.
        labels: True classes.
        duplicate: Whether a clip is a copy of a training clip.

    Shapes:
        - **logits**: $(B, \text{classes})$
        - **labels**, **duplicate**: $(B)$
    """

    names: list[str]
    logits: Tensor
    labels: Tensor
    duplicate: Tensor

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(
                "two clips have the same name, so their scores cannot be told apart",
                place=f"clip '{twice}'",
            )

    def save(self, path: str | Path) -> None:
        """Writes the scores as an `.npz` file, keyed by the names of the clips."""
        np.savez_compressed(
            path,
            names=np.array(self.names),
            logits=self.logits.numpy(),
            labels=self.labels.numpy(),
            duplicate=self.duplicate.numpy(),
        )

    @classmethod
    def load(cls, path: str | Path) -> Scores:
        """Reads a file that [`save`][sgnkit.training.Scores.save] wrote."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(
                    [str(name) for name in file["names"]],
                    torch.from_numpy(file["logits"]),
                    torch.from_numpy(file["labels"]),
                    torch.from_numpy(file["duplicate"]),
                )
        except (DataError, FileNotFoundError):
            raise
        except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(
                "the file is damaged or holds no scores of sgnkit",
                file=path,
                found=str(error),
                remedy="write it again: sgnkit predict --out scores.npz",
            ) from None


def clip_logits(logits: Tensor) -> Tensor:
    """Returns one row per clip: the mean over the spiking steps where a model tells them apart."""
    return logits.mean(0) if logits.dim() == 3 else logits


@torch.no_grad()
def score_clips(model: nn.Module, loader: Iterable[Any]) -> Scores:
    """Returns the logits of a model for all clips of a loader.

    Args:
        model: The model, which runs in evaluation mode and float32.
        loader: Batches of clips.
    """
    model.eval()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    names: list[str] = []
    logits, labels, duplicate = [], [], []
    for batch in loader:
        batch = batch.to(device, non_blocking=True)
        logits.append(clip_logits(model(batch)).float().cpu())
        labels.append(batch.y.cpu())
        copies = getattr(batch, "duplicate", None)
        if copies is None:
            copies = torch.zeros(batch.num_graphs, dtype=torch.bool)
        duplicate.append(torch.as_tensor(copies).reshape(-1).bool().cpu())
        names += list(batch.name)
    return Scores(names, torch.cat(logits), torch.cat(labels), torch.cat(duplicate))


def evaluate(scores: Scores, class_names: list[str]) -> dict[str, Any]:
    """Turns scores into the figures of a result.

    Args:
        scores: Scores of the test clips.
        class_names: Names of the classes.

    Returns:
        Accuracy on all clips ("standard") and on those that are no copies of training clips
        ("clean"), each with its number of clips, top-5, the recall of each class, and the
        confusion matrix [true, predicted].

    Examples:
        >>> copies = torch.tensor([False, True])
        >>> scores = Scores(["a", "b"], torch.eye(2), torch.tensor([0, 0]), copies)
        >>> result = evaluate(scores, ["sit", "stand"])
        >>> result["accuracy"], result["clean_accuracy"]
        (0.5, 1.0)
    """
    classes = len(class_names)
    predicted = scores.logits.argmax(-1)
    right = predicted == scores.labels
    top5 = scores.logits.topk(min(5, classes), -1).indices == scores.labels[:, None]
    clean = ~scores.duplicate
    confusion = torch.bincount(scores.labels * classes + predicted, minlength=classes**2)
    confusion = confusion.view(classes, classes)
    return {
        "clips": len(right),
        "accuracy": _share(right),
        "clean_clips": int(clean.sum()),
        "clean_accuracy": _share(right[clean]),
        "top5_accuracy": _share(top5.any(-1)),
        "per_class": {
            name: _share(right[scores.labels == label]) for label, name in enumerate(class_names)
        },
        "clean_per_class": {
            name: _share(right[clean & (scores.labels == label)])
            for label, name in enumerate(class_names)
        },
        "confusion": confusion.tolist(),
    }


def _share(right: Tensor) -> float | None:
    """Returns the share of true values; None if there are none at all."""
    return round(float(right.double().mean()), 6) if right.numel() else None
