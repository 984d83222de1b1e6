"""The parts of a spiking network as numbers for NIR, and those that have no such form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.layout import SkeletonLayout
from sgnkit.models import SpikingGraphNetwork
from sgnkit.nn import (
    LIF,
    SASGC,
    STC,
    SpikingEncoder,
    SpikingGraphConv,
    SpikingMultimodalFusion,
)

__all__ = [
    "Limit",
    "convolution",
    "edge_graphs",
    "encoder_weights",
    "fusion_weights",
    "limits_of",
    "neuron_of",
    "spatial_weights",
]


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
    blocks: Any = model.blocks
    if model.causal:
        limits += [
            Limit(name, "a causal kernel; NIR pads both ends of a clip alike")
            for name, part in model.named_modules()
            if isinstance(part, (SpikingEncoder, STC))
        ]
    for i, block in enumerate(blocks):
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
                Limit(
                    f"blocks.{i}.temporal", "one branch takes a maximum over frames; NIR has none"
                )
            )
    order = [name for name, _ in model.named_modules()]
    return sorted(limits, key=lambda limit: order.index(limit.name))


def _neuron_reason(part: nn.Module) -> str | None:
    if isinstance(part, LIF):
        return "soft reset; the LIF of NIR is set to a reset value" if part.soft_reset else None
    neuron = getattr(part, "neuron", None)
    if isinstance(neuron, nn.Module) and not isinstance(neuron, LIF):
        return f"its neuron is a {type(neuron).__name__}; only LIF and PLIF have a form in NIR"
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


def spatial_weights(layer: SpikingGraphConv) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Returns a graph convolution with its batch norm folded in.

    Shapes:
        - **returns**: for each subset the graph $(V, V)$, rows are targets, and the weight
          $(C_{out}, C_{in}, 1, 1)$; the bias $(C_{out})$
    """
    scale, bias = folded(layer.norm)
    graphs = [graph.t() for graph in layer.adjacency()]
    weights = layer.lin.weight.chunk(len(graphs))
    return graphs, [image(weight * scale[:, None]) for weight in weights], bias


def encoder_weights(encoder: SpikingEncoder) -> tuple[list[Tensor], Tensor]:
    """Returns the three columns of an encoder's kernel, $(C_{out}, C_{in}, 3, 1)$, and the bias."""
    scale, bias = folded(encoder.norm)
    columns = encoder.conv.weight.chunk(3)
    return [column * scale[:, None, None, None] for column in columns], bias


def fusion_weights(fusion: SpikingMultimodalFusion) -> tuple[list[Tensor], Tensor]:
    """Returns the weight $(C_{out}, C_{in}, 1, 1)$ of each modality, and the bias."""
    scale, bias = folded(fusion.norm)
    weight = fusion.lin.weight * scale[:, None]
    if fusion.method == "concat":
        return [image(part) for part in weight.chunk(fusion.num_modalities, dim=1)], bias
    shares = fusion.weights(weight, None)  # type: ignore[arg-type]
    return [image(weight * share) for share in shares], bias


def convolution(layer: Any) -> tuple[Tensor, Tensor, int]:
    """Returns an STC or a shortcut as weight $(C_{out}, C_{in}, k, 1)$, bias and stride."""
    scale, bias = folded(layer.norm)
    if hasattr(layer, "convs"):
        weight = next(m.weight for m in layer.convs.modules() if isinstance(m, nn.Conv2d))
    else:
        weight = image(layer.lin.weight)
    return weight * scale[:, None, None, None], bias, layer.stride


def folded(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Returns a batch norm in evaluation mode as factor and shift."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = (norm.running_var + norm.eps).rsqrt() * norm.weight
    return scale, norm.bias - norm.running_mean * scale


def image(weight: Tensor) -> Tensor:
    """Returns a matrix as a convolution over one pixel."""
    return weight[:, :, None, None]


def edge_graphs(layout: SkeletonLayout) -> list[Tensor]:
    """Returns the fixed graphs of the skeleton, $(V, V)$ each, rows are targets."""
    return [graph.t().double() for graph in layout.adjacency("spatial")]
