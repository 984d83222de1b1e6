"""`torch.export` of a network, with numbers of clips and persons left free."""

from __future__ import annotations

import copy
import warnings

import torch
from torch import nn

from sgnkit.export.description import Description
from sgnkit.export.tensors import TensorModel

__all__ = ["frames_of", "to_program"]


def to_program(model: nn.Module, num_frames: int) -> torch.export.ExportedProgram:
    """Captures a network as a graph of core operators of `torch.export`.

    The program takes `x` $(B, M, T, V, C)$ and `present` $(B, M)$ and returns logits; B and M are
    free.

    Args:
        model: A network of `sgnkit.models`. It is captured as in evaluation mode.
        num_frames: Frames T of the input.
    """
    model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    wrapped = TensorModel(model).eval()
    x = torch.zeros(3, 2, num_frames, wrapped.num_joints, model.in_channels)  # type: ignore[call-overload]
    clips, persons = torch.export.Dim("clips", min=1), torch.export.Dim("persons", min=1)
    free = {0: clips, 1: persons}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch itself
        program = torch.export.export(
            wrapped, (x, torch.ones(3, 2, dtype=torch.bool)), dynamic_shapes=(free, dict(free))
        )
        return program.run_decompositions()


def frames_of(description: Description, num_frames: int | None) -> int:
    """Returns the number of frames of an export.

    Raises:
        ValueError: If neither the description nor the caller knows it.
    """
    frames = num_frames or description.num_frames
    if not frames:
        raise ValueError(
            "export: the preprocessing leaves the number of frames open; end it with "
            "UniformSample, or give num_frames"
        )
    return frames
