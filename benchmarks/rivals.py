"""MK-SGN as practice writes it: multi-step neurons between `Conv2d` and `einsum` on `(N, C, T, V)`.

The same network as [`MKSGN`][sgnkit.models.MKSGN] with the same weights and the same outputs, in
the form of published code for spiking networks and for graph networks on skeletons: clips are dense
`(N, C, T, V, M)` tensors, persons join the batch axis, spiking steps come first, convolutions and
batch norms see steps and clips as one axis, and every neuron keeps its membrane until it is reset.
Neurons are SpikingJelly's where it is installed, else a short one in the same form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sgnkit.models import MKSGN
from sgnkit.nn import LIF

__all__ = ["MultiStepNode", "Network", "dense_clips", "spikingjelly_node"]

Node = Callable[[float], nn.Module]


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        sigmoid = torch.sigmoid(4 * u)
        return grad * (4 * sigmoid * (1 - sigmoid))


class MultiStepNode(nn.Module):
    """LIF over all steps, in the form of SpikingJelly's: a loop, and a membrane that is kept."""

    def __init__(self, v_threshold: float) -> None:
        super().__init__()
        self.v_threshold = v_threshold
        self.v: Tensor | None = None

    def reset(self) -> None:
        self.v = None

    def forward(self, x: Tensor) -> Tensor:
        v = torch.zeros_like(x[0]) if self.v is None else self.v
        train = []
        for x_s in x:
            v = v + (x_s - v) / 2.0
            z = _Spike.apply(v - self.v_threshold)
            v = v * (1 - z.detach())
            train.append(z)
        self.v = v
        return torch.stack(train)


def spikingjelly_node(v_threshold: float) -> nn.Module:
    """Returns SpikingJelly's `LIFNode` with the same dynamics."""
    from spikingjelly.activation_based import neuron, surrogate

    return neuron.LIFNode(
        tau=2.0,
        v_threshold=v_threshold,
        surrogate_function=surrogate.Sigmoid(alpha=4.0),
        detach_reset=True,
        step_mode="m",
    )


def above(v_th: Tensor) -> float:
    """The next number above a threshold: SpikingJelly fires at the threshold, Norse above it."""
    return float(torch.nextafter(v_th, v_th + 1))


class ConvNormNode(nn.Module):
    """Convolution, batch norm and neuron over `[S, N, C, T, V]`."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm1d, neuron: LIF, node: Node) -> None:
        super().__init__()
        self.conv, self.norm = conv, batch_norm(norm)
        self.node = node(above(neuron.v_th))

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.conv(x.flatten(0, 1)))
        return self.node(out.view(x.size(0), x.size(1), *out.shape[1:]))


class Encoder(nn.Module):
    """SSC: one convolution of the frames, repeated over the steps."""

    def __init__(self, encoder: nn.Module, node: Node) -> None:
        super().__init__()
        width, channels = encoder.out_channels, encoder.in_channels
        self.num_steps = encoder.num_steps
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        columns = encoder.conv.weight.detach().view(3, width, channels, 3)
        self.conv.weight.data.copy_(columns.permute(1, 2, 3, 0))
        self.norm = batch_norm(encoder.norm)
        self.node = node(above(encoder.neuron.v_th))

    def forward(self, x: Tensor) -> Tensor:
        current = self.norm(self.conv(x))
        return self.node(current.unsqueeze(0).repeat(self.num_steps, 1, 1, 1, 1))


class Fusion(nn.Module):
    """SMF: a sum of the trains, weighed by their mutual information."""

    def __init__(self, fusion: nn.Module, node: Node) -> None:
        super().__init__()
        self.temperature, self.momentum = fusion.temperature, fusion.momentum
        self.register_buffer("running_weights", fusion.running_weights.clone())
        self.mix = ConvNormNode(pointwise(fusion.lin.weight), fusion.norm, fusion.neuron, node)

    def forward(self, x: Tensor, persons: int) -> Tensor:
        weights = self.running_weights.view(-1, 1)
        if self.training:
            weights = self.weights(x, persons).repeat_interleave(persons, 1)  # [Q, N]
        return self.mix((weights[:, None, :, None, None, None].to(x.dtype) * x).sum(0))

    @torch.no_grad()
    def weights(self, x: Tensor, persons: int) -> Tensor:
        clips = x.transpose(1, 2).unflatten(1, (-1, persons)).flatten(2)  # [Q, B, everything]
        p11 = torch.einsum("ibx,jbx->bij", clips, clips) / clips.size(2)
        p1 = p11.diagonal(dim1=1, dim2=2)
        first, second = p1.unsqueeze(2), p1.unsqueeze(1)
        information = torch.zeros_like(p11)
        for joint, independent in (
            (p11, first * second),
            (first - p11, first * (1 - second)),
            (second - p11, (1 - first) * second),
            (1 - first - second + p11, (1 - first) * (1 - second)),
        ):
            joint = joint.clamp(min=0)
            information += joint * ((joint + 1e-12) / (independent + 1e-12)).log()
        information = information.clamp(min=0)
        count = information.size(1)
        relevance = (information.sum(2) - information.diagonal(dim1=1, dim2=2)) / (count - 1)
        weights = (relevance / self.temperature).softmax(1)
        self.running_weights.lerp_(weights.mean(0).to(self.running_weights), self.momentum)
        return weights.t()


class GraphConv(nn.Module):
    """SGC: a 1×1 convolution to K subsets, `einsum` with the graphs, and a shortcut."""

    def __init__(self, layer: nn.Module, node: Node) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(layer.adjacency().detach().clone())
        self.conv = pointwise(layer.lin.weight)
        self.norm = batch_norm(layer.norm)
        self.node = node(above(layer.neuron.v_th))
        self.down = shortcut(layer.shortcut, node)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x.flatten(0, 1))
        subsets = self.adjacency.size(0)
        out = out.view(out.size(0), subsets, -1, *out.shape[2:])
        out = self.norm(torch.einsum("nkctv,kvw->nctw", out, self.adjacency).contiguous())
        return self.node(out.view(x.size(0), x.size(1), *out.shape[1:])) + self.down(x)


class Attention(nn.Module):
    """Spiking self-attention over the joints of each frame, three projections and an output."""

    def __init__(self, layer: nn.Module, node: Node) -> None:
        super().__init__()
        self.heads, self.scale = layer.heads, layer.scale
        self.query, self.key, self.value = (
            ConvNormNode(pointwise(weight), layer.norm_qkv, layer.neuron_qkv, node)
            for weight in layer.lin_qkv.weight.chunk(3)
        )
        for i, part in enumerate((self.query, self.key, self.value)):
            part.norm = batch_norm(layer.norm_qkv, i, 3)
        self.node = node(above(layer.neuron_attend.v_th))
        self.out = ConvNormNode(
            pointwise(layer.lin_out.weight), layer.norm_out, layer.neuron_out, node
        )

    def forward(self, x: Tensor) -> Tensor:
        steps, clips, channels, frames, joints = x.shape

        def heads(spikes: Tensor) -> Tensor:  # [S, N, T, H, V, C / H]
            parted = spikes.view(steps, clips, self.heads, -1, frames, joints)
            return parted.permute(0, 1, 4, 2, 5, 3).contiguous()

        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        z = (q @ k.transpose(-2, -1)) @ v * self.scale
        z = z.permute(0, 1, 3, 5, 2, 4).reshape(steps, clips, channels, frames, joints)
        return self.out(self.node(z)) + x


class Block(nn.Module):
    """SA-SGC and STC, with a shortcut around both."""

    def __init__(self, block: nn.Module, node: Node, recompute: bool) -> None:
        super().__init__()
        self.recompute = recompute
        self.spatial = GraphConv(block.spatial.conv, node)
        self.attention = Attention(block.spatial.attention, node)
        temporal = block.temporal
        conv = nn.Conv2d(
            temporal.in_channels,
            temporal.out_channels,
            (temporal.kernel_size, 1),
            (temporal.stride, 1),
            (temporal.kernel_size // 2, 0),
            bias=False,
        )
        conv.weight.data.copy_(temporal.convs[0].weight)
        self.temporal = ConvNormNode(conv, temporal.norm, temporal.neuron, node)
        self.down = shortcut(block.shortcut, node)

    def forward(self, x: Tensor) -> Tensor:
        again = self.recompute and self.training
        out = run(self.attention, again, run(self.spatial, again, x))
        return run(self.temporal, again, out) + run(self.down, again, x)


class Network(nn.Module):
    """The twin of an [`MKSGN`][sgnkit.models.MKSGN] with the options of its presets.

    Args:
        model: Where the weights come from. Neurons are LIF with tau 2 and hard reset.
        node: What builds a multi-step neuron from a threshold.
        recompute: Whether the backward pass runs each layer again, from its input.

    Shapes:
        - **x**: $(B, C, T, V, M)$, all persons present
        - **returns**: logits $(B, \text{classes})$
    """

    def __init__(self, model: MKSGN, node: Node = MultiStepNode, recompute: bool = False) -> None:
        super().__init__()
        self.recompute = recompute
        self.register_buffer("parents", torch.tensor(model.layout.parents))
        self.encoders = nn.ModuleList(Encoder(encoder, node) for encoder in model.encoders)
        self.fusion = Fusion(model.fusion, node)
        self.blocks = nn.ModuleList(Block(block, node, recompute) for block in model.blocks)
        self.head = nn.Linear(model.readout.in_channels, model.num_classes)
        self.head.load_state_dict(model.readout.lin.state_dict())

    def reset(self) -> None:
        """Forgets all membranes, as must be done between two batches."""
        forget(self)

    def forward(self, x: Tensor) -> Tensor:
        persons = x.size(-1)
        joint = x.permute(0, 4, 1, 2, 3).flatten(0, 1).contiguous()  # [B M, C, T, V]
        bone = joint - joint[..., self.parents]
        motion = [torch.zeros_like(joint) for _ in range(2)]
        for moved, stream in zip(motion, (joint, bone), strict=True):
            moved[:, :, :-1] = stream[:, :, 1:] - stream[:, :, :-1]
        streams = (joint, bone, *motion)
        again = self.recompute and self.training
        trains = [run(e, again, s) for e, s in zip(self.encoders, streams, strict=True)]
        out = run(self.fusion, again, torch.stack(trains), persons)
        for block in self.blocks:
            out = block(out)
        rates = out.mean((0, 3, 4)).unflatten(0, (-1, persons)).mean(1)
        return self.head(rates)


def forget(network: nn.Module) -> None:
    """Forgets the membranes of all neurons."""
    for module in network.modules():
        if not isinstance(module, Network) and hasattr(module, "reset"):
            module.reset()


def run(layer: nn.Module, again: bool, *inputs: Any) -> Tensor:
    """Runs a layer, and once more in the backward pass if told so."""
    if again:
        return checkpoint(afresh, layer, *inputs, use_reentrant=False)
    return layer(*inputs)


def afresh(layer: nn.Module, *inputs: Any) -> Tensor:
    """Runs a layer from rest, and keeps no membrane: with one, all that led to it would stay."""
    forget(layer)
    try:
        return layer(*inputs)
    finally:  # PyTorch leaves the second run by an exception, when it has what it needs
        forget(layer)


def pointwise(weight: Tensor) -> nn.Conv2d:
    """Returns a 1×1 convolution with the weights of a linear layer."""
    conv = nn.Conv2d(weight.size(1), weight.size(0), 1, bias=False)
    conv.weight.data.copy_(weight.detach()[:, :, None, None])
    return conv


def batch_norm(norm: nn.BatchNorm1d, part: int = 0, parts: int = 1) -> nn.BatchNorm2d:
    """Returns the same batch norm for images, or one of several parts of it."""
    own = nn.BatchNorm2d(norm.num_features // parts, norm.eps, norm.momentum)
    for key, value in norm.state_dict().items():
        own.state_dict()[key].copy_(value.chunk(parts)[part] if value.dim() else value)
    return own


def shortcut(layer: nn.Module, node: Node) -> nn.Module:
    """Returns the identity, or a strided 1×1 convolution with batch norm and neuron."""
    if not layer.projects:
        return nn.Identity()
    conv = pointwise(layer.lin.weight)
    conv.stride = (layer.stride, 1)
    return ConvNormNode(conv, layer.norm, layer.neuron, node)


def dense_clips(batch: object, joints: int, persons: int) -> Tensor:
    """Returns the clips of a batch as `(B, C, T, V, M)`, with the same persons in each."""
    x = batch.x  # [N, T, C]
    x = x.view(-1, persons, joints, *x.shape[1:])
    return x.permute(0, 4, 3, 2, 1).contiguous()
