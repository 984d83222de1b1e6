"""Files of `torch.export`, written and read without trust."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.errors import CheckpointError
from sgnkit.export._pt2_archive import EXTRA, checked_archive
from sgnkit.export.description import Description
from sgnkit.export.program import frames_of, to_program

__all__ = ["load_pt2", "to_pt2"]


def to_pt2(
    model: nn.Module,
    path: str | os.PathLike[str],
    description: Description,
    *,
    num_frames: int | None = None,
) -> None:
    """Writes a network as a program of `torch.export`.

    It needs torch alone to run: inputs are `x` $(B, M, T, V, C)$ and `present` $(B, M)$, the
    output is logits; numbers of clips B and persons M are free.

    Args:
        model: A network of `sgnkit.models`.
        path: File to write, which ends with `.pt2`.
        description: What [`describe`][sgnkit.export.describe] returned.
        num_frames: Frames T, where the preprocessing leaves them open.

    Raises:
        ValueError: If the number of frames is not known.
    """
    frames = frames_of(description, num_frames)
    program = to_program(model, frames)
    extra: dict[str, Any] = {EXTRA: replace(description, num_frames=frames).to_json()}
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about views among the weights
        torch.export.save(program, file, extra_files=extra)
    content, _ = checked_archive(file.getvalue(), Path(path))
    Path(path).write_bytes(content)


def load_pt2(path: str | os.PathLike[str]) -> tuple[Description, Callable[..., Tensor]]:
    r"""Loads what `to_pt2` wrote, without running anything else that may be in the file.

    `torch.export.load` unpickles, evaluates and looks up what a file tells it to. This function
    hands it a checked copy that holds core operators and numbers only.

    Args:
        path: A `.pt2` file.

    Shapes:
        - **x**: $(B, M, T, V, C)$
        - **present**: $(B, M)$
        - **returns**: logits $(B, \text{classes})$

    Returns:
        Its description, and a function from `x` and `present` to logits.

    Raises:
        CheckpointError: If the file is damaged, foreign, of another version, or could run code.
    """
    path = Path(path)
    content, text = checked_archive(path.read_bytes(), path)
    description = Description.from_json(text, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # a damaged file can make torch raise anything
        written = description.versions.get("torch", "unknown")
        raise CheckpointError(
            "torch cannot load the program",
            file=path,
            found=f"{type(error).__name__}: {str(error).strip()[:160]}",
            remedy=f"written with torch {written}, this is {torch.__version__}; export it again",
        ) from None

    def run(x: Tensor, present: Tensor) -> Tensor:
        return module(x, present)

    return description, run
