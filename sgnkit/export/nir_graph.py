"""NIR: a spiking network of one body as linear maps and neurons."""

from __future__ import annotations

import copy
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sgnkit._extras import require
from sgnkit.export._nir_parts import Limit, convolution, limits_of, neuron_of, weights_of
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.models import SpikingGraphNetwork
from sgnkit.nn import SASGC, SkeletonGraph, SpikingGraphConv

__all__ = ["Limit", "NIRExportError", "nir_limits", "to_nir"]


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
    """The nodes whose sum is a signal, and its shape (joints × channels, frames)."""

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

    Time of NIR is the spiking steps S. The signal of one step is a whole clip, an image of
    $V C$ channels and $T \times 1$ pixels: graph convolutions are then $1 \times 1$ convolutions
    whose weights hold the graph, temporal convolutions have one group for each joint, batch norms
    are folded in, and shortcuts are edges. The neuron
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
        A `nir.NIRGraph` from `input` $(Q V C, T, 1)$, the Q modalities in their order, to
        `output`: logits $(\text{classes}, 1, 1)$, or the spikes where it stops.

    Raises:
        NIRExportError: If there are parts that NIR cannot express, unless `partial`.
        ValueError: If the layout is not that of the model.
        ImportError: If `sgnkit[export]` is not installed.

    Note:
        Which joint, bone or motion each input channel is, is not part of the graph: derive them
        with [`to_modalities`][sgnkit.data.to_modalities].
    """
    nir = require("nir", "export")
    found = limits_of(model)
    if layout is not None and get_layout(layout) != getattr(model, "layout", None):
        raise ValueError(
            f"to_nir: the model is built for layout '{model.layout.name}', "  # type: ignore[union-attr]
            f"got '{get_layout(layout).name}'"
        )
    if found and (not partial or not isinstance(model, SpikingGraphNetwork)):
        raise NIRExportError(found)
    if found:
        names = ", ".join(limit.name for limit in found)
        warnings.warn(f"to_nir: left out at and after the first of {names}", stacklevel=2)
    assert isinstance(model, SpikingGraphNetwork)
    model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    with torch.no_grad():
        lowering = _Lowering(model, num_frames, dt, {limit.name for limit in found})
        signal = lowering.run()
    return lowering.graph(nir, signal)


class _Lowering:
    def __init__(
        self, model: SpikingGraphNetwork, num_frames: int, dt: float, stops: set[str]
    ) -> None:
        self.model, self.dt, self.stops = model, dt, stops
        self.num_frames = num_frames
        layout = model.layout
        self.joints = layout.num_joints
        edge_index, edge_type = layout.edge_index()
        zeros = torch.zeros(self.joints, dtype=torch.long)
        self.body = SkeletonGraph(
            edge_index,
            edge_type,
            torch.arange(self.joints),
            torch.tensor(layout.parents),
            zeros,
            zeros[:1],
            torch.ones(1, dtype=torch.bool),
            1,
            self.joints,
        )
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []

    def run(self) -> _Signal:
        """Lowers part by part, up to the end or the first part that is a limit."""
        model = self.model
        signal = self.encode()
        if "fusion" in self.stops:
            return signal
        for i, block in enumerate(model.blocks):
            name = f"blocks.{i}"
            x, spatial = signal, block.spatial
            if f"{name}.spatial" in self.stops:
                return signal
            conv = spatial.conv if isinstance(spatial, SASGC) else spatial
            where = f"{name}.spatial.conv" if isinstance(spatial, SASGC) else f"{name}.spatial"
            assert isinstance(conv, SpikingGraphConv)
            current = self.map(where, weights_of(conv, self.body), signal)
            signal = self.join(where, x, current, conv)
            if f"{name}.spatial.attention" in self.stops or f"{name}.temporal" in self.stops:
                return signal
            current = self.convolve(f"{name}.temporal", block.temporal, signal)
            signal = self.join(name, x, current, block, block.temporal.neuron)
        return self.readout(signal)

    def encode(self) -> _Signal:
        model = self.model
        width = self.joints * model.in_channels
        modalities = len(model.modalities)
        start = _Signal(("input",), width * modalities, self.num_frames)
        trains = []
        for q, encoder in enumerate(model.encoders):
            weight, bias = weights_of(encoder, self.body)
            padded = weight.new_zeros(weight.size(0), width * modalities, *weight.shape[2:])
            padded[:, q * width : (q + 1) * width] = weight
            name = f"encoders.{q}"
            current = self.map(name, (padded, bias), start)
            trains.append(self.fire(f"{name}.neuron", encoder.neuron, current))
        if model.fusion is None or "fusion" in self.stops:
            return trains[0]
        parts = weights_of(model.fusion, self.body)
        weight, bias = parts
        columns = weight.chunk(modalities, dim=1)
        currents = [
            self.map(f"fusion.{q}", (part, bias if q == 0 else torch.zeros_like(bias)), train)
            for q, (part, train) in enumerate(zip(columns, trains, strict=True))
        ]
        nodes = tuple(node for current in currents for node in current.nodes)
        current = _Signal(nodes, currents[0].channels, self.num_frames)
        return self.fire("fusion.neuron", model.fusion.neuron, current)

    def join(
        self, name: str, x: _Signal, current: _Signal, layer: Any, neuron: nn.Module | None = None
    ) -> _Signal:
        """Adds what the shortcut of a layer brings, before or after the neuron."""
        shortcut, neuron = layer.shortcut, layer.neuron if neuron is None else neuron
        if shortcut.mode is None:
            return self.fire(f"{name}.neuron", neuron, current)
        if shortcut.projects:
            x = self.convolve(f"{name}.shortcut", shortcut, x)
        if shortcut.mode == "membrane":
            both = current._replace(nodes=current.nodes + x.nodes)
            return self.fire(f"{name}.neuron", neuron, both)
        if shortcut.projects:
            x = self.fire(f"{name}.shortcut.neuron", shortcut.neuron, x)
        out = self.fire(f"{name}.neuron", neuron, current)
        return out._replace(nodes=out.nodes + x.nodes)

    def map(self, name: str, parts: tuple[Tensor, Tensor], signal: _Signal) -> _Signal:
        weight, bias = parts
        padding = (weight.size(2) - 1) // 2
        return self.add(name, signal, weight, bias, padding=padding)

    def convolve(self, name: str, layer: Any, signal: _Signal) -> _Signal:
        weight, bias, stride, padding = convolution(layer)
        joints = self.joints
        return self.add(
            name,
            signal,
            weight.repeat(joints, 1, 1, 1),
            bias.repeat(joints),
            stride=stride,
            padding=padding,
            groups=joints,
        )

    def add(
        self,
        name: str,
        signal: _Signal,
        weight: Tensor,
        bias: Tensor,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ) -> _Signal:
        nir = require("nir", "export")
        self.nodes[name] = nir.Conv2d(
            input_shape=(signal.frames, 1),
            weight=_array(weight),
            stride=(stride, 1),
            padding=(padding, 0),
            dilation=(1, 1),
            groups=groups,
            bias=_array(bias),
        )
        self.edges += [(node, name) for node in signal.nodes]
        frames = (signal.frames + 2 * padding - weight.size(2)) // stride + 1
        return _Signal((name,), weight.size(0), frames)

    def fire(self, name: str, neuron: nn.Module, signal: _Signal) -> _Signal:
        shape = (signal.channels, signal.frames, 1)
        self.nodes[name] = neuron_of(neuron, shape, self.dt)
        self.edges += [(node, name) for node in signal.nodes]
        return signal._replace(nodes=(name,))

    def readout(self, signal: _Signal) -> _Signal:
        lin, joints = self.model.readout.lin, self.joints
        weight = lin.weight.repeat(1, joints) / (joints * signal.frames)
        weight = weight[:, :, None, None].expand(-1, -1, signal.frames, 1)
        bias = lin.bias if lin.bias is not None else weight.new_zeros(weight.size(0))
        return self.add("readout", signal, weight, bias)

    def graph(self, nir: Any, signal: _Signal) -> Any:
        width = self.joints * self.model.in_channels * len(self.model.modalities)
        shape = np.array([width, self.num_frames, 1])
        end = np.array([signal.channels, signal.frames, 1])
        nodes = {
            "input": nir.Input(input_type={"input": shape}),
            **self.nodes,
            "output": nir.Output(output_type={"output": end}),
        }
        edges = [*self.edges, *((node, "output") for node in signal.nodes)]
        # NIR counts the input channels of one group only, so its own check fails on groups
        return nir.NIRGraph(nodes, edges, type_check=False)


def _array(value: Tensor) -> np.ndarray:
    return value.float().contiguous().numpy()
