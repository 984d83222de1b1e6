"""What the files of a run folder say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sgnkit.errors import DataError
from sgnkit.viz.curves import Points, read_curves

__all__ = ["RunFiles", "RunScores", "read_run"]


class RunScores(NamedTuple):
    r"""Scores of the test clips.

    Shapes:
        - **shares**: $(B, \text{classes})$, rows sum to one
        - **labels**, **predicted**, **copies**: $(B)$
    """

    names: list[str]
    shares: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    predicted: np.ndarray[Any, Any]
    copies: np.ndarray[Any, Any]


class RunFiles(NamedTuple):
    """A run folder, read; what is missing is empty and stands in `notes`."""

    folder: Path
    results: dict[str, Any]
    curves: dict[str, dict[str, Points]]
    scores: RunScores | None
    energy: dict[str, Any] | None
    config: str
    notes: list[str]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the labels."""
        return list(self.results.get("per_class") or {})


def read_run(folder: str | Path) -> RunFiles:
    """Reads the folder of a run, of which every file may be missing but not all.

    Raises:
        DataError: If it is no run folder, or a file in it is damaged.
    """
    folder = Path(folder)
    known = ("results.json", "run.json", "metrics.csv", "config.yaml")
    if not any((folder / name).is_file() for name in known):
        raise DataError(
            "this is no run folder",
            file=folder,
            expected=f"a folder with {', '.join(known)}",
            found="no such folder" if not folder.is_dir() else "none of them",
            remedy="name a folder that sgnkit train wrote, such as runs/NAME/DATE-TIME",
        )
    notes: list[str] = []
    results = _json(folder / "results.json")
    if results is None:
        notes.append("There is no results.json: the training has not come to its end.")
        results = _json(folder / "run.json") or {}
    curves: dict[str, dict[str, Points]] = {}
    if (folder / "metrics.csv").is_file():
        try:
            curves = _finite(read_curves(folder / "metrics.csv"))
        except ValueError as error:
            raise DataError(f"metrics.csv cannot be read: {error}", file=folder) from None
    else:
        notes.append("There is no metrics.csv, so there are no curves.")
    scores = _scores(folder / "scores.npz")
    if scores is None and "confusion" in results:
        notes.append(
            "There is no scores.npz: clips behind the cells of the confusion matrix are known "
            "only as far as the player holds them."
        )
    config = folder / "config.yaml"
    return RunFiles(
        folder,
        results,
        curves,
        scores,
        _json(folder / "energy.json"),
        config.read_text(encoding="utf-8") if config.is_file() else "",
        notes,
    )


def _finite(curves: dict[str, dict[str, Points]]) -> dict[str, dict[str, Points]]:
    """Leaves out points at infinity, which no chart and no JSON can hold."""
    kept = {
        name: {phase: [p for p in points if np.isfinite(p).all()] for phase, points in one.items()}
        for name, one in curves.items()
    }
    kept = {name: {k: v for k, v in one.items() if v} for name, one in kept.items()}
    return {name: one for name, one in kept.items() if one}


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError("the file is no JSON", file=path, found=error) from None
    if not isinstance(content, dict):
        raise DataError("the file holds no table of values", file=path)
    return content


def _scores(path: Path) -> RunScores | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            logits, labels = file["logits"].astype(float), file["labels"].astype(int)
            names, copies = [str(name) for name in file["names"]], file["duplicate"].astype(bool)
    except (OSError, ValueError, KeyError) as error:
        raise DataError("the scores cannot be read", file=path, found=error) from None
    if not len(names) == len(labels) == len(logits) == len(copies):
        raise DataError("the scores do not belong together", file=path, found=logits.shape)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return RunScores(names, shares, labels, logits.argmax(axis=1), copies)
