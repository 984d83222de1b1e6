"""Where the nodes of a batch stand: the graph as spiking layers see it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data.data import BaseData

__all__ = ["SkeletonGraph"]


class SkeletonGraph(NamedTuple):
    """The graph of a batch of skeletons, made once at the door of a model.

    A *body* is one person of one clip and one component of the graph.

    Attributes:
        edge_index: Bones in both directions and self loops, source above target.
        edge_type: The adjacency subset of each edge.
        joint: The joint index of each node.
        parent_index: The node of each node's parent joint; a root is its own parent.
        body: The body of each node.
        clip: The clip of each body.
        present: Whether a body was observed in any frame. Padded persons are not.
        num_clips: The number of clips.
        num_joints: The number of joints of every body when all nodes stand body by body in the
            joint order of one layout, so that dense layers may view nodes as (bodies, joints).
            `None` otherwise.

    Shapes:
        - **edge_index**: $(2, E)$, **edge_type**: $(E)$
        - **joint**, **parent_index**, **body**: $(N)$
        - **clip**, **present**: (bodies)
    """

    edge_index: Tensor
    edge_type: Tensor
    joint: Tensor
    parent_index: Tensor
    body: Tensor
    clip: Tensor
    present: Tensor
    num_clips: int
    num_joints: int | None = None

    @classmethod
    def from_data(cls, data: Any) -> SkeletonGraph:
        """Reads the graph off a `SkeletonData` or a PyG `Batch` of them.

        Raises:
            ValueError: If an attribute that every skeleton clip carries is missing.

        Examples:
            >>> import sgnkit
            >>> clip = sgnkit.SkeletonData.from_array(
            ...     torch.rand(8, 25, 3).numpy(), "ntu25", axes="TVC"
            ... )
            >>> SkeletonGraph.from_data(clip).num_joints
            25
        """
        for key in ("x", "edge_index", "edge_type", "joint", "person", "parent_index"):
            if getattr(data, key, None) is None:
                is_graph = isinstance(data, BaseData)
                found = repr(data) if is_graph else f"a {type(data).__name__}"
                raise ValueError(
                    f"SkeletonGraph: expected a SkeletonData or a batch of them, but {found} has "
                    f"no '{key}'. Build clips with SkeletonData.from_array."
                )
        batch = getattr(data, "batch", None)
        if batch is None:
            batch = torch.zeros_like(data.joint)
        num_clips = int(getattr(data, "num_graphs", 1) or 1)
        persons = int(data.person.max()) + 1
        bodies, body = torch.unique(batch * persons + data.person, return_inverse=True)
        mask = getattr(data, "mask", None)
        seen = torch.ones_like(body) if mask is None else mask.any(1).long()
        present = torch.zeros_like(bodies).index_add(0, body, seen) > 0
        return cls(
            data.edge_index,
            data.edge_type,
            data.joint,
            data.parent_index,
            body,
            bodies // persons,
            present,
            num_clips,
            _common_joints(data.joint, body, bodies.numel()),
        )


def _common_joints(joint: Tensor, body: Tensor, num_bodies: int) -> int | None:
    """V if the nodes stand body by body, each with the joints 0 to V - 1, else None."""
    joints, rest = divmod(joint.numel(), num_bodies)
    if rest:
        return None
    node = torch.arange(joint.numel(), device=joint.device)
    ordered = torch.equal(joint, node % joints) and torch.equal(body, node // joints)
    return joints if ordered else None
