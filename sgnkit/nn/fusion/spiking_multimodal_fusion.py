"""Spiking multimodal fusion (SMF): several spike trains become one."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.fusion.mutual_information import mutual_information
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import norm_fire
from sgnkit.nn.synchronize import mean_over_processes

__all__ = ["SpikingMultimodalFusion"]

Method = Literal["mutual_information", "complementary", "learned", "sum", "mean", "concat"]


class SpikingMultimodalFusion(nn.Module):
    r"""Spiking multimodal fusion (SMF) of the ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper.

    $$
    r_i = \frac{1}{Q - 1}\sum_{j \ne i} I_{ij}, \quad
    \mathbf{w} = \operatorname{softmax}(\mathbf{r} / \theta), \quad
    \mathbf{F} = \mathrm{SN}\Bigl(\mathrm{BN}\Bigl(\mathrm{Conv}_{1 \times 1}
        \Bigl(\sum_i w_i \mathbf{P}_i\Bigr)\Bigr)\Bigr)
    $$

    with the [mutual information][sgnkit.nn.mutual_information] $I_{ij}$ of the spike trains of
    each clip. In training $\mathbf{w}$ belongs to the clip; in evaluation a running average of it
    is used, so the weights fold into the convolution and nothing depends on the batch.

    Args:
        num_modalities: Number of spike trains Q.
        in_channels: Size of each input joint feature.
        out_channels: Size of each output joint feature; as **in_channels** by default.
        method: `"mutual_information"`; `"complementary"` (softmax of $-\mathbf{r}$);
            `"learned"` scalars; `"sum"`; `"mean"`; or `"concat"` of the channels.
        temperature: $\theta$, in nats. Mutual information of sparse spikes is small, so
            temperatures near it make the weights differ.
        grad_weights: Whether gradients flow through $\mathbf{w}$ into the encoders.
        momentum: Weight of the present batch in the running average of $\mathbf{w}$.
        neuron: The spiking neuron; this place gets its own copy.
        norm_scale: The start scale of the batch norm.
        fold: Whether evaluation multiplies $\mathbf{w}$ into the weights of the convolution first,
            so that spikes meet nothing but weights.

    Shapes:
        - **x**: spikes $(Q, S, T, N, C_{in})$
        - **returns**: spikes $(S, T, N, C_{out})$

    Raises:
        ValueError: If an option is out of range.

    Note:
        The estimator of the paper is not published; this one is the choice of this library. See
        the Fidelity page.

    Examples:
        >>> SpikingMultimodalFusion(4, 64)
        SpikingMultimodalFusion(4, 64, 64, method=mutual_information)
    """

    running_weights: Tensor

    def __init__(
        self,
        num_modalities: int,
        in_channels: int,
        out_channels: int | None = None,
        *,
        method: Method = "mutual_information",
        temperature: float = 0.01,
        grad_weights: bool = False,
        momentum: float = 0.1,
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
        fold: bool = False,
    ) -> None:
        super().__init__()
        if method not in get_args(Method):
            raise ValueError(
                f"SpikingMultimodalFusion: method must be one of {get_args(Method)}, got {method!r}"
            )
        if num_modalities < 1 or not temperature > 0 or not 0 < momentum <= 1:
            raise ValueError(
                "SpikingMultimodalFusion: expected num_modalities >= 1, temperature > 0 and "
                f"0 < momentum <= 1, got {num_modalities}, {temperature} and {momentum}"
            )
        self.num_modalities = num_modalities
        self.in_channels = in_channels
        self.out_channels = in_channels if out_channels is None else out_channels
        self.method = method
        self.temperature = temperature
        self.grad_weights = grad_weights
        self.momentum = momentum
        self.fold = fold
        self.synchronized = False
        width = in_channels * (num_modalities if method == "concat" else 1)
        self.lin = Linear(width, self.out_channels, bias=False, weight_initializer="glorot")
        self.norm = BatchNorm(self.out_channels, norm_scale)
        self.neuron = like(neuron, LIF())
        even = torch.full((num_modalities,), 1.0 / num_modalities)
        if method == "learned":
            self.weight = nn.Parameter(even)
        elif method in ("mutual_information", "complementary"):
            self.register_buffer("running_weights", even)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters and the running weights."""
        self.lin.reset_parameters()
        self.norm.reset_parameters()
        for name in ("weight", "running_weights"):
            if (value := getattr(self, name, None)) is not None:
                value.data.fill_(1.0 / self.num_modalities)

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Fuses the spike trains of a batch, from rest."""
        if x.dim() != 5 or x.size(0) != self.num_modalities:
            raise ValueError(
                f"SpikingMultimodalFusion: expected x [{self.num_modalities}, S, T, N, C], got "
                f"{tuple(x.shape)}"
            )
        if self.method == "concat":
            fused = x.permute(1, 2, 3, 0, 4).flatten(-2)
        elif self.fold and not self.training:
            weights = self.weights(x, graph).view(-1, 1, 1) * self.lin.weight
            joined = weights.transpose(0, 1).flatten(1).to(x.dtype)
            current = x.permute(1, 2, 3, 0, 4).flatten(-2) @ joined.t()
            return norm_fire(self.norm, self.neuron, current)
        elif self.method == "sum":
            fused = x.sum(0)
        else:
            weights = self.weights(x, graph).to(x.dtype)
            if weights.dim() == 2:  # one row a clip: [Q, N, 1]
                weights = weights[graph.clip[graph.body]].t().unsqueeze(-1)
            parts = [w * p for w, p in zip(weights.unbind(0), x.unbind(0), strict=True)]
            fused = sum(parts[1:], start=parts[0])
        return norm_fire(self.norm, self.neuron, self.lin(fused))

    def weights(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the weight of each modality, `[Q]`, or `[B, Q]` in training with MI."""
        if self.method in ("sum", "concat"):
            return x.new_ones(self.num_modalities)
        if self.method == "mean":
            return x.new_full((self.num_modalities,), 1.0 / self.num_modalities)
        if self.method == "learned":
            return self.weight
        if not self.training:
            return self.running_weights
        with torch.set_grad_enabled(self.grad_weights and torch.is_grad_enabled()):
            information = mutual_information(x, graph)
            others = 1 - torch.eye(self.num_modalities, device=x.device)
            relevance = (information * others).sum(2) / max(self.num_modalities - 1, 1)
            sign = -1.0 if self.method == "complementary" else 1.0
            weights = (sign * relevance / self.temperature).softmax(dim=1)
        with torch.no_grad():
            batch = weights.mean(0)
            if self.synchronized:
                batch = mean_over_processes(batch)
            self.running_weights.lerp_(batch.to(self.running_weights), self.momentum)
        return weights

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_modalities}, {self.in_channels}, "
            f"{self.out_channels}, method={self.method})"
        )
