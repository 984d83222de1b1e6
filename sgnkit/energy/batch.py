"""Batches without the persons that are only there to fill them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from sgnkit.nn.graph import SkeletonGraph

__all__ = ["without_padding"]

_NEEDED = ("x", "mask", "edge_index", "edge_type", "joint", "person", "parent_index")


def without_padding(batch: Any) -> Any:
    """Returns a batch of skeletons without persons who were observed in no frame.

    A clip keeps its first person. What is no batch of skeletons is returned as it is.
    """
    if not all(isinstance(getattr(batch, key, None), Tensor) for key in _NEEDED):
        return batch
    graph = SkeletonGraph.from_data(batch)
    seen = torch.zeros(graph.num_clips, dtype=torch.bool, device=graph.clip.device)
    seen[graph.clip[graph.present]] = True
    first = torch.ones_like(graph.present)
    first[1:] = graph.clip[1:] != graph.clip[:-1]
    kept = graph.present | (first & ~seen[graph.clip])
    if bool(kept.all()):
        return batch
    nodes = kept[graph.body]
    edges = nodes[batch.edge_index].all(0)
    number = nodes.cumsum(0) - 1
    own = copy.copy(batch)
    for key, value in batch.to_dict().items():
        if key == "edge_index":
            own[key] = number[value[:, edges]]
        elif key == "parent_index":
            own[key] = number[value[nodes]]
        elif isinstance(value, Tensor) and batch.is_node_attr(key):
            own[key] = value[nodes]
        elif isinstance(value, Tensor) and batch.is_edge_attr(key):
            own[key] = value[edges]
    if getattr(batch, "ptr", None) is not None:
        counts = torch.bincount(own.batch, minlength=graph.num_clips)
        own.ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return own
