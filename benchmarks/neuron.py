"""Multi-step LIF, forward and backward: sgnkit's backends, other libraries, and a memory floor.

The floor reads and writes what any neuron must and computes nothing: clone, multiply by two, and
the backward pass of both. Before anything is timed, all sides must give the same spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness import Options, Results, compare, noise, use_threads
from sgnkit.nn import LIF

SHAPES = ((4, 6400, 128), (4, 52, 1280, 64))
DTYPES = (torch.float32, torch.bfloat16)
Neuron = Callable[[Tensor], Tensor]


def ours() -> dict[str, Neuron]:
    """Returns the backends of this library: tau 2, threshold 1, hard reset, sigmoid surrogate."""
    return {f"sgnkit {name}": LIF(backend=name) for name in ("fused", "compiled", "norse")}


def norse() -> Neuron:
    """Returns a loop over Norse's cell, with the same dynamics."""
    from norse.torch import LIFBoxCell, LIFBoxParameters

    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    cell = LIFBoxCell(LIFBoxParameters(one / 2, zero, one, zero, "tanh", torch.tensor(2.0)), dt=1.0)

    def neuron(x: Tensor) -> Tensor:
        state, train = None, []
        for x_s in x:
            z, state = cell(x_s, state)
            train.append(z)
        return torch.stack(train)

    return neuron


def spikingjelly(results: Results) -> Neuron | None:
    """Returns SpikingJelly's multi-step node, reset after each call as its users must."""
    packages = "spikingjelly==2.0.0 loguru"
    found = results.optional("spikingjelly.activation_based.neuron", packages)
    if found is None:
        return None
    from spikingjelly.activation_based import functional, surrogate

    node = found.LIFNode(
        tau=2.0, detach_reset=True, step_mode="m", surrogate_function=surrogate.Sigmoid(alpha=4.0)
    )

    def neuron(x: Tensor) -> Tensor:
        functional.reset_net(node)
        return node(x)

    return neuron


def snntorch(results: Results) -> Neuron | None:
    """Returns a loop over snnTorch's leaky neuron. It does not scale its input: see `sides`."""
    found = results.optional("snntorch", "snntorch==1.0.0")
    if found is None:
        return None
    from snntorch import surrogate

    cell = found.Leaky(0.5, reset_mechanism="zero", spike_grad=surrogate.sigmoid(slope=4))

    def neuron(x: Tensor) -> Tensor:
        membrane, train = torch.zeros_like(x[0]), []
        for x_s in x:
            z, membrane = cell(x_s, membrane)
            train.append(z)
        return torch.stack(train)

    return neuron


def sides(results: Results) -> dict[str, tuple[Neuron, float]]:
    """Returns the neurons that are here, each with the factor of its input: snnTorch integrates
    `v / 2 + x`, everything else `v / 2 + x / 2`."""
    rivals = {
        "Norse cell": (norse(), 1.0),
        "SpikingJelly": (spikingjelly(results), 1.0),
        "snnTorch": (snntorch(results), 0.5),
    }
    found: dict[str, tuple[Any, float]] = {name: (n, 1.0) for name, n in ours().items()}
    found |= {name: rival for name, rival in rivals.items() if rival[0] is not None}
    for neuron, _ in found.values():
        if isinstance(neuron, torch.nn.Module):
            neuron.to(results.options.device)
    return found


def exact(shape: tuple[int, ...], device: str = "cpu") -> Tensor:
    """Returns odd multiples of 1/32: membranes then are free of rounding for four steps and never
    equal the threshold, where SpikingJelly fires and Norse does not."""
    odd = (48 * noise(*shape)).round() * 2 + 1
    return (odd / 32).clamp(-7, 7).to(device)


def check(neurons: dict[str, tuple[Neuron, float]], device: str = "cpu") -> None:
    """Raises an error unless all neurons give the same spikes, some and not all."""
    x = exact((4, 500, 16), device)
    expected = next(iter(neurons.values()))[0](x)
    assert 0.05 < expected.mean() < 0.95, "the check needs spikes and silence"
    for name, (neuron, factor) in neurons.items():
        spikes = neuron(factor * x)
        if not torch.equal(spikes, expected):
            share = (spikes != expected).float().mean()
            raise AssertionError(f"{name}: {share:.2%} of the spikes differ")


def work(neuron: Neuron, x: Tensor, grad: Tensor, train: bool) -> Callable[[], None]:
    """Returns one training step of a neuron, or one inference."""
    x = x.clone().requires_grad_(train)

    def step() -> None:
        if train:
            x.grad = None
            neuron(x).backward(grad)
        else:
            with torch.no_grad():
                neuron(x)

    return step


def run(options: Options) -> Results:
    """Measures all neurons."""
    results = Results("neuron", __doc__, options)
    neurons = sides(results)
    check(neurons, options.device)
    neurons["floor"] = (lambda x: x.clone() * 2, 1.0)
    for shape in SHAPES if options.full else SHAPES[:1]:
        for dtype in DTYPES:
            x = noise(*shape, dtype=dtype, device=options.device)
            grad = noise(*shape[::-1], dtype=dtype, device=options.device).view(shape)
            for threads in options.threads:
                for train in (True, False) if options.full else (True,):
                    works = {
                        name: work(neuron, factor * x, grad.to(neuron_dtype(neuron, x)), train)
                        for name, (neuron, factor) in neurons.items()
                    }
                    with use_threads(threads):
                        timings = compare(works, options)
                    case = {
                        "shape": "×".join(map(str, shape)),
                        "type": str(dtype).removeprefix("torch."),
                        "threads": threads,
                        "pass": "forward + backward" if train else "forward",
                    }
                    results.add(case, timings, reference="sgnkit compiled")
    return results


def neuron_dtype(neuron: Neuron, x: Tensor) -> torch.dtype:
    """The type of the spikes: some libraries widen bf16."""
    with torch.no_grad():
        return neuron(x[:, :1]).dtype
