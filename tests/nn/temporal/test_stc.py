import pytest
import torch
from torch.nn import functional as F

from sgnkit.nn import LIF, STC


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 7, 8])
def test_against_a_1d_convolution(stride, frames):
    torch.manual_seed(0)
    layer = STC(3, 4, kernel_size=5, stride=stride, neuron=LIF(v_th=0.3)).eval()
    x = (torch.rand(2, frames, 6, 3) < 0.5).float()
    signal = x.permute(0, 2, 3, 1).flatten(0, 1)  # [S N, C, T]
    weight = layer.convs[0].weight[..., 0]
    current = F.conv1d(signal, weight, stride=stride, padding=2)
    current = current.view(2, 6, 4, -1).permute(0, 3, 1, 2)
    out = layer(x)
    assert out.size(1) == (frames - 1) // stride + 1
    torch.testing.assert_close(out, layer.neuron(layer.norm(current)))


@pytest.mark.parametrize("frames", [1, 7, 8])
def test_multi_scale(frames):
    layer = STC(3, 8, stride=2, branches="multi_scale", neuron=LIF(v_th=0.3)).eval()
    out = layer(torch.rand(2, frames, 5, 3))
    assert out.shape == (2, (frames - 1) // 2 + 1, 5, 8)
    assert len(layer.convs) == 4
    convs = [m for m in layer.convs.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(*c.kernel_size, c.dilation[0]) for c in convs] == [
        (5, 1, 1),
        (5, 1, 2),
        (1, 1, 1),
        (1, 1, 1),
    ]


def test_a_strided_kernel_of_one_frame_keeps_its_frames():
    layer = STC(3, 4, kernel_size=1, stride=2)
    x = torch.rand(2, 7, 5, 3)
    conv = layer.convs[0][1]
    expected = x[:, ::2] @ conv.weight[:, :, 0, 0].t()
    torch.testing.assert_close(layer.eval().current(x), layer.norm(expected))


def test_steps_do_not_mix_before_the_neuron():
    layer = STC(3, 4).eval()
    x = torch.rand(3, 6, 5, 3)
    changed = x.clone()
    changed[1] = 0
    torch.testing.assert_close(layer.current(x)[2], layer.current(changed)[2])


def test_errors():
    with pytest.raises(ValueError, match="kernel_size must be odd"):
        STC(3, 4, kernel_size=4)
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        STC(3, 6, branches="multi_scale")
    with pytest.raises(ValueError, match="branches must be"):
        STC(3, 4, branches="many")
