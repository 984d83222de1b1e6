"""What an event-driven loop could take over: time of products with a binary operand, by layer.

One inference with compiled neurons under torch's profiler gives the time of the matrix products,
convolutions and attention loops of each layer, medians over rounds; `sgnkit.energy` gives the share
of their operations that has a spike of 0 or 1 as operand. The loop of attention fires its neuron,
too. Products of weights alone, as graphs are folded into them, stay what they are and are no part
of it. The input is noise, batch norms are fitted to it.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity
from torch.profiler import profile as record

from benchmarks.harness import Options, Results, use_threads
from benchmarks.layers import PREFIX, marked
from benchmarks.network import model_and_batch
from sgnkit.energy import EnergyReport, profile
from sgnkit.nn import compile_neurons

__all__ = ["NETWORKS", "binary_shares", "product_times", "run", "shares"]

NETWORKS: dict[str, dict[str, Any]] = {
    "sew": {"residual": "sew"},
    "or": {"residual": "or"},
    "membrane": {"residual": "membrane"},
    "or, spike_driven": {"spike_driven": True},
    "membrane, spike_driven": {"residual": "membrane", "spike_driven": True},
}
QUICK = (("mk_sgn_small", "NW-UCLA", 16),)
FULL = (("mk_sgn_small", "NW-UCLA", 16), ("mk_sgn_small", "NTU", 16), ("mk_sgn", "NW-UCLA", 16))
COUNTED = 2  # clips whose operations are counted: shares settle early
PRODUCTS = {
    *("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::dot"),
    *("aten::convolution", "aten::_embedding_bag", "aten::scatter_add_", "aten::index_add_"),
    "Attend",
}
FOLD = "aten::einsum"  # what folds a graph into weights


def product_times(model: nn.Module, batch: Any, rounds: int = 3) -> tuple[dict[str, float], float]:
    """Returns the milliseconds of the products of each layer, and those of the whole network."""
    names = {module: name for name, module in model.named_modules()}
    found: list[dict[str, float]] = []
    with torch.no_grad(), marked(model, names.__getitem__):
        model(batch)
        for _ in range(rounds):
            with record(activities=[ProfilerActivity.CPU]) as profiler:
                model(batch)
            found.append(_one_round(profiler.events()))
    keys = dict.fromkeys(key for each in found for key in each)
    times = {key: median(each.get(key, 0.0) for each in found) for key in keys}
    whole = times.pop(None)
    return times, whole


def _one_round(events: Any) -> dict[Any, float]:
    """Returns the milliseconds by layer, and of everything under `None`."""
    total: defaultdict[Any, float] = defaultdict(float)
    for event in events:
        total[None] += event.self_cpu_time_total / 1e3
        if event.name not in PRODUCTS:
            continue
        above, layer = event.cpu_parent, None
        while above is not None and above.name not in (*PRODUCTS, FOLD):
            if layer is None and above.name.startswith(PREFIX):
                layer = above.name.removeprefix(PREFIX)
            above = above.cpu_parent
        if above is None and layer is not None:
            total[layer] += event.cpu_time_total / 1e3
    return total


def binary_shares(report: EnergyReport) -> dict[str, float]:
    """Returns the share of the operations of each layer that has a spike of 0 or 1 as operand."""
    operations: defaultdict[str, float] = defaultdict(float)
    binary: defaultdict[str, float] = defaultdict(float)
    for cost in report.layers:
        operations[cost.name] += cost.operations
        binary[cost.name] += cost.binary * cost.operations
    return {name: binary[name] / number for name, number in operations.items() if number}


def shares(times: dict[str, float], binary: dict[str, float]) -> dict[str, float]:
    """Returns what the products of a network take, and how much of it has a binary operand."""
    total = sum(times.values())
    part = sum(ms * binary.get(name, 0.0) for name, ms in times.items())
    whole = sum(ms for name, ms in times.items() if binary.get(name, 0.0) == 1.0)
    return {
        "products, ms": total,
        "binary operand, %": 100 * part / total,
        "all of it binary, %": 100 * whole / total,
    }


def run(options: Options) -> Results:
    """Measures all kinds of shortcuts, on a CPU."""
    results = Results("operands", __doc__, options)
    for name, data, number in FULL if options.full else QUICK:
        network = {"network": name, "shapes": data}
        layers: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for label, own in NETWORKS.items():
            model, batch = model_and_batch(name, data, number, "cpu", **own)
            report = profile(model, model_and_batch(name, data, COUNTED, "cpu", **own)[1])
            binary = binary_shares(report)
            compile_neurons(model)
            with use_threads(options.threads[0]):
                times, everything = product_times(model, batch, options.rounds)
            total = sum(times.values())
            for layer, ms in times.items():
                layers[layer][f"{label}: time, %"] = 100 * ms / total
                layers[layer][f"{label}: binary, %"] = 100 * binary.get(layer, 0.0)
            results.note(
                {**network, "batch": number, "residual": label},
                **shares(times, binary),
                **{
                    "of the network, %": 100 * total / everything,
                    "operations a clip, G": report.total.operations / 1e9,
                },
            )
        for layer, found in layers.items():
            results.note({**network, "layer": layer}, **found)
    return results
