"""The weighted graph of a skeleton, fixed or learnt."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.nn.graph import SkeletonGraph

__all__ = ["Adjacency"]

Mode = Literal["learned", "fixed", "identity", "importance"]


class Adjacency(nn.Module):
    r"""K weighted graphs over the joints of one body, $A \in \mathbb{R}^{K \times V \times V}$.

    Entry $A_{k,v,w}$ weighs what joint $v$ sends to joint $w$. Graphs start as the partition of
    the layout, each normalised to $A D^{-1}$, so that a joint receives an average.

    Args:
        layout: A layout or its name. `None` is possible for a fixed spatial graph: its weights
            follow from the edges of the batch, so that one layer serves mixed layouts.
        mode: `"learned"` trains all entries from the normalised graph. `"fixed"` keeps it.
            `"identity"` trains from K identity matrices whose columns are scaled to unit length
            at every call, as in [Signal-SGN](https://arxiv.org/abs/2408.01701). `"importance"`
            trains a factor for each entry, from ones, as in
            [ST-GCN](https://arxiv.org/abs/1801.07455).
        partition: How edges fall into subsets: one of those of
            [`SkeletonLayout`][sgnkit.layout.SkeletonLayout].
        transpose: Whether the graphs are turned round, so that a joint sends what it would
            receive: the product from the left of
            [CTR-GCN](https://arxiv.org/abs/2107.12213). A joint then gets the sum of its children
            and a share of its parent.

    Shapes:
        - **returns**: $(K, V, V)$

    Raises:
        ValueError: If the mode is unknown, or if a layout is needed and missing.

    Note:
        Pass one instance to several layers and they share it.

    Examples:
        >>> Adjacency("ntu25")().shape
        torch.Size([3, 25, 25])
    """

    def __init__(
        self,
        layout: str | SkeletonLayout | None,
        mode: Mode = "learned",
        partition: str = "spatial",
        *,
        transpose: bool = False,
    ) -> None:
        super().__init__()
        if mode not in ("learned", "fixed", "identity", "importance"):
            raise ValueError(
                "Adjacency: mode must be 'learned', 'fixed', 'identity' or 'importance', "
                f"got {mode!r}"
            )
        self.from_edges = mode == "fixed" and partition == "spatial" and not transpose
        if layout is None and not self.from_edges:
            raise ValueError(
                f"Adjacency: mode={mode!r} with partition={partition!r} needs a layout; only a "
                "fixed spatial graph does without"
            )
        self.layout = None if layout is None else get_layout(layout)
        self.mode = mode
        self.partition = partition
        self.transpose = transpose
        if self.layout is None:
            self.num_subsets = 3
            return
        start = self._start(self.layout)
        self.num_subsets = start.size(0)
        if mode in ("fixed", "importance"):
            self.register_buffer("weight", start)
        else:
            self.weight = nn.Parameter(start)
        if mode == "importance":
            self.importance = nn.Parameter(torch.ones_like(start))

    def reset_parameters(self) -> None:
        """Sets learnt entries back to where they started."""
        if self.layout is not None:
            with torch.no_grad():
                self.weight.copy_(self._start(self.layout))
        if self.mode == "importance":
            nn.init.ones_(self.importance)

    def _start(self, layout: SkeletonLayout) -> Tensor:
        graph = layout.adjacency(self.partition)
        if self.transpose:
            graph = graph.transpose(-1, -2).contiguous()
        if self.mode != "identity":
            return graph
        return torch.eye(layout.num_joints).repeat(graph.size(0), 1, 1)

    def forward(self) -> Tensor:
        """Returns the graphs as one dense tensor, `[k, source, target]`."""
        if self.layout is None:
            raise ValueError("Adjacency: a graph without a layout has edges only, no dense form")
        if self.mode == "identity":
            return self.weight / (self.weight.norm(dim=1, keepdim=True) + 1e-4)
        return self.weight * self.importance if self.mode == "importance" else self.weight

    def sources(self) -> Tensor | None:
        """Returns the joints that each joint receives from, `[V, degree]`, V where there are fewer.

        `None` where every joint may receive from every other one.
        """
        if self.layout is None or self.mode not in ("fixed", "importance"):
            return None
        linked = (self._start(self.layout) != 0).any(0).t()  # [target, source]
        joints, degree = len(linked), int(linked.sum(1).max())
        found = torch.full((joints, degree), joints)
        for target, row in enumerate(linked):
            found[target, : int(row.sum())] = row.nonzero().flatten()
        return found

    def edges(self, graph: SkeletonGraph) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the same graphs over the nodes of a batch, as edges.

        A fixed graph takes the edges of the batch, a learnt one all pairs of a body's joints.

        Args:
            graph: The graph of the batch.

        Returns:
            `edge_index` $(2, E)$, the subset of each edge $(E)$ and its weight $(E)$.

        Raises:
            ValueError: If a joint of the batch is not in the layout.
        """
        if self.from_edges:
            return graph.edge_index, graph.edge_type, _mean_weight(graph)
        weight = self()
        if int(graph.joint.max()) >= weight.size(-1):
            raise ValueError(
                f"Adjacency: the batch has joint {int(graph.joint.max())}, but {self} has "
                f"{weight.size(-1)} joints. Build the layer for the layout of the data."
            )
        edge_index, subset = all_pairs(graph.body, self.num_subsets)
        source, target = graph.joint[edge_index]
        return edge_index, subset, weight[subset, source, target]

    def extra_repr(self) -> str:
        name = "any layout" if self.layout is None else self.layout.name
        turned = ", transpose=True" if self.transpose else ""
        return f"{name}, mode={self.mode}, partition={self.partition}{turned}"


def _mean_weight(graph: SkeletonGraph) -> Tensor:
    """One over the number of edges of the same subset into the same node."""
    nodes = graph.joint.numel()
    slot = graph.edge_type * nodes + graph.edge_index[1]
    count = torch.bincount(slot, minlength=3 * nodes)
    return 1.0 / count[slot]


def all_pairs(body: Tensor, num_subsets: int) -> tuple[Tensor, Tensor]:
    """Returns every ordered pair of nodes of the same body, once for each subset.

    Args:
        body: The body of each node.
        num_subsets: How often each pair is wanted.

    Shapes:
        - **body**: $(N)$
        - **returns**: edge_index $(2, E)$ and subset $(E)$
    """
    pairs = (body[:, None] == body[None, :]).nonzero().t()
    subset = torch.arange(num_subsets, device=body.device).repeat_interleave(pairs.size(1))
    return pairs.repeat(1, num_subsets), subset
