"""Feature translation module (FTM): a teacher's real features in spike form."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn.dense.linear import Linear
from torch_geometric.utils import scatter

from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm

__all__ = ["FeatureTranslation"]


class FeatureTranslation(nn.Module):
    r"""Feature translation module (FTM) of the ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper:
    turns a real feature of the teacher into spikes that the student can be compared with.

    $$
    \mathbf{F}^{(s)} = \mathrm{SN}^{(s)}\bigl(\mathrm{BN}(\mathbf{X} \mathbf{W})\bigr),
    \qquad s = 1 \ldots S
    $$

    A translation that only the feature loss trains can fall silent: zero spikes are the easiest
    agreement between teacher and student. Two safeguards prevent it: $\mathbf{W}$ starts as the
    identity, and a classifier head with a cross-entropy of its own asks that the spikes still tell
    the classes apart.

    Args:
        in_channels: Size of the teacher's feature.
        num_steps: Spiking steps S of the student.
        out_channels: Size of the student's feature; as **in_channels** by default.
        num_classes: Classes of the head; `None` leaves the head out.
        neuron: The spiking neuron; [`LIF(v_th=0.5)`][sgnkit.nn.LIF] by default.

    Shapes:
        - **x**: $(*, C_{in})$, real; no gradient flows back into it
        - **returns**: spikes $(S, *, C_{out})$

    Raises:
        ValueError: If the number of steps is below 1.

    Note:
        The paper names the module; equation, start and head are choices of this library. See the
        Fidelity page.

    Examples:
        >>> FeatureTranslation(64, num_steps=4)(torch.rand(52, 20, 64)).shape
        torch.Size([4, 52, 20, 64])
    """

    def __init__(
        self,
        in_channels: int,
        num_steps: int,
        out_channels: int | None = None,
        *,
        num_classes: int | None = None,
        neuron: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if num_steps < 1:
            raise ValueError(f"FeatureTranslation: num_steps must be at least 1, got {num_steps}")
        self.in_channels = in_channels
        self.out_channels = in_channels if out_channels is None else out_channels
        self.num_steps = num_steps
        self.lin = Linear(in_channels, self.out_channels, bias=False)
        self.norm = BatchNorm(self.out_channels)
        self.neuron = like(neuron, LIF(v_th=0.5))
        self.head = None if num_classes is None else Linear(self.out_channels, num_classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters: the translation starts as the identity."""
        self.norm.reset_parameters()
        if self.in_channels == self.out_channels:
            nn.init.eye_(self.lin.weight)
        else:
            nn.init.orthogonal_(self.lin.weight)
        if self.head is not None:
            self.head.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Translates a feature, from rest."""
        current = self.norm(self.lin(x.detach()))
        return self.neuron(current.unsqueeze(0).expand(self.num_steps, *current.shape))

    def head_loss(self, spikes: Tensor, y: Tensor, batch: Tensor | None = None) -> Tensor:
        """Returns the cross-entropy of the head, which keeps the spikes from falling silent.

        Args:
            spikes: What `forward` returned, $(S, *, N, C)$.
            y: Class of each graph, or of each node where `batch` is `None`.
            batch: The graph of each node, $(N)$.

        Raises:
            ValueError: If there is no head.
        """
        if self.head is None:
            raise ValueError("FeatureTranslation: has no head; pass num_classes")
        dtype = torch.promote_types(spikes.dtype, torch.float32)
        rates = spikes.flatten(0, -3).mean(0, dtype=dtype)  # [N, C]
        if batch is not None:
            rates = scatter(rates, batch, 0, y.numel(), "mean")
        return F.cross_entropy(self.head(rates).float(), y)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.out_channels}, "
            f"num_steps={self.num_steps}, head={self.head is not None})"
        )
