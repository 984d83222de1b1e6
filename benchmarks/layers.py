"""Where the time of a network goes: milliseconds by kind of layer, forward and backward together.

torch's profiler counts the time of each operation itself, and an operation belongs to the innermost
layer that ran it; one of the backward pass to the layer whose forward pass it answers. Additions
of shortcuts count to the layer they end. The profiler slows small operations a little.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.harness import Options, Results, use_threads
from benchmarks.network import (
    QUICK,
    SPIKINGJELLY,
    fits,
    model_and_batch,
    rival_and_clips,
    step,
)
from benchmarks.rivals import MultiStepNode, spikingjelly_node
from sgnkit.nn import LIF, BatchNorm, compile_neurons

FULL = (("mk_sgn_small", "NW-UCLA", 16), ("mk_sgn_small", "NTU", 16), ("mk_sgn", "NW-UCLA", 16))
FIRE = "batch norm, neuron"  # often one loop
KINDS = {
    "LIFNode": FIRE,
    "MultiStepNode": FIRE,
    "BatchNorm2d": FIRE,
    "Linear": "linear",
    "SpikingGraphConv": "graph product",
    "GraphConv": "graph product",
    "SpikingSelfAttention": "attention product",
    "Attention": "attention product",
    "SpikingMultimodalFusion": "fusion",
    "Fusion": "fusion",
}
# sgnkit's own, known by the names of their operations: a hook would keep the fused loops away.
NAMES = {
    "NormFire": FIRE,
    "MultiStepLIF": FIRE,
    "aten::batch_norm": FIRE,
    "Attend": "attention product",
}
ROUNDS = 2
PREFIX = "kind: "
BACKWARD = "autograd::engine::evaluate_function"
ORDER = (*dict.fromkeys(KINDS.values()), "convolution", "SGD", "rest")


def kind(module: nn.Module) -> str:
    """Returns what a layer counts as."""
    if isinstance(module, nn.Conv2d):
        return "linear" if module.kernel_size == (1, 1) else "convolution"
    return KINDS.get(type(module).__name__, "rest")


@contextmanager
def marked(model: nn.Module, label: Callable[[nn.Module], str] = kind) -> Iterator[None]:
    """Writes the kind of each layer, or another label, into the profile while it runs."""
    handles, open_marks = [], []

    def enter(module: nn.Module, args: Any) -> None:
        mark = record_function(PREFIX + label(module))
        mark.__enter__()
        open_marks.append(mark)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        open_marks.pop().__exit__(None, None, None)

    fused = importlib.import_module("sgnkit.nn.norm_fire")
    statistics = fused._moments

    def moments(*args: Any) -> Any:
        with record_function(PREFIX + FIRE):
            return statistics(*args)

    try:
        fused._moments = moments  # a part of batch norm that no operation of torch shows
        for module in model.modules():
            if isinstance(module, (LIF, BatchNorm)):
                continue
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        yield
    finally:
        fused._moments = statistics
        for handle in handles:
            handle.remove()


def owner(event: Any, forward: dict[int, str]) -> str:
    """Returns the kind that an operation belongs to."""
    while event is not None:
        if event.name in NAMES:
            return NAMES[event.name]
        if event.name.startswith(PREFIX):
            return event.name.removeprefix(PREFIX)
        if event.name.startswith(BACKWARD):
            return forward.get(event.sequence_nr, "rest")
        if event.name.startswith("Optimizer.step"):
            return "SGD"
        event = event.cpu_parent
    return "rest"


def times(work: Callable[[], Any], model: nn.Module, cuda: bool = False) -> dict[str, float]:
    """Returns the milliseconds of each kind in one call."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    work()
    with marked(model):
        work()
        with profile(activities=activities) as profiler:
            for _ in range(ROUNDS):
                work()
    events = profiler.events()
    forward: dict[int, str] = {}
    for event in events:
        if event.sequence_nr >= 0 and not event.name.startswith((BACKWARD, PREFIX)):
            found = owner(event, {})
            if found != "rest" or event.sequence_nr not in forward:
                forward.setdefault(event.sequence_nr, found)
    total: Counter[str] = Counter()
    for event in events:
        own = event.self_device_time_total if cuda else event.self_cpu_time_total
        total[owner(event, forward)] += own / 1e3 / ROUNDS
    return {name: total[name] for name in ORDER if total[name]}


def run(options: Options) -> Results:
    """Measures the networks."""
    results = Results("layers", __doc__, options)
    jelly = results.optional(*SPIKINGJELLY) is not None
    device = options.device
    for name, data, number in FULL if options.full else QUICK:
        for train in (True, False):
            work = "training step" if train else "inference"
            case = {"network": name, "shapes": data, "batch": number, "work": work}
            model, batch = model_and_batch(name, data, number, device)
            rival, x = rival_and_clips(model, batch, spikingjelly_node if jelly else MultiStepNode)
            compile_neurons(model)
            names = "SpikingJelly + Conv2d + einsum" if jelly else "Conv2d + einsum"
            for side, network, given in (("sgnkit", model, batch), (names, rival, x)):
                if not fits(results, case, side):
                    continue
                with use_threads(options.threads[-1]):
                    run_step = step(network, given, batch.y, train)
                    found = times(run_step, network, device == "cuda")
                results.note({**case, "side": side}, **found, sum=sum(found.values()))
    return results
