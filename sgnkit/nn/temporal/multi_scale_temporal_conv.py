"""Multi-scale temporal convolution of real-valued graph networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn.dense.linear import Linear

from sgnkit.nn.norm import BatchNorm

__all__ = ["MultiScaleTemporalConv"]


class MultiScaleTemporalConv(nn.Module):
    r"""Temporal convolution in parallel branches (MS-TCN), of the ["Channel-wise Topology
    Refinement Graph Convolution"](https://arxiv.org/abs/2107.12213) paper.

    $$
    \mathrm{TCN}(\mathbf{X}) = \mathrm{BN}\bigl(\bigl[\mathrm{Conv}_{k,\,d_1}(\mathbf{H}_1), \ldots,
        \mathrm{Conv}_{k,\,d_n}(\mathbf{H}_n),\ \mathrm{MaxPool}_3(\mathbf{H}_{n+1}),\
        \mathbf{X} \mathbf{W}_{n+2}\bigr]\bigr), \qquad
    \mathbf{H}_i = \mathrm{ReLU}(\mathrm{BN}(\mathbf{X} \mathbf{W}_i))
    $$

    Each of the $n + 2$ branches has an equal share of the output channels.

    Args:
        in_channels: Size of each input feature.
        out_channels: Size of each output feature, a multiple of the number of branches.
        kernel_size: Frames under the kernel, odd.
        stride: Every how many frames one is kept.
        dilations: Dilation of each branch that convolves.

    Shapes:
        - **x**: $(T, N, C_{in})$
        - **returns**: $(\lceil T / \text{stride} \rceil, N, C_{out})$

    Raises:
        ValueError: If the kernel is even, the stride below 1, or the widths do not split.

    Examples:
        >>> MultiScaleTemporalConv(8, 16, stride=2)(torch.rand(7, 25, 8)).shape
        torch.Size([4, 25, 16])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        stride: int = 1,
        dilations: Sequence[int] = (1, 2),
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0 or stride < 1:
            raise ValueError(
                f"MultiScaleTemporalConv: kernel_size must be odd and stride at least 1, got "
                f"kernel_size={kernel_size} and stride={stride}"
            )
        width, rest = divmod(out_channels, len(dilations) + 2)
        if rest:
            raise ValueError(
                f"MultiScaleTemporalConv: out_channels must be a multiple of "
                f"{len(dilations) + 2}, the number of branches, got {out_channels}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.width = width
        self.reduce = Linear(in_channels, (len(dilations) + 1) * width)
        self.reduce_norm = BatchNorm(self.reduce.out_channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(
                width,
                width,
                (kernel_size, 1),
                (stride, 1),
                ((kernel_size - 1) // 2 * dilation, 0),
                (dilation, 1),
            ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for dilation in dilations
        )
        self.lin = Linear(in_channels, width)
        self.norm = BatchNorm(out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        # fan out of one branch, as each is a convolution of its own
        nn.init.normal_(self.reduce.weight, std=math.sqrt(2 / self.width))
        nn.init.normal_(self.lin.weight, std=math.sqrt(2 / self.width))
        nn.init.zeros_(self.reduce.bias)
        nn.init.zeros_(self.lin.bias)
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, mode="fan_out")  # type: ignore[arg-type]
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        for norm in (self.reduce_norm, self.norm):
            norm.reset_parameters()
            nn.init.normal_(norm.weight, 1.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Convolves the frames."""
        hidden = self.reduce_norm(self.reduce(x)).relu()
        image = hidden.permute(2, 0, 1).unsqueeze(0)  # [1, C, T, N], channels last: no copy
        *parts, pooled = image.split(self.width, dim=1)
        out = [conv(part) for conv, part in zip(self.convs, parts, strict=True)]
        out.append(F.max_pool2d(pooled, (3, 1), (self.stride, 1), (1, 0)))
        frames = torch.cat(out, dim=1).squeeze(0).permute(1, 2, 0)
        return self.norm(torch.cat([frames, self.lin(x[:: self.stride])], dim=-1))

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
