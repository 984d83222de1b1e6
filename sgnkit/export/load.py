"""One door for every file that holds a trained network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from sgnkit.errors import CheckpointError
from sgnkit.export.description import Description
from sgnkit.export.nir_file import load_nir
from sgnkit.export.onnx_file import load_onnx
from sgnkit.export.pt2_file import load_pt2
from sgnkit.export.tensors import TensorModel
from sgnkit.models.checkpoint import load_model, read_checkpoint

__all__ = ["load_network"]

_LOADERS = {".onnx": load_onnx, ".pt2": load_pt2, ".nir": load_nir}


def load_network(path: str | os.PathLike[str]) -> tuple[Description, Callable[..., Tensor]]:
    r"""Loads a checkpoint or an exported file, by the ending of its name. No code in it is run.

    Args:
        path: A `weights.pt` or `.ckpt` file of a run folder, or an `.onnx`, `.pt2` or `.nir` file
            that sgnkit wrote.

    Shapes:
        - **x**: $(B, M, T, V, C)$
        - **present**: $(B, M)$
        - **returns**: logits $(B, \text{classes})$

    Returns:
        Its description, and a function from `x` $(B, M, T, V, C)$ and `present` $(B, M)$ to
        logits.

    Raises:
        CheckpointError: If the file is missing, damaged, foreign, of another version, or could
            run code.
    """
    path = Path(path)
    if path.suffix in (".pt", ".ckpt"):
        content = read_checkpoint(path)
        model = load_model(path)
        return Description.from_checkpoint(content, model), TensorModel(model.requires_grad_(False))
    if path.suffix not in _LOADERS:
        raise CheckpointError(
            "the ending of the file is not known",
            file=path,
            expected=".pt, .ckpt, .onnx, .pt2 or .nir",
            found=path.suffix or "none",
        )
    if not path.is_file():
        raise CheckpointError(
            "there is no such file",
            file=path,
            remedy=f"write it with sgnkit export --format {path.suffix[1:]}",
        )
    return _LOADERS[path.suffix](path)
