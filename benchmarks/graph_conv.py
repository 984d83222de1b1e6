"""Paths of SGC and SASGC, forward and backward: dense, sparse, messages, and a loop over GCNConv.

*Sparse* sums over the edges in one pass, *messages* makes every message first, as PyG does. *auto*
is what the layer takes by itself: at most 1.1 times the better of the first two. The rival calls
PyG's `GCNConv` for each subset of edges, spiking step and frame, and gives the same spikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from benchmarks.harness import Options, Results, compare, noise, use_threads
from benchmarks.network import clips
from sgnkit.nn import SASGC, SkeletonGraph, SpikingGraphConv, compile_neurons

LAYOUTS = {20: "kinect20", 25: "ntu25", 33: "mediapipe33"}
STEPS, FRAMES = 4, 16
QUICK = ((25, 1, 64, 4), (25, 2, 128, 8))
SLACK = 1.1  # how far the automatic choice may be from the better path


class Messages(SpikingGraphConv):
    """SGC that makes every message: a subclass with a message of its own is never summed."""

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return super().message(x_j, edge_weight)


class Loop(nn.Module):
    """The same layer with PyG's GCNConv, one for each subset of edges, at each step and frame."""

    def __init__(self, layer: SpikingGraphConv) -> None:
        super().__init__()
        channels, width = layer.in_channels, layer.out_channels
        options = {"bias": False, "add_self_loops": False, "normalize": False}
        self.convs = nn.ModuleList(GCNConv(channels, width, **options) for _ in range(3))
        for conv, weight in zip(self.convs, layer.lin.weight.detach().chunk(3), strict=True):
            conv.lin.weight.data.copy_(weight)
        self.adjacency, self.norm, self.neuron = layer.adjacency, layer.norm, layer.neuron

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        edges, subset, weight = self.adjacency.edges(graph)
        parts = [(c, edges[:, subset == k], weight[subset == k]) for k, c in enumerate(self.convs)]
        rows = [torch.stack([sum(c(x_t, e, w) for c, e, w in parts) for x_t in x_s]) for x_s in x]
        return self.neuron(self.norm(torch.stack(rows))) + x


def sizes(full: bool) -> Iterator[tuple[int, int, int, int]]:
    """Yields joints, persons, channels and clips: around one middle size, one at a time."""
    yield from QUICK
    if full:
        middle = (25, 1, 64, 16)
        yield middle
        for place, values in enumerate(((20, 33), (2,), (128, 256), (1, 4, 64))):
            for value in values:
                size = (*middle[:place], value, *middle[place + 1 :])
                if size not in QUICK:
                    yield size
        yield from ((25, 2, 256, 1), (33, 2, 256, 16), (20, 1, 64, 1))


def layers(kind: type, channels: int, layout: str, adjacency: str) -> dict[str, nn.Module]:
    """Returns one layer for each path, all with the same weights."""
    found: dict[str, nn.Module] = {}
    for path in ("auto", "dense", "sparse"):
        found[path] = kind(channels, channels, layout, adjacency=adjacency, path=path)
    messages = kind(channels, channels, layout, adjacency=adjacency, path="sparse")
    for part in messages.modules():
        if type(part) is SpikingGraphConv:
            part.__class__ = Messages
    found["messages"] = messages
    for layer in found.values():
        layer.load_state_dict(found["auto"].state_dict())
    return found


def work(layer: nn.Module, x: Tensor, graph: SkeletonGraph, grad: Tensor) -> Callable[[], None]:
    """Returns forward and backward of a layer."""
    x = x.clone().requires_grad_()
    compile_neurons(layer)  # the neuron is the same for all: let it be the smallest part

    def step() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x, graph).backward(grad)

    return step


def run(options: Options) -> Results:
    """Measures all paths."""
    results = Results("graph_conv", __doc__, options)
    try:
        import torch_scatter  # noqa: F401
    except ImportError:
        results.skip("torch-scatter", "messages are summed by torch alone; make setup installs it")
    for kind, short in ((SpikingGraphConv, "SGC"), (SASGC, "SASGC")):
        for adjacency in ("learned", "fixed"):
            for joints, persons, channels, number in sizes(options.full):
                batch = clips(LAYOUTS[joints], persons, FRAMES, number).to(options.device)
                graph = SkeletonGraph.from_data(batch)
                shape = (STEPS, FRAMES, graph.joint.numel(), channels)
                x = (noise(*shape, device=options.device) > 1).float()
                grad = noise(*shape, device=options.device)
                torch.manual_seed(0)
                found = layers(kind, channels, LAYOUTS[joints], adjacency)
                if adjacency == "learned":  # all pairs of joints as messages: gigabytes, minutes
                    if number * persons * channels > 512:
                        del found["messages"], found["sparse"]
                elif kind is SpikingGraphConv:
                    found["GCNConv loop"] = Loop(found["auto"])
                path = taken(found["auto"], graph)
                if path in found:  # the same as one of the others: no need to time it again
                    del found["auto"]
                sides = {
                    name: work(layer.to(options.device), x, graph, grad)
                    for name, layer in found.items()
                }
                with use_threads(options.threads[-1]):
                    timings = compare(sides, options, warm=1)
                timings.setdefault("auto", timings.get(path))
                better = min(("dense", "sparse"), key=lambda p: over(timings, p))
                case = {
                    "layer": short,
                    "graph": adjacency,
                    "V": joints,
                    "M": persons,
                    "C": channels,
                    "clips": number,
                }
                results.add(case, timings, "dense", choice=timings["auto"].over.get(better, 1.0))
    worst = max(results.rows, key=lambda row: row["choice"])
    print(f"  automatic choice: at worst {worst['choice']:.2f}× the better path, {worst['case']}")
    return results


def taken(layer: nn.Module, graph: SkeletonGraph) -> str:
    """The path that a layer takes by itself: `"dense"`, `"sparse"`, or `"both"` in its parts."""
    parts = {p.uses_dense(graph) for p in layer.modules() if hasattr(p, "uses_dense")}
    return "both" if len(parts) > 1 else "dense" if True in parts else "sparse"


def over(timings: dict, path: str) -> float:
    """The median of a path relative to the dense one; endless where it was left out."""
    if path not in timings:
        return float("inf")
    return timings[path].over.get("dense", 1.0)
