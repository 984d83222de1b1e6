"""What the C++ loops bring: the same network and layers with them and without, in turn.

Without them compiled neurons are loops by `torch.compile`, and batch norm, shortcut and the
products of attention are operations of torch. On a CPU alone; clips, currents and spikes are made
of noise.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.harness import Options, Results, compare, noise, use_threads
from benchmarks.network import clips, model_and_batch, step
from sgnkit.nn import LIF, BatchNorm, SkeletonGraph, SpikingSelfAttention, compile_neurons
from sgnkit.nn.norm_fire import norm_fire

__all__ = ["attention", "both", "network", "norm_neuron_shortcut", "run", "without_loops"]

WITH, WITHOUT = "C++ loops", "torch.compile and torch"
STEPS, CLIPS, JOINTS, HEADS = 4, 16, 20, 8
ATTENTION = ((52, 32), (26, 64), (13, 128), (13, 256))  # frames and channels in MK-SGN
NORMS = ((26, 64), (13, 384))
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Layer = Callable[[Tensor], Tensor]
Side = Callable[[], Any]


@contextlib.contextmanager
def without_loops() -> Iterator[None]:
    """No C++ loop fits any tensor, as if there were no C++ compiler."""
    module = importlib.import_module("sgnkit.nn.neuron.lif")
    with mock.patch.object(module, "usable", return_value=False):
        yield


def both(work: Side) -> dict[str, Side]:
    """Returns the work with the loops and without.

    Forgets what `torch.compile` made for other shapes, as it gives up after a few of them.
    """
    torch.compiler.reset()

    def without() -> None:
        with without_loops():
            work()

    return {WITH: work, WITHOUT: without}


def network(name: str, number: int, train: bool, kind: str) -> Side:
    """Returns a training step of a network on NW-UCLA shapes, or an inference."""
    model, batch = model_and_batch(name, "NW-UCLA", number, "cpu")
    compile_neurons(model)
    whole = step(model, batch, batch.y, train)

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bfloat16"):
            whole()

    return work


def attention(frames: int, channels: int, kind: str) -> tuple[Layer, Tensor]:
    """Returns attention from Q, K, V to its spikes, and such Q, K, V."""
    graph = SkeletonGraph.from_data(clips("kinect20", 1, 2, CLIPS))
    layer = SpikingSelfAttention(channels, HEADS)
    compile_neurons(layer)

    def work(qkv: Tensor) -> Tensor:
        spikes = layer._attend_compiled(qkv, graph)
        if spikes is not None:
            return spikes
        z = layer._attend_dense(*qkv.chunk(3, dim=-1), graph, [])
        return layer.neuron_attend(z * layer.scale)

    qkv = noise(STEPS, frames, CLIPS * JOINTS, 3 * channels)
    return work, (qkv > 1).to(TYPES[kind])


def norm_neuron_shortcut(frames: int, channels: int, kind: str) -> tuple[Layer, Tensor]:
    """Returns batch norm, neuron and the addition of a shortcut, and a current."""
    norm, neuron = BatchNorm(channels), LIF(v_th=0.5, backend="compiled")
    current = noise(STEPS, frames, CLIPS * JOINTS, channels).to(TYPES[kind])
    plus = (current > 1).to(current)
    return lambda x: norm_fire(norm, neuron, x, plus), current


def forward_backward(layer: Layer, x: Tensor) -> Side:
    """Returns both passes of a layer."""
    x = x.requires_grad_()
    gradient = noise(*layer(x).shape).to(x)

    def work() -> None:
        x.grad = None
        layer(x).backward(gradient)

    return work


def run(options: Options) -> Results:
    """Measures layers and networks."""
    results = Results("loops", __doc__, options)
    layers = (("attention", attention, ATTENTION), ("norm", norm_neuron_shortcut, NORMS))
    with use_threads(options.threads[0]):
        for kind in TYPES:
            for name, make, sizes in layers:
                for frames, channels in sizes:
                    case = {"layer": name, "frames": frames, "channels": channels, "type": kind}
                    sides = both(forward_backward(*make(frames, channels, kind)))
                    results.add(case, compare(sides, options), reference=WITH)
        for kind in TYPES if options.full else ("bfloat16",):
            for train in (True, False):
                case = {
                    "network": "mk_sgn_small",
                    "batch": CLIPS,
                    "work": "training step" if train else "inference",
                    "type": kind,
                }
                sides = both(network("mk_sgn_small", CLIPS, train, kind))
                results.add(case, compare(sides, options, warm=1), reference=WITH)
    return results
