"""Partitions of the bone graph: directed edges and normalised adjacency."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["PARTITIONS", "adjacency", "edges", "kept_ancestor"]

#: Subset of self-loops, of edges from the parent, of edges from the children.
_EDGE_TYPES = {"spatial": (0, 1, 2), "distance": (0, 1, 1), "uniform": (0, 0, 0)}

#: Number of adjacency subsets K of every partition.
PARTITIONS: dict[str, int] = {
    **{name: max(types) + 1 for name, types in _EDGE_TYPES.items()},
    "spatial_released": 3,
    "spatial_full": 3,
}


@lru_cache(maxsize=256)
def edges(parents: tuple[int, ...], partition: str, center: int) -> tuple[Tensor, Tensor]:
    """Returns `edge_index` and `edge_type` of one body. Shared: copy before writing."""
    loops = [(j, j) for j in range(len(parents))]
    inward = [(parent, j) for j, parent in enumerate(parents) if parent != j]
    outward = [(j, parent) for parent, j in inward]
    edge_index = torch.tensor(loops + inward + outward, dtype=torch.long).t().contiguous()
    if partition in _EDGE_TYPES:
        counts = torch.tensor([len(loops), len(inward), len(outward)])
        return edge_index, torch.tensor(_EDGE_TYPES[partition]).repeat_interleave(counts)
    hops = torch.tensor(_hops(parents, center))
    if partition == "spatial_released":
        hops[hops > 1] = math.inf
    source, target = edge_index
    away = torch.where(hops[source] >= hops[target], 1, 2)
    return edge_index, torch.where(source == target, 0, away)


def _hops(parents: tuple[int, ...], center: int) -> list[float]:
    """Returns the bones between each joint and the centre, infinite where there is no way."""
    hops = [math.inf] * len(parents)
    hops[center] = 0.0
    reached = [center]
    for joint in reached:
        children = [child for child, parent in enumerate(parents) if parent == joint]
        for other in (parents[joint], *children):
            if hops[other] == math.inf:
                hops[other] = hops[joint] + 1.0
                reached.append(other)
    return hops


def adjacency(parents: tuple[int, ...], partition: str, center: int) -> Tensor:
    """Returns the subsets as dense matrices (K, source, target), normalised by columns."""
    edge_index, edge_type = edges(parents, partition, center)
    adj = torch.zeros(PARTITIONS[partition], len(parents), len(parents))
    adj[edge_type, edge_index[0], edge_index[1]] = 1.0
    degree = adj.sum(dim=1, keepdim=True)
    if partition != "spatial":
        degree = degree.sum(dim=0, keepdim=True)
    return adj / degree.clamp(min=1.0)


def kept_ancestor(parents: Sequence[int], joint: int, kept: Container[int]) -> int | None:
    """Returns the joint or its nearest ancestor among those kept, or None."""
    while joint not in kept:
        if parents[joint] == joint:
            return None
        joint = parents[joint]
    return joint
