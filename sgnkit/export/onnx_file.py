"""ONNX files: written by torch, run by onnxruntime."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.errors import CheckpointError
from sgnkit.export.description import Description
from sgnkit.export.program import frames_of, to_program

__all__ = ["load_onnx", "to_onnx"]

_KEY = "sgnkit"
_LIMIT = 2 << 30  # what a protocol buffer can hold


def to_onnx(
    model: nn.Module,
    path: str | os.PathLike[str],
    description: Description,
    *,
    num_frames: int | None = None,
) -> None:
    """Writes a network as one ONNX file.

    Inputs are `x` $(B, M, T, V, C)$ and `present` $(B, M)$, the output is `logits`; numbers of
    clips B and persons M are free. The [`Description`][sgnkit.export.Description] stands in the
    metadata.

    Args:
        model: A network of `sgnkit.models`.
        path: File to write.
        description: What [`describe`][sgnkit.export.describe] returned.
        num_frames: Frames T, where the preprocessing leaves them open.

    Raises:
        ImportError: If `sgnkit[export]` is not installed.
        ValueError: If the number of frames is not known.
    """
    require("onnx", "export")
    require("onnxscript", "export")
    frames = frames_of(description, num_frames)
    program = to_program(model, frames)
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                input_names=["x", "present"],
                output_names=["logits"],
            )
    finally:
        noisy.setLevel(level)
    assert exported is not None
    proto = exported.model_proto
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, proto.graph):
        del part.metadata_props[:]  # where in which source file each node came from
        part.doc_string = ""
    for function in proto.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    del proto.metadata_props[:]
    entry = proto.metadata_props.add()
    entry.key, entry.value = _KEY, replace(description, num_frames=frames).to_json()
    Path(path).write_bytes(proto.SerializeToString())


def load_onnx(path: str | os.PathLike[str]) -> tuple[Description, Callable[..., Tensor]]:
    r"""Loads what `to_onnx` wrote into onnxruntime, on the CPU.

    An ONNX file holds operators and numbers, and the file is handed over as bytes, so that it can
    name no other file. Operators that onnxruntime does not bring are refused by it.

    Args:
        path: An ONNX file.

    Shapes:
        - **x**: $(B, M, T, V, C)$
        - **present**: $(B, M)$
        - **returns**: logits $(B, \text{classes})$

    Returns:
        Its description, and a function from `x` and `present` to logits.

    Raises:
        CheckpointError: If the file is damaged, foreign or of another version.
        ImportError: If `sgnkit[export]` is not installed.
    """
    runtime = require("onnxruntime", "export")
    path = Path(path)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    if path.stat().st_size > _LIMIT:
        raise CheckpointError("the file is too large for ONNX", file=path, expected="2 GiB at most")
    try:
        session = runtime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        text = session.get_modelmeta().custom_metadata_map.get(_KEY, "")
        inputs = {i.name: list(i.shape) for i in session.get_inputs()}
    except Exception as error:  # onnxruntime has errors of its own for each way to be damaged
        raise CheckpointError(
            "the file is damaged or no ONNX model",
            file=path,
            found=str(error).strip().splitlines()[0][:160],
            remedy="export it again",
        ) from None
    description = Description.from_json(text, path)
    if list(inputs) != ["x", "present"]:
        raise CheckpointError(
            "the inputs are not those of sgnkit",
            file=path,
            expected="x, present",
            found=", ".join(inputs),
        )

    def run(x: Tensor, present: Tensor) -> Tensor:
        (logits,) = session.run(None, {"x": x.numpy(), "present": present.numpy()})
        return torch.from_numpy(np.asarray(logits))

    return description, run
