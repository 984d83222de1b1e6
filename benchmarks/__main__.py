"""Times the fast ways against those that define them: `make bench`, or `python -m benchmarks`."""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from sgnkit import SkeletonData, create_model
from sgnkit.nn import LIF, SASGC, SkeletonGraph, SpikingGraphConv

LAYOUT, JOINTS = "ntu25", 25


def milliseconds(call: Callable[[], Tensor], module: nn.Module, repeat: int) -> tuple[float, float]:
    """Returns the median times of a forward pass and of the backward pass after it."""
    forward, backward = [], []
    for _ in range(repeat + 1):
        module.zero_grad(set_to_none=True)
        start = time.perf_counter()
        loss = call().sum()
        middle = time.perf_counter()
        loss.backward()
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)
    # The first round pays for what is set up once.
    return 1e3 * statistics.median(forward[1:]), 1e3 * statistics.median(backward[1:])


def clips(number: int, frames: int) -> Batch:
    """Returns a batch of noise; the values do not matter for the time."""
    array = torch.randn(number, frames, JOINTS, 3).numpy()
    return Batch.from_data_list(
        [SkeletonData.from_array(clip, LAYOUT, axes="TVC", y=0) for clip in array]
    )


def neurons(shape: tuple[int, ...], repeat: int) -> None:
    """Compares the fused neuron with Norse's step by step."""
    x = torch.rand(shape, requires_grad=True)
    for backend in ("fused", "norse"):
        neuron = LIF(backend=backend)
        report("LIF", backend, *milliseconds(lambda n=neuron: n(x), neuron, repeat))


def layers(batch: Batch, steps: int, channels: int, repeat: int) -> None:
    """Compares dense products with messages over edges, layer by layer."""
    graph = SkeletonGraph.from_data(batch)
    x = torch.rand(steps, batch.x.size(1), batch.num_nodes, channels).round().requires_grad_()
    for kind in (SpikingGraphConv, SASGC):
        for path in ("dense", "sparse"):
            layer = kind(channels, channels, LAYOUT, path=path)
            times = milliseconds(lambda m=layer: m(x, graph), layer, repeat)
            report(kind.__name__, path, *times)


def models(batch: Batch, repeat: int) -> None:
    """Compares the two paths over whole models."""
    for name in ("base_sgn_small", "mk_sgn_small"):
        for path in ("dense", "sparse"):
            model = create_model(name, layout=LAYOUT, num_classes=10, path=path)
            report(name, path, *milliseconds(lambda m=model: m(batch), model, repeat))


def report(what: str, way: str, forward: float, backward: float) -> None:
    """Prints one row as soon as it is known."""
    row = f"{what:<18} {way:<7} {forward:>10.1f} {backward:>10.1f} {forward + backward:>10.1f}"
    print(row, flush=True)


def main() -> None:
    """Reads the sizes and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--batch", type=int, default=4, help="clips in a batch (4)")
    parser.add_argument("--frames", type=int, default=52, help="frames of a clip (52)")
    parser.add_argument("--steps", type=int, default=4, help="spiking steps of a layer (4)")
    parser.add_argument("--channels", type=int, default=32, help="channels of a layer (32)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, of which the median (3)")
    parser.add_argument("--threads", type=int, help="threads of torch (its own choice)")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}; "
        f"{options.batch} clips of {options.frames} frames, {LAYOUT}; milliseconds, median\n"
    )
    print(f"{'what':<18} {'way':<7} {'forward':>10} {'backward':>10} {'both':>10}")
    batch = clips(options.batch, options.frames)
    neurons((options.steps, options.frames, batch.num_nodes, options.channels), options.repeat)
    layers(batch, options.steps, options.channels, options.repeat)
    models(batch, options.repeat)


if __name__ == "__main__":
    main()
