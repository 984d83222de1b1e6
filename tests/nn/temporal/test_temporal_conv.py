import pytest
import torch

from sgnkit.nn import TemporalConv


@pytest.mark.parametrize(("frames", "stride", "expected"), [(7, 1, 7), (7, 2, 4), (1, 2, 1)])
def test_frames(frames, stride, expected):
    out = TemporalConv(3, 8, stride=stride)(torch.randn(frames, 20, 3))
    assert out.shape == (expected, 20, 8)


def test_equation():
    torch.manual_seed(0)
    conv = TemporalConv(3, 8, kernel_size=3, stride=2).eval()
    x = torch.randn(5, 4, 3)
    padded = torch.cat([torch.zeros(1, 4, 3), x, torch.zeros(1, 4, 3)])
    rows = [
        torch.einsum("knc,ock->no", padded[t : t + 3], conv.conv.weight[..., 0]) + conv.conv.bias
        for t in (0, 2, 4)
    ]
    torch.testing.assert_close(conv(x), conv.norm(torch.stack(rows)))


def test_start_values():
    torch.manual_seed(0)
    conv = TemporalConv(64, 128)
    assert conv.conv.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert not conv.conv.bias.any()


@pytest.mark.parametrize("options", [{"kernel_size": 4}, {"stride": 0}])
def test_errors(options):
    with pytest.raises(ValueError, match="kernel_size must be odd and stride at least 1"):
        TemporalConv(3, 8, **options)
