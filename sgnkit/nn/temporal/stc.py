"""Spiking temporal convolution (STC), the temporal half of every block."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm

__all__ = ["STC"]


class STC(nn.Module):
    r"""Spiking temporal convolution (STC) of the ["MK-SGN"](https://arxiv.org/abs/2404.10210)
    paper.

    $$
    \mathrm{STC}(\mathbf{X}) = \mathrm{SN}\bigl(\mathrm{BN}\bigl(
        \mathrm{Conv}_{k \times 1,\,\text{stride}}(\mathbf{X})\bigr)\bigr)
    $$

    The convolution runs over the frames T, not over the spiking steps S.

    Args:
        in_channels: Size of each input feature.
        out_channels: Size of each output feature; a multiple of 4 for `"multi_scale"`.
        kernel_size: Frames under the kernel, odd. Branches of `"multi_scale"` use 5.
        stride: Every how many frames one is kept.
        branches: `"single"`, or `"multi_scale"` for four quarter-width branches
            (dilation 1, dilation 2, max-pooling over 3 frames, 1×1) as in
            [CTR-GCN](https://arxiv.org/abs/2107.12213).
        neuron: The spiking neuron; this place gets its own copy.
        norm_scale: The start scale of the batch norm.

    Shapes:
        - **x**: $(S, T, N, C_{in})$
        - **returns**: spikes $(S, \lceil T / \text{stride} \rceil, N, C_{out})$

    Raises:
        ValueError: If the kernel is even, the stride below 1, or the widths do not split.

    Examples:
        >>> STC(8, 16, stride=2)(torch.rand(4, 7, 25, 8)).shape
        torch.Size([4, 4, 25, 16])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 9,
        stride: int = 1,
        *,
        branches: Literal["single", "multi_scale"] = "single",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0 or stride < 1:
            raise ValueError(
                f"STC: kernel_size must be odd and stride at least 1, got kernel_size="
                f"{kernel_size} and stride={stride}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        if branches == "single":
            self.convs = nn.ModuleList([_conv(in_channels, out_channels, kernel_size, stride)])
        elif branches == "multi_scale":
            if out_channels % 4:
                raise ValueError(
                    f"STC: branches='multi_scale' needs out_channels to be a multiple of 4, "
                    f"got {out_channels}"
                )
            width = out_channels // 4
            self.convs = nn.ModuleList(
                [
                    _conv(in_channels, width, 5, stride),
                    _conv(in_channels, width, 5, stride, dilation=2),
                    nn.Sequential(
                        nn.MaxPool2d((3, 1), (stride, 1), (1, 0)),
                        _conv(in_channels, width, 1, 1),
                    ),
                    _conv(in_channels, width, 1, stride),
                ]
            )
        else:
            raise ValueError(f"STC: branches must be 'single' or 'multi_scale', got {branches!r}")
        self.norm = BatchNorm(out_channels, norm_scale)
        self.neuron = like(neuron, LIF())

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        for module in self.convs.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
        self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        return self.neuron(self.current(x))

    def current(self, x: Tensor) -> Tensor:
        """Returns the normalised current, before the neuron."""
        image = x.permute(0, 3, 1, 2)  # [S, C, T, N], channels last in memory: no copy
        out = torch.cat([conv(image) for conv in self.convs], dim=1)
        return self.norm(out.permute(0, 2, 3, 1))

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )


def _conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, dilation: int = 1
) -> nn.Module:
    if kernel_size == 1 and stride > 1:
        # A strided 1x1 convolution of channels-last memory corrupts the heap in the CPU backward
        # pass of torch 2.13. Pooling over one frame keeps the same frames.
        keep = nn.MaxPool2d(1, (stride, 1))
        return nn.Sequential(keep, _conv(in_channels, out_channels, 1, 1))
    padding = (kernel_size - 1) // 2 * dilation
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        (kernel_size, 1),
        (stride, 1),
        (padding, 0),
        (dilation, 1),
        bias=False,
    )
    return conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
