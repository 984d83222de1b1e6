"""Square matrices with names: confusion of classes, mutual information of modalities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sgnkit.viz.style import INK, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_confusion", "plot_mutual_information"]

_MOST_NUMBERS = 25
"""Largest matrix whose cells carry numbers, and whose every row carries its name."""


def plot_confusion(matrix: Any, names: Sequence[str] | None = None) -> Figure:
    r"""Draws a confusion matrix: true classes in rows, predicted classes in columns.

    The shade is the share of the row (the recall on the diagonal), the number is the count.

    Args:
        matrix: Counts, array or tensor.
        names: One name for each class. Class numbers by default.

    Shapes:
        - **matrix**: (classes, classes), [true, predicted]

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: The matrix is not square, or the number of names differs.

    Examples:
        >>> figure = plot_confusion([[3, 1], [0, 4]], ["sit", "stand"])
        >>> figure.axes[0].get_title(loc="left")
        'accuracy 87.5 % of 8 clips'
    """
    counts = _square("plot_confusion", matrix, "class", names)
    total = counts.sum()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [str(i) for i in range(len(counts))] if names is None else list(names)
    texts = _texts(counts, "{:g}", hide_zero=True)
    figure, ax = _heatmap(share, labels, texts, 1.0, "share of the true class")
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    accuracy = 100 * np.trace(counts) / max(total, 1)
    tidy(ax, f"accuracy {accuracy:.1f} % of {total:g} clips", grid=False)
    return figure


def plot_mutual_information(matrix: Any, names: Sequence[str] | None = None) -> Figure:
    r"""Draws the mutual information between the spike trains of the modalities, in nats.

    The diagonal holds the entropy of each modality: it is printed, and left out of the shades,
    as it would hide the differences between pairs.

    Args:
        matrix: Mutual information of each pair; the mean is drawn of a stack over clips.
        names: One name for each modality. Numbers by default.

    Shapes:
        - **matrix**: (modalities, modalities), or (B, modalities, modalities)

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: The matrix is not square, or the number of names differs.

    Examples:
        >>> figure = plot_mutual_information([[0.6, 0.1], [0.1, 0.5]], ["joint", "bone"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0.6', '0.1', '0.1', '0.5']
    """
    values = _square("plot_mutual_information", matrix, "modality", names)
    labels = [str(i) for i in range(len(values))] if names is None else list(names)
    off_diagonal = np.where(np.eye(len(values), dtype=bool), np.nan, values)
    highest = np.nanmax(off_diagonal) if len(values) > 1 else 1.0
    texts = _texts(values, "{:.2g}")
    figure, ax = _heatmap(off_diagonal, labels, texts, float(highest) or 1.0, "nats")
    tidy(ax, "mutual information (diagonal: entropy)", grid=False)
    return figure


def _square(
    function: str, matrix: Any, what: str, names: Sequence[str] | None
) -> np.ndarray[Any, Any]:
    """Returns a square float array, the mean over a leading dimension."""
    if hasattr(matrix, "detach"):
        matrix = matrix.detach().cpu().double().numpy()
    array = np.asarray(matrix, dtype=float)
    if array.ndim == 3 and what == "modality":
        array = array.mean(axis=0)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(f"{function}: expected a square matrix, got shape {array.shape}")
    if names is not None and len(names) != len(array):
        raise ValueError(
            f"{function}: expected one name for each {what} ({len(array)}), got {len(names)}"
        )
    return array


def _texts(values: np.ndarray[Any, Any], form: str, hide_zero: bool = False) -> list[list[str]]:
    return [["" if hide_zero and v == 0 else form.format(v) for v in row] for row in values]


def _heatmap(
    shade: np.ndarray[Any, Any], labels: list[str], texts: list[list[str]], high: float, unit: str
) -> tuple[Figure, Axes]:
    """Draws a matrix of shades with a text in each cell and names along both sides."""
    size = len(shade)
    side = min(max(2.6, 1.6 + 0.36 * size), 12.0)
    figure, (ax,) = new_figure(side + 1.4, side + 0.6)
    image = ax.imshow(shade, cmap="Blues", vmin=0.0, vmax=high)
    step = 1 if size <= _MOST_NUMBERS else 5
    ticks = list(range(0, size, step))
    upright = max(map(len, labels)) > 3
    ax.set_xticks(
        ticks,
        [labels[i] for i in ticks],
        rotation=45 if upright else 0,
        ha="right" if upright else "center",
        rotation_mode="anchor",
    )
    ax.set_yticks(ticks, [labels[i] for i in ticks])
    if size <= _MOST_NUMBERS:
        for i, row in enumerate(texts):
            for j, text in enumerate(row):
                dark = shade[i, j] > 0.6 * high
                ax.text(
                    j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else INK
                )
    bar = figure.colorbar(image, ax=ax, shrink=0.75, aspect=25)
    bar.outline.set_visible(False)
    bar.set_label(unit, fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, length=2)
    return figure, ax
