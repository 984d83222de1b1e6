"""Mutual information of spike trains, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from sgnkit.nn.graph import SkeletonGraph

__all__ = ["mutual_information"]


def mutual_information(spikes: Tensor, graph: SkeletonGraph) -> Tensor:
    r"""Mutual information between the spike trains of modalities, for each clip.

    $$
    I_{ij} = \sum_{a,b \in \{0,1\}} p_{ab} \log \frac{p_{ab}}{p_{a\cdot}\, p_{\cdot b}}, \qquad
    p_{11} = \overline{P_i P_j}, \quad p_{1\cdot} = \overline{P_i}, \quad
    p_{\cdot 1} = \overline{P_j}
    $$

    The other cells follow by complement, so the value is exact for binary variables. Means run
    over steps, frames, joints and channels of the persons that are present.

    Args:
        spikes: Spike trains of the modalities.
        graph: The graph of the batch.

    Shapes:
        - **spikes**: $(Q, S, T, N, C)$, binary, one train for each of Q modalities
        - **returns**: $(B, Q, Q)$, symmetric, in nats, from 0 to $\log 2$; the diagonal is the
          entropy of each modality

    Examples:
        >>> import sgnkit
        >>> clip = sgnkit.SkeletonData.from_array(torch.rand(8, 25, 3).numpy(), "ntu25", axes="TVC")
        >>> trains = (torch.rand(2, 4, 8, 25, 64) < 0.5).float()
        >>> mutual_information(trains, SkeletonGraph.from_data(clip)).shape
        torch.Size([1, 2, 2])
    """
    count = spikes.size(0)
    node = graph.clip[graph.body]
    seen = graph.present[graph.body]
    per_node = spikes.size(1) * spikes.size(2) * spikes.size(4)
    pairs = [(i, j) for i in range(count) for j in range(i, count)]
    wide = torch.promote_types(spikes.dtype, torch.float32)
    both = torch.stack(
        [
            (spikes[i] if i == j else spikes[i] * spikes[j]).sum((0, 1, 3), dtype=wide)
            for i, j in pairs
        ]
    )
    total = both.new_zeros(graph.num_clips, both.size(0)).index_add(0, node, (both * seen).t())
    nodes = both.new_zeros(graph.num_clips).index_add(0, node, seen.to(both.dtype))
    mean = total / (nodes * per_node).clamp(min=1).unsqueeze(1)
    place = {pair: k for k, pair in enumerate(pairs)}
    square = [mean[:, place[min(i, j), max(i, j)]] for i in range(count) for j in range(count)]
    p11 = torch.stack(square, 1).view(-1, count, count)
    p1 = p11.diagonal(dim1=1, dim2=2)
    first, second = p1.unsqueeze(2), p1.unsqueeze(1)
    cells = (
        (p11, first * second),
        (first - p11, first * (1 - second)),
        (second - p11, (1 - first) * second),
        (1 - first - second + p11, (1 - first) * (1 - second)),
    )
    tiny = 1e-12
    terms = (
        p * ((p + tiny) / (q + tiny)).log() for p, q in ((p.clamp(min=0), q) for p, q in cells)
    )
    return torch.stack(list(terms)).sum(0).clamp(min=0)
