"""Temporal convolution of real-valued graph networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgnkit.nn.norm import BatchNorm

__all__ = ["TemporalConv"]


class TemporalConv(nn.Module):
    r"""Convolution and batch norm over the frames of real-valued features, the twin of
    [`STC`][sgnkit.nn.STC] for teachers, as in [2s-AGCN](https://arxiv.org/abs/1805.07694).

    $$
    \mathrm{TCN}(\mathbf{X}) = \mathrm{BN}(\mathrm{Conv}_{k \times 1,\,\text{stride}}(\mathbf{X}))
    $$

    Args:
        in_channels: Size of each input feature.
        out_channels: Size of each output feature.
        kernel_size: Frames under the kernel, odd.
        stride: Every how many frames one is kept.

    Shapes:
        - **x**: $(T, N, C_{in})$
        - **returns**: $(\lceil T / \text{stride} \rceil, N, C_{out})$

    Raises:
        ValueError: If the kernel is even or the stride below 1.

    Examples:
        >>> import torch
        >>> TemporalConv(8, 16, stride=2)(torch.rand(7, 25, 8)).shape
        torch.Size([4, 25, 16])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 9, stride: int = 1
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0 or stride < 1:
            raise ValueError(
                f"TemporalConv: kernel_size must be odd and stride at least 1, got kernel_size="
                f"{kernel_size} and stride={stride}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        padding = (kernel_size - 1) // 2
        self.conv = nn.Conv2d(
            in_channels, out_channels, (kernel_size, 1), (stride, 1), (padding, 0)
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.norm = BatchNorm(out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Convolves the frames."""
        image = x.permute(2, 0, 1).unsqueeze(0)  # [1, C, T, N], channels last in memory: no copy
        return self.norm(self.conv(image).squeeze(0).permute(1, 2, 0))

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
