"""The parts of a spiking network as numbers for NIR, and those that have no such form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.models import SpikingGraphNetwork
from sgnkit.nn import (
    LIF,
    SASGC,
    SkeletonGraph,
    SpikingEncoder,
    SpikingGraphConv,
    SpikingMultimodalFusion,
)

__all__ = ["Limit", "convolution", "limits_of", "neuron_of", "weights_of"]


class Limit(NamedTuple):
    """A part that NIR cannot express.

    Attributes:
        name: Its name in the network.
        reason: Why.
    """

    name: str
    reason: str


def limits_of(model: nn.Module) -> list[Limit]:
    """Lists the parts of a network that have no form in NIR, in the order of the data."""
    if not isinstance(model, SpikingGraphNetwork):
        return [
            Limit(
                type(model).__name__,
                "real-valued activations: NIR has neurons and linear maps, no ReLU or softmax",
            )
        ]
    limits = [
        Limit(name, reason)
        for name, part in model.named_modules()
        if (reason := _neuron_reason(part))
    ]
    for i, block in enumerate(model.blocks):
        spatial, name = block.spatial, f"blocks.{i}.spatial"
        if isinstance(spatial, SASGC):
            limits.append(
                Limit(
                    f"{name}.attention",
                    "attention multiplies two signals; NIR multiplies signals by constants only",
                )
            )
        elif not isinstance(spatial, SpikingGraphConv):
            kind = type(spatial).__name__
            limits.append(Limit(name, f"{kind} is a layer of its own, not known to be linear"))
        if len(block.temporal.convs) > 1:
            limits.append(
                Limit(f"blocks.{i}.temporal", "one branch takes a maximum over frames; NIR has none")
            )
    order = [name for name, _ in model.named_modules()]
    return sorted(limits, key=lambda limit: order.index(limit.name))


def _neuron_reason(part: nn.Module) -> str | None:
    if isinstance(part, LIF):
        return "soft reset; the LIF of NIR is set to a reset value" if part.soft_reset else None
    return None


def neuron_of(neuron: nn.Module, shape: tuple[int, ...], dt: float) -> Any:
    """Returns the LIF of NIR whose Euler steps of length `dt` are the steps of a neuron."""
    nir = require("nir", "export")
    if not isinstance(neuron, LIF):
        raise ValueError(f"to_nir: {type(neuron).__name__} is no LIF")
    rest = np.full(shape, neuron.v_reset, np.float32)
    return nir.LIF(
        tau=np.full(shape, neuron.tau * dt, np.float32),
        r=np.ones(shape, np.float32),
        v_leak=rest,
        v_threshold=np.full(shape, float(neuron.v_th), np.float32),
        v_reset=rest.copy(),
    )


def weights_of(layer: Any, body: SkeletonGraph) -> tuple[Tensor, Tensor]:
    """Returns a linear layer with its batch norm as one convolution over frames, by probing.

    The layer is asked what it makes of a one in each input, so whatever it is built of, graph,
    weights and norm, is in the answer.

    Shapes:
        - **returns**: weight $(V C_{out}, V C_{in}, k, 1)$ and bias $(V C_{out})$
    """
    joints = body.joint.numel()
    if isinstance(layer, SpikingEncoder):
        return _probe(lambda x: _encoder_current(layer, x, body), joints, layer.in_channels, 3)
    if isinstance(layer, SpikingMultimodalFusion):
        return _fusion_weights(layer, joints)
    return _probe(lambda x: layer.current(x, body), joints, layer.in_channels, 1)


def _probe(function: Any, joints: int, channels: int, kernel: int) -> tuple[Tensor, Tensor]:
    """`function` maps `[S, T, V, C]` to currents and is linear but for a constant."""
    inputs = joints * channels
    x = torch.zeros(inputs + 1, kernel, joints, channels, dtype=torch.double)
    x[:-1, kernel // 2] = torch.eye(inputs, dtype=torch.double).view(inputs, joints, channels)
    out = function(x).flatten(2)  # [inputs + 1, k, V C_out]
    bias = out[-1, kernel // 2]
    weight = (out[:-1] - out[-1]).permute(2, 0, 1).flip(2)  # an impulse comes out mirrored
    return weight.unsqueeze(-1), bias


def _encoder_current(encoder: SpikingEncoder, x: Tensor, body: SkeletonGraph) -> Tensor:
    return torch.stack([encoder.norm(encoder._convolve(part, body)) for part in x])


def _fusion_weights(fusion: SpikingMultimodalFusion, joints: int) -> tuple[Tensor, Tensor]:
    """One block for each joint: the same weights, modalities side by side."""
    q, channels = fusion.num_modalities, fusion.in_channels
    x = torch.zeros(q, q * channels + 1, 1, 1, channels, dtype=torch.double)
    for m in range(q):
        x[m, m * channels : (m + 1) * channels, 0, 0] = torch.eye(channels, dtype=torch.double)
    out = _fusion_current(fusion, x)[:, 0, 0]
    bias, per_joint = out[-1], (out[:-1] - out[-1]).t()  # [C_out, Q C]
    eye = torch.eye(joints, dtype=torch.double)
    blocks = [torch.kron(eye, part.contiguous()) for part in per_joint.chunk(q, dim=1)]
    return torch.cat(blocks, dim=1)[:, :, None, None], bias.repeat(joints)


def _fusion_current(fusion: SpikingMultimodalFusion, x: Tensor) -> Tensor:
    """What a fusion layer gives its neuron."""
    seen: list[Tensor] = []
    handle = fusion.neuron.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        fusion(x, None)  # type: ignore[arg-type]
    finally:
        handle.remove()
    return seen[0]


def convolution(layer: Any) -> tuple[Tensor, Tensor, int, int]:
    """Returns an STC or a shortcut as weight $(C_{out}, C_{in}, k, 1)$, bias, stride, padding."""
    if hasattr(layer, "convs"):
        conv = next(m for m in layer.convs.modules() if isinstance(m, nn.Conv2d))
        weight = conv.weight.detach()
    else:
        weight = layer.lin.weight.detach()[:, :, None, None]
    norm = layer.norm
    scale = (norm.running_var + norm.eps).rsqrt() * norm.weight
    return (
        weight * scale[:, None, None, None],
        norm.bias - norm.running_mean * scale,
        layer.stride,
        (weight.size(2) - 1) // 2,
    )
