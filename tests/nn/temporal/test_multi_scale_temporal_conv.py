import pytest
import torch
from torch.nn import functional as F

from sgnkit.nn import MultiScaleTemporalConv


@pytest.mark.parametrize(("frames", "stride", "expected"), [(7, 1, 7), (7, 2, 4), (1, 2, 1)])
def test_frames(frames, stride, expected):
    out = MultiScaleTemporalConv(3, 8, stride=stride)(torch.randn(frames, 20, 3))
    assert out.shape == (expected, 20, 8)


@pytest.mark.parametrize("stride", [1, 2])
def test_equation(stride):
    """Against four branches over (clips, channels, frames, joints), written out."""
    torch.manual_seed(0)
    layer = MultiScaleTemporalConv(6, 16, stride=stride).double().eval()
    x = torch.randn(9, 20, 6, dtype=torch.float64)
    image = x.permute(2, 0, 1).unsqueeze(0)

    def reduced(branch):
        rows = slice(4 * branch, 4 * branch + 4)
        weight, bias = layer.reduce.weight[rows], layer.reduce.bias[rows]
        norm = layer.reduce_norm
        out = F.conv2d(image, weight[..., None, None], bias)
        mean, variance = norm.running_mean[rows], norm.running_var[rows]
        return F.batch_norm(out, mean, variance, norm.weight[rows], norm.bias[rows]).relu()

    branches = [
        F.conv2d(
            reduced(i),
            layer.convs[i].weight,
            layer.convs[i].bias,
            (stride, 1),
            (2 * dilation, 0),
            (dilation, 1),
        )
        for i, dilation in enumerate((1, 2))
    ]
    branches.append(F.max_pool2d(reduced(2), (3, 1), (stride, 1), (1, 0)))
    branches.append(F.conv2d(image, layer.lin.weight[..., None, None], layer.lin.bias, (stride, 1)))
    expected = layer.norm(torch.cat(branches, 1).squeeze(0).permute(1, 2, 0))
    torch.testing.assert_close(layer(x), expected)


def test_parameters_and_start_values():
    torch.manual_seed(0)
    layer = MultiScaleTemporalConv(256, 256)
    reduce = 3 * (256 * 64 + 64 + 2 * 64)
    convs = 2 * (5 * 64 * 64 + 64 + 2 * 64) + 2 * 64
    assert sum(p.numel() for p in layer.parameters()) == reduce + convs + 256 * 64 + 3 * 64
    assert layer.reduce.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    assert layer.convs[1].weight.std().item() == pytest.approx((2 / 320) ** 0.5, rel=0.02)
    assert layer.norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert layer.norm.weight.mean().item() == pytest.approx(1.0, abs=0.01)


def test_errors():
    with pytest.raises(ValueError, match="kernel_size must be odd and stride at least 1"):
        MultiScaleTemporalConv(8, 16, kernel_size=4)
    with pytest.raises(ValueError, match="a multiple of 5, the number of branches, got 16"):
        MultiScaleTemporalConv(8, 16, dilations=(1, 2, 3))
