"""NIR: a spiking network of one body as linear maps and neurons."""

from __future__ import annotations

import copy
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.export._nir_parts import (
    Limit,
    convolution,
    edge_graphs,
    encoder_weights,
    fusion_weights,
    limits_of,
    neuron_of,
    spatial_weights,
)
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.models import SpikingGraphNetwork
from sgnkit.nn import LIF, SASGC, SpikingGraphConv

__all__ = ["Limit", "NIRExportError", "nir_limits", "to_nir"]

# parts before which a graph can end
_STOPS = (".attention", ".spatial", ".temporal")


class NIRExportError(ValueError):
    """A network with parts that NIR cannot express; the message lists them all.

    Attributes:
        limits: The parts, each with its reason.
    """

    def __init__(self, limits: list[Limit]) -> None:
        self.limits = limits
        lines = "\n".join(f"  {limit.name}: {limit.reason}" for limit in limits)
        super().__init__(
            f"NIR cannot express {len(limits)} part(s) of the network:\n{lines}\n"
            "Pass partial=True for the graph up to the first of them."
        )


class _Signal(NamedTuple):
    """The nodes whose sum is a signal, and its channels and frames."""

    nodes: tuple[str, ...]
    channels: int
    frames: int


def nir_limits(model: nn.Module) -> list[Limit]:
    """Lists the parts of a network that NIR cannot express, each with the reason.

    Args:
        model: Any network. What is not a [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork]
            cannot be expressed as a whole.

    Examples:
        >>> import sgnkit
        >>> model = sgnkit.create_model("mk_sgn_small", layout="kinect20", num_classes=10)
        >>> [limit.name for limit in nir_limits(model)][:2]
        ['blocks.0.spatial.attention', 'blocks.1.spatial.attention']
        >>> nir_limits(sgnkit.create_model("base_sgn_small", layout="kinect20", num_classes=10))
        []
    """
    return limits_of(model)


def to_nir(
    model: nn.Module,
    layout: str | SkeletonLayout | None = None,
    *,
    num_frames: int,
    dt: float = 1e-3,
    partial: bool = False,
) -> Any:
    r"""Lowers a spiking network for one body of a fixed layout to a graph of NIR.

    Time of NIR is the spiking steps S. The signal of one step is a whole clip, an image
    $(C, T, V)$ of channels, frames and joints. A graph convolution is, for each subset, a linear
    map of the joints, which is the graph, and a $1 \times 1$ convolution; encoders and temporal
    convolutions are convolutions over frames; batch norms are folded in; shortcuts are edges, an OR
    of spikes a neuron without memory behind their sum. The neuron
    $h = v + \tfrac{1}{\tau}(x + v_r - v)$ becomes

    $$
    \tau_{\mathrm{NIR}} = \tau\,\Delta t, \quad R = 1, \quad v_{\mathrm{leak}} = v_{\mathrm{reset}}
        = v_r, \quad v_{\mathrm{threshold}} = v_{\mathrm{th}}
    $$

    so that Euler steps of length $\Delta t$ are the steps of sgnkit. The input is the same at each
    step; the mean of the output over the steps, and over the persons of a clip, is the logits.

    Args:
        model: A [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork], taken as in
            evaluation mode.
        layout: The layout of the body, if it is to be checked; that of the model by default.
        num_frames: Frames T of a clip.
        dt: Length of a spiking step in seconds.
        partial: Whether to stop at the first part that NIR cannot express instead of raising.

    Returns:
        A `nir.NIRGraph` from `input` $(Q C, T, V)$, the Q modalities in their order, to
        `output`: logits $(\text{classes}, 1, 1)$, or the spikes where it stops.

    Raises:
        NIRExportError: If there are parts that NIR cannot express, unless `partial`.
        ValueError: If the layout is not that of the model.
        ImportError: If `sgnkit[export]` is not installed.

    Note:
        Which joint, bone or motion each input channel is, is not part of the graph: derive them
        with [`to_modalities`][sgnkit.data.to_modalities].
    """
    require("nir", "export")
    found = limits_of(model)
    if layout is not None and get_layout(layout) != getattr(model, "layout", None):
        raise ValueError(
            f"to_nir: the model is built for layout '{model.layout.name}', "  # type: ignore[union-attr]
            f"got '{get_layout(layout).name}'"
        )
    can_stop = all(limit.name.endswith(_STOPS) for limit in found)
    if found and not (partial and can_stop and isinstance(model, SpikingGraphNetwork)):
        raise NIRExportError(found)
    if found:
        warnings.warn(f"to_nir: the graph ends before {found[0].name}", stacklevel=2)
    assert isinstance(model, SpikingGraphNetwork)
    model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    with torch.no_grad():
        lowering = _Lowering(model, num_frames, dt, {limit.name for limit in found})
        return lowering.graph(lowering.run())


class _Lowering:
    """Collects nodes and edges part by part."""

    def __init__(
        self, model: SpikingGraphNetwork, num_frames: int, dt: float, stops: set[str]
    ) -> None:
        self.nir = require("nir", "export")
        self.model, self.dt, self.stops = model, dt, stops
        self.joints = model.layout.num_joints
        channels = model.in_channels * len(model.modalities)
        self.start = _Signal(("input",), channels, num_frames)
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []

    def run(self) -> _Signal:
        """Lowers the network up to its end or the first part that is a limit."""
        signal = self.encode()
        blocks: Any = self.model.blocks
        for i, block in enumerate(blocks):
            name, x, spatial = f"blocks.{i}", signal, block.spatial
            where = f"{name}.spatial"
            if where in self.stops:
                return signal
            if isinstance(spatial, SASGC):
                where, spatial = f"{where}.conv", spatial.conv
            assert isinstance(spatial, SpikingGraphConv)
            graphs, weights, bias = spatial_weights(spatial)
            current = self.mix(where, x, graphs, weights, bias)
            signal = self.join(where, x, current, spatial.shortcut, spatial.neuron)
            if {f"{name}.spatial.attention", f"{name}.temporal"} & self.stops:
                return signal
            current = self.convolve(f"{name}.temporal", signal, *convolution(block.temporal))
            signal = self.join(name, x, current, block.shortcut, block.temporal.neuron)
        return self.readout(signal)

    def encode(self) -> _Signal:
        model = self.model
        trains = []
        encoders: Any = model.encoders
        for q, encoder in enumerate(encoders):
            name, channels = f"encoders.{q}", model.in_channels
            columns, bias = encoder_weights(encoder)
            own = slice(q * channels, (q + 1) * channels)  # its modality among the inputs
            padded = []
            for column in columns:
                wide = column.new_zeros(column.size(0), self.start.channels, 3, 1)
                wide[:, own] = column
                padded.append(wide)
            if encoder.kernel == "graph":
                graphs = edge_graphs(model.layout)
                current = self.mix(name, self.start, graphs, padded, bias)
            else:
                current = self.convolve(name, self.start, torch.cat(padded, dim=3), bias)
            trains.append(self.fire(f"{name}.neuron", encoder.neuron, current))
        if model.fusion is None:
            return trains[0]
        weights, bias = fusion_weights(model.fusion)
        parts = []
        for q, (weight, train) in enumerate(zip(weights, trains, strict=True)):
            shift = bias if q == 0 else torch.zeros_like(bias)
            parts.append(self.convolve(f"fusion.{q}", train, weight, shift))
        fusion: Any = model.fusion
        return self.fire("fusion.neuron", fusion.neuron, _sum(parts))

    def mix(
        self,
        name: str,
        signal: _Signal,
        graphs: list[Tensor],
        weights: list[Tensor],
        bias: Tensor,
    ) -> _Signal:
        """Sums over subsets: joints are mixed by the graph, then channels by the weight."""
        parts = []
        for k, (graph, weight) in enumerate(zip(graphs, weights, strict=True)):
            node = f"{name}.graph{k}"
            self.nodes[node] = self.nir.Linear(weight=_array(graph))
            self.edges += [(source, node) for source in signal.nodes]
            shift = bias if k == 0 else torch.zeros_like(bias)
            mixed = signal._replace(nodes=(node,))
            parts.append(self.convolve(f"{name}.lin{k}", mixed, weight, shift))
        return _sum(parts)

    def join(
        self, name: str, x: _Signal, current: _Signal, shortcut: Any, neuron: nn.Module
    ) -> _Signal:
        """Adds what the shortcut of a layer brings, before or after the neuron."""
        if shortcut.mode is None:
            return self.fire(f"{name}.neuron", neuron, current)
        if shortcut.projects:
            x = self.convolve(f"{name}.shortcut", x, *convolution(shortcut))
        if shortcut.mode == "membrane":
            return self.fire(f"{name}.neuron", neuron, _sum([current, x]))
        if shortcut.projects:
            x = self.fire(f"{name}.shortcut.neuron", shortcut.neuron, x)
        both = _sum([self.fire(f"{name}.neuron", neuron, current), x])
        if shortcut.mode == "sew":
            return both
        # A neuron that forgets at once and fires above one half is an OR of spikes.
        return self.fire(f"{name}.or", LIF(tau=1.0, v_th=0.5), both)

    def convolve(
        self,
        name: str,
        signal: _Signal,
        weight: Tensor,
        bias: Tensor,
        stride: int = 1,
        *,
        pad: bool = True,
    ) -> _Signal:
        kernel = weight.shape[2:]
        padding = tuple((size - 1) // 2 if pad else 0 for size in kernel)
        self.nodes[name] = self.nir.Conv2d(
            input_shape=(signal.frames, self.joints),
            weight=_array(weight),
            stride=(stride, 1),
            padding=padding,
            dilation=(1, 1),
            groups=1,
            bias=_array(bias),
        )
        self.edges += [(node, name) for node in signal.nodes]
        frames = (signal.frames + 2 * padding[0] - kernel[0]) // stride + 1
        return _Signal((name,), weight.size(0), frames)

    def fire(self, name: str, neuron: nn.Module, signal: _Signal) -> _Signal:
        shape = (signal.channels, signal.frames, self.joints)
        self.nodes[name] = neuron_of(neuron, shape, self.dt)
        self.edges += [(node, name) for node in signal.nodes]
        return signal._replace(nodes=(name,))

    def readout(self, signal: _Signal) -> _Signal:
        lin = self.model.readout.lin
        weight = lin.weight[:, :, None, None] / (signal.frames * self.joints)
        weight = weight.expand(-1, -1, signal.frames, self.joints)
        bias = lin.weight.new_zeros(weight.size(0)) if lin.bias is None else lin.bias
        return self.convolve("readout", signal, weight, bias, pad=False)

    def graph(self, signal: _Signal) -> Any:
        joints = 1 if signal.nodes == ("readout",) else self.joints
        start = np.array([self.start.channels, self.start.frames, self.joints])
        end = np.array([signal.channels, signal.frames, joints])
        nodes = {
            "input": self.nir.Input(input_type={"input": start}),
            **self.nodes,
            "output": self.nir.Output(output_type={"output": end}),
        }
        edges = [*self.edges, *((node, "output") for node in signal.nodes)]
        # a Linear of V x V acts on the last axis of [C, T, V], which NIR's types leave open
        return self.nir.NIRGraph(nodes, edges, type_check=False)


def _sum(signals: list[_Signal]) -> _Signal:
    nodes = tuple(node for signal in signals for node in signal.nodes)
    return signals[0]._replace(nodes=nodes)


def _array(value: Tensor) -> np.ndarray:
    return value.float().contiguous().numpy()
