"""Spiking self-attention over the joints of a body, without a soft-max."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.conv.adjacency import all_pairs
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.native.attention import HEAD_WIDTHS, Attend
from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import constants, norm_fire
from sgnkit.nn.shortcut import Residual, SpikingShortcut

__all__ = ["SpikingSelfAttention"]


class SpikingSelfAttention(MessagePassing):
    r"""Spiking self-attention of ["Spikformer"](https://arxiv.org/abs/2209.15425) over the joints
    of one person, in each frame and spiking step.

    $$
    \mathbf{Q}, \mathbf{K}, \mathbf{V} = \mathrm{SN}(\mathrm{BN}(\mathbf{X}\mathbf{W}_{Q,K,V})),
    \quad \mathbf{Z} = \mathrm{SN}_{0.5}\bigl(c\, \mathbf{Q}\mathbf{K}^{\top}\mathbf{V}\bigr),
    \quad \mathbf{Y} = \mathrm{SN}(\mathrm{BN}(\mathbf{Z}\mathbf{W})) + \mathbf{X}
    $$

    for each head. Spikes are not negative, so no soft-max is needed, and the product may be
    taken in the cheaper order.

    Args:
        channels: Size of each joint feature, a multiple of `heads`.
        heads: Number of attention heads.
        scale: The factor $c$, $4 H / C$ by default: the usual 0.125 at 32 channels a head, and
            larger for narrow heads, whose sums of spikes would never reach the threshold.
        scope: Which joints attend to each other: those of one `"body"` in a frame, or those of
            all persons of a `"clip"` in a frame.
        attention_neuron: Whether a neuron fires on $c\,\mathbf{Q}\mathbf{K}^{\top}$ before it
            meets $\mathbf{V}$; the products then cannot be swapped.
        pool_frames: Whether $\mathbf{Q}\mathbf{K}^{\top}$ is averaged over the frames of a step,
            one attention map for the whole clip.
        causal: Whether the average of `pool_frames` runs over a frame and those before it.
        residual: `"sew"`, `"or"`, `"membrane"` or `None`, as in
            [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].
        neuron: The spiking neuron; each place gets its own copy.
        v_th: Threshold of the neuron after the attention product.
        norm_scale: The start scale of the batch norms.
        path: `"auto"`, `"dense"` or `"sparse"`.

    Shapes:
        - **x**: $(S, T, N, C)$
        - **returns**: $(S, T, N, C)$

    Raises:
        ValueError: If `channels` is not a multiple of `heads`, or an option is unknown.

    Note:
        Messages over all pairs of joints define the layer:
        $\sum_j (\mathbf{q}_i \cdot \mathbf{k}_j)\,\mathbf{v}_j$.

    Examples:
        >>> SpikingSelfAttention(32, heads=4)
        SpikingSelfAttention(32, heads=4)
    """

    def __init__(
        self,
        channels: int,
        heads: int = 8,
        *,
        scale: float | None = None,
        scope: Literal["body", "clip"] = "body",
        attention_neuron: bool = False,
        pool_frames: bool = False,
        causal: bool = False,
        residual: Residual | None = "sew",
        neuron: nn.Module | None = None,
        v_th: float = 0.5,
        norm_scale: float = 1.0,
        path: Literal["auto", "dense", "sparse"] = "auto",
    ) -> None:
        super().__init__(aggr="sum", node_dim=-2)
        if channels % heads:
            raise ValueError(
                f"SpikingSelfAttention: channels must be a multiple of heads, got {channels} "
                f"channels and {heads} heads"
            )
        for name, value, legal in (
            ("scope", scope, ("body", "clip")),
            ("path", path, ("auto", "dense", "sparse")),
        ):
            if value not in legal:
                raise ValueError(f"SpikingSelfAttention: {name} must be in {legal}, got {value!r}")
        self.channels = channels
        self.heads = heads
        self.scale = 4 * heads / channels if scale is None else scale
        self.scope = scope
        self.pool_frames = pool_frames
        self.causal = causal
        self.path = path
        self.lin_qkv = Linear(channels, 3 * channels, bias=False, weight_initializer="glorot")
        self.norm_qkv = BatchNorm(3 * channels, norm_scale)
        self.neuron_qkv = like(neuron, LIF())
        self.attention_neuron = like(neuron, LIF()) if attention_neuron else None
        self.neuron_attend = like(neuron, LIF())
        if isinstance(self.neuron_attend, LIF):
            self.neuron_attend.v_th.fill_(v_th)
        self.lin_out = Linear(channels, channels, bias=False, weight_initializer="glorot")
        self.norm_out = BatchNorm(channels, norm_scale)
        self.neuron_out = like(neuron, LIF())
        self.shortcut = SpikingShortcut(channels, channels, mode=residual)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        super().reset_parameters()
        for module in (self.lin_qkv, self.norm_qkv, self.lin_out, self.norm_out):
            module.reset_parameters()

    def forward(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        return self._attend(x, graph, [])

    def step_frame(
        self, x: Tensor, graph: SkeletonGraph, state: tuple[Tensor, int] | None = None
    ) -> tuple[Tensor, tuple[Tensor, int] | None]:
        """Runs one frame, see [`step_frame`][sgnkit.nn.step_frame].

        Shapes:
            - **x**: $(S, 1, N, C)$
            - **returns**: $(S, 1, N, C)$, and with `pool_frames` the sum of the attention maps so
              far with their number
        """
        if self.pool_frames and not self.causal:
            raise ValueError(
                "SpikingSelfAttention: pool_frames looks at later frames; build it with causal=True"
            )
        sums = [] if state is None else [state]
        return self._attend(x, graph, sums), sums[-1] if sums else None

    def _attend(self, x: Tensor, graph: SkeletonGraph, sums: list[tuple[Tensor, int]]) -> Tensor:
        qkv = norm_fire(self.norm_qkv, self.neuron_qkv, self.lin_qkv(x))
        z = self._attend_compiled(qkv, graph)
        if z is None:
            q, k, v = qkv.chunk(3, dim=-1)
            if self.uses_dense(graph):
                z = self._attend_dense(q, k, v, graph, sums)
            else:
                z = self._attend_sparse(q, k, v, graph, sums)
            z = self.neuron_attend(z * self.scale)
        return self.shortcut.join(x, self.lin_out(z), self.neuron_out, self.norm_out)

    def attention(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        r"""Returns the attention maps $c\,\mathbf{Q}\mathbf{K}^{\top}$ of a batch of one layout.

        Shapes:
            - **x**: $(S, T, N, C)$
            - **returns**: $(S, T, B M, H, V, V)$, `[..., target, source]`; T = 1 with
              `pool_frames`, and persons of a clip side by side with `scope="clip"`
        """
        if not self.uses_dense(graph):
            raise ValueError(
                "SpikingSelfAttention: attention maps need all bodies to share one layout"
            )
        q, k, _ = (self._split(part, graph) for part in self._qkv(x))
        return self._pooled(q @ k.transpose(-1, -2), []) * self.scale

    def uses_dense(self, graph: SkeletonGraph) -> bool:
        """Whether the dense path is taken for this batch."""
        same = self._group(graph) is not None
        if self.path == "dense" and not same:
            raise ValueError(
                "SpikingSelfAttention: path='dense' needs equal numbers of joints (and of persons "
                "with scope='clip') in one order. Use path='auto'."
            )
        return same and self.path != "sparse"

    def _group(self, graph: SkeletonGraph) -> int | None:
        """The number of nodes that attend to each other when it is the same everywhere."""
        if graph.num_joints is None or self.scope == "body":
            return graph.num_joints
        persons, rest = divmod(graph.clip.numel(), graph.num_clips)
        even = torch.arange(graph.num_clips, device=graph.clip.device).repeat_interleave(persons)
        return graph.num_joints * persons if not rest and torch.equal(graph.clip, even) else None

    def _qkv(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.neuron_qkv(self.norm_qkv(self.lin_qkv(x))).chunk(3, dim=-1)

    def _split(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Views `[S, T, N, C]` as `[S, T, groups, V, H, C / H]`, heads before joints."""
        group = self._group(graph)
        assert group is not None  # the dense path was chosen
        x = x.reshape(*x.shape[:2], -1, group, self.heads, self.channels // self.heads)
        return x.transpose(-2, -3)

    def _pooled(self, scores: Tensor, sums: list[tuple[Tensor, int]]) -> Tensor:
        """Averages scores over frames; `sums` is what came before them, and gets their sum."""
        if not self.pool_frames:
            return scores
        if not self.causal:
            return scores.mean(1, keepdim=True)
        total, number = sums[-1] if sums else (0.0, 0)
        running = total + scores.cumsum(1)
        count = torch.arange(1, scores.size(1) + 1, device=scores.device) + number
        sums.append((running[:, -1:], number + scores.size(1)))
        return running / count.view(-1, *[1] * (scores.dim() - 2)).to(scores.dtype)

    def _attend_compiled(self, qkv: Tensor, graph: SkeletonGraph) -> Tensor | None:
        """Returns the spikes after the products, where a compiled loop can give them."""
        plain = self.attention_neuron is None and not self.pool_frames
        if not plain or self.channels // self.heads not in HEAD_WIDTHS:
            return None
        numbers = constants(self.neuron_attend, qkv)
        if numbers is None or not self.uses_dense(graph):
            return None
        group = self._group(graph)
        spikes: Tensor = Attend.apply(qkv.contiguous(), group, self.heads, self.scale, numbers)
        return spikes

    def _attend_dense(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        graph: SkeletonGraph,
        sums: list[tuple[Tensor, int]],
    ) -> Tensor:
        shape = q.shape
        q, k, v = (self._split(part, graph) for part in (q, k, v))
        if self.attention_neuron is None and not self.pool_frames:
            # C/H products a joint and channel one way, V the other
            narrow = self.channels // self.heads <= q.size(-2)
            k = k.transpose(-1, -2)
            z = q @ (k @ v) if narrow else (q @ k) @ v
        else:
            scores = self._pooled(q @ k.transpose(-1, -2), sums)
            if self.attention_neuron is not None:
                scores = self.attention_neuron(scores * self.scale)
            z = scores @ v
        return z.transpose(-2, -3).reshape(shape)

    def _attend_sparse(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        graph: SkeletonGraph,
        sums: list[tuple[Tensor, int]],
    ) -> Tensor:
        where = graph.body if self.scope == "body" else graph.clip[graph.body]
        edge_index, _ = all_pairs(where, 1)
        heads = (*q.shape[:-1], self.heads, -1)
        source, target = edge_index
        scores = (q.view(heads)[:, :, target] * k.view(heads)[:, :, source]).sum(-1)
        scores = self._pooled(scores, sums)
        if self.attention_neuron is not None:
            scores = self.attention_neuron(scores * self.scale)
        return self.propagate(edge_index, x=v, scores=scores, size=None)

    def message(self, x_j: Tensor, scores: Tensor) -> Tensor:
        heads = x_j.view(*x_j.shape[:-1], self.heads, -1)
        return (scores.unsqueeze(-1) * heads).flatten(-2)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, heads={self.heads})"
