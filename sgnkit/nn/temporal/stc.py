"""Spiking temporal convolution (STC), the temporal half of every block."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sgnkit.nn.neuron import LIF
from sgnkit.nn.neuron._like import like
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.norm_fire import norm_fire

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
        causal: Whether a frame sees itself and frames before it, none after it: the kernel ends at
            the frame instead of being centred on it, and before the first frame there is silence.
            The parameters stay the same; such a layer also runs frame by frame, `step_frame`.
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
        causal: bool = False,
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
        self.causal = causal
        if branches == "single":
            self.convs = nn.ModuleList(
                [_conv(in_channels, out_channels, kernel_size, stride, causal=causal)]
            )
            self._before = [kernel_size - 1]
        elif branches == "multi_scale":
            if out_channels % 4:
                raise ValueError(
                    f"STC: branches='multi_scale' needs out_channels to be a multiple of 4, "
                    f"got {out_channels}"
                )
            width = out_channels // 4
            self.convs = nn.ModuleList(
                [
                    _conv(in_channels, width, 5, stride, causal=causal),
                    _conv(in_channels, width, 5, stride, dilation=2, causal=causal),
                    nn.Sequential(
                        nn.MaxPool2d((3, 1), (stride, 1), (0 if causal else 1, 0)),
                        _conv(in_channels, width, 1, 1),
                    ),
                    _conv(in_channels, width, 1, stride),
                ]
            )
            self._before = [4, 8, 2, 0]
        else:
            raise ValueError(f"STC: branches must be 'single' or 'multi_scale', got {branches!r}")
        self.norm = BatchNorm(out_channels, norm_scale)
        self.neuron = like(neuron, LIF())

    @property
    def history(self) -> int:
        """Frames before the present one that a causal layer looks at."""
        return max(self._before)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the module."""
        for module in self.convs.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
        self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Runs the whole sequence from rest and returns its spikes."""
        return norm_fire(self.norm, self.neuron, self.convolve(x))

    def current(self, x: Tensor) -> Tensor:
        """Returns the normalised current, before the neuron."""
        return self.norm(self.convolve(x))

    def convolve(self, x: Tensor) -> Tensor:
        """Returns the current before batch norm."""
        return self._convolve(F.pad(x, (0, 0, 0, 0, self.history, 0)) if self.causal else x)

    def step_frame(
        self, x: Tensor, state: tuple[Tensor, int] | None = None
    ) -> tuple[Tensor | None, tuple[Tensor, int]]:
        """Runs one frame of a causal layer, see [`step_frame`][sgnkit.nn.step_frame].

        Shapes:
            - **x**: $(S, 1, N, C_{in})$
            - **returns**: spikes $(S, 1, N, C_{out})$, or `None` for a frame that the stride leaves
              out; and the state, the frames that the next one needs and the number of frames
        """
        current, state = self.step_current(x, state)
        return None if current is None else self.neuron(current), state

    def step_current(
        self, x: Tensor, state: tuple[Tensor, int] | None = None
    ) -> tuple[Tensor | None, tuple[Tensor, int]]:
        """Returns the current of one frame, before the neuron, and the state."""
        if not self.causal:
            raise ValueError("STC: looks at later frames; build it with causal=True")
        if state is None:
            state = x.new_zeros(x.size(0), self.history, *x.shape[2:]), 0
        frames, number = torch.cat([state[0], x], dim=1), state[1]
        out = None if number % self.stride else self.norm(self._convolve(frames))
        return out, (frames[:, 1:], number + 1)

    def _convolve(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.size(-1) != self.in_channels:
            raise ValueError(f"STC: expected x [S, T, N, {self.in_channels}], got {tuple(x.shape)}")
        image = x.permute(0, 3, 1, 2)  # [S, C, T, N], channels last in memory: no copy
        start = [self.history - before if self.causal else 0 for before in self._before]
        parts = zip(self.convs, start, strict=True)
        branches = [conv(image[:, :, first:]) for conv, first in parts]
        out = branches[0] if len(branches) == 1 else torch.cat(branches, dim=1)
        return out.permute(0, 2, 3, 1)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}" + (", causal=True" if self.causal else "")
        )


def _conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int,
    dilation: int = 1,
    causal: bool = False,
) -> nn.Module:
    if kernel_size == 1 and stride > 1:
        # A strided 1x1 convolution of channels-last memory corrupts the heap in the CPU backward
        # pass of torch 2.13. Pooling over one frame keeps the same frames.
        keep = nn.MaxPool2d(1, (stride, 1))
        return nn.Sequential(keep, _conv(in_channels, out_channels, 1, 1))
    padding = 0 if causal else (kernel_size - 1) // 2 * dilation
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
