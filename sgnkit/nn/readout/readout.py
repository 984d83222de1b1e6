"""Read-out: from spikes of all joints to class scores."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn.dense.linear import Linear
from torch_geometric.utils import scatter

from sgnkit.nn.graph import SkeletonGraph

__all__ = ["Readout"]


class Readout(nn.Module):
    r"""Firing rates over steps, frames and joints, averaged over the persons present, to logits.

    $$
    \mathbf{y} = \mathbf{W}\,\frac{1}{M}\sum_{m=1}^{M} \overline{\mathbf{X}}_{m} + \mathbf{b},
    \qquad \overline{\mathbf{X}}_m = \frac{1}{S T V}\sum_{s,t,v} \mathbf{X}_{s,t,m,v}
    $$

    Args:
        in_channels: Size of each joint feature.
        num_classes: Number of classes.
        persons: `"mean"` averages over the persons of a clip; `"each"` returns one row a body.
        per_step: Whether to return the logits of every spiking step, for losses such as
            [TET](https://arxiv.org/abs/2202.11946).
        dropout: Probability to drop a feature before the linear layer.
        fold: Whether evaluation applies the linear layer to each spike and averages afterwards,
            which gives the same logits: what meets the weights are spikes, not rates.

    Shapes:
        - **x**: $(S, T, N, C)$
        - **returns**: $(B, \text{classes})$; with `per_step` $(S, B, \text{classes})$; with
          `persons="each"` a row for each body instead of each clip

    Raises:
        ValueError: If an option is unknown.

    Examples:
        >>> Readout(64, 10)
        Readout(64, 10, persons=mean, per_step=False)
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        persons: Literal["mean", "each"] = "mean",
        per_step: bool = False,
        dropout: float = 0.0,
        fold: bool = False,
    ) -> None:
        super().__init__()
        if persons not in ("mean", "each"):
            raise ValueError(f"Readout: persons must be 'mean' or 'each', got {persons!r}")
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.persons = persons
        self.per_step = per_step
        self.fold = fold
        self.dropout = nn.Dropout(dropout)
        self.lin = Linear(in_channels, num_classes, weight_initializer="kaiming_uniform")

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        self.lin.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the logits of a batch."""
        if self.fold and not self.training and not torch.compiler.is_compiling():
            return self._folded(x, graph)
        return self.lin(self.dropout(self.features(x, graph)))

    def step_frame(
        self,
        x: Tensor | None,
        graph: SkeletonGraph,
        state: tuple[Tensor, int] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, int]]:
        """Returns the logits of all frames so far, see [`step_frame`][sgnkit.nn.step_frame].

        Shapes:
            - **x**: $(S, 1, N, C)$, or `None` for a frame that a stride before it left out
            - **returns**: as `forward`, and the sum of the frames so far, $(S, N, C)$, with their
              number
        """
        if x is not None:
            frame = x.squeeze(1).to(torch.promote_types(x.dtype, torch.float32))
            state = (frame, 1) if state is None else (state[0] + frame, state[1] + 1)
        if state is None:
            raise ValueError("Readout: there is no frame to read before the first one")
        features = self._average(state[0] / state[1], graph).to(self.lin.weight.dtype)
        return self.lin(self.dropout(features)), state

    def _folded(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Sums what each spike adds to the logits of its clip, or of its body."""
        each = self.persons == "each"
        owner = graph.body if each else graph.clip[graph.body]
        seen = torch.ones_like(graph.body, dtype=torch.bool) if each else graph.present[graph.body]
        rows = graph.clip.numel() if each else graph.num_clips
        # the nodes of each row, and a silent one where a row has fewer
        nodes = seen.nonzero().flatten()
        order = nodes[owner[nodes].argsort(stable=True)]
        count = torch.bincount(owner[order], minlength=rows)
        place = torch.arange(int(count.max()), device=x.device)
        first = (count.cumsum(0) - count).unsqueeze(1)
        silent = torch.full((1,), x.size(-2), device=x.device)
        held = torch.where(place < count.unsqueeze(1), first + place, order.numel())
        spikes = F.pad(x, (0, 0, 0, 1))[:, :, torch.cat([order, silent])[held]]
        sums = F.linear(spikes, self.lin.weight.to(x.dtype)).sum((1, 3), dtype=torch.float32)
        logits = sums / (x.size(1) * count.clamp(min=1).unsqueeze(1)) + self.lin.bias
        return (logits if self.per_step else logits.mean(0)).to(x.dtype)

    def features(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns what the linear layer sees: mean rates, `[B, C]` or `[S, B, C]`."""
        rates = x.mean(1, dtype=torch.promote_types(x.dtype, torch.float32))  # [S, N, C]
        return self._average(rates, graph).to(x.dtype)

    def _average(self, rates: Tensor, graph: SkeletonGraph) -> Tensor:
        if not self.per_step:
            rates = rates.mean(0)
        bodies = scatter(rates, graph.body, rates.dim() - 2, graph.clip.numel(), "mean")
        if self.persons == "each":
            return bodies
        weight = graph.present.to(bodies.dtype).unsqueeze(-1)
        total = scatter(bodies * weight, graph.clip, bodies.dim() - 2, graph.num_clips, "sum")
        persons = scatter(weight, graph.clip, 0, graph.num_clips, "sum")
        return total / persons.clamp(min=1)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.num_classes}, "
            f"persons={self.persons}, per_step={self.per_step})"
        )
