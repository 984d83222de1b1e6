import pytest
import torch
from torch.nn import functional as F

from sgnkit.nn import LIF, SpikingEncoder


def test_is_a_convolution_over_frames_and_joint_index(graph):
    torch.manual_seed(0)
    encoder = SpikingEncoder(3, 5, num_steps=4, neuron=LIF(v_th=0.2)).eval()
    x = torch.randn(6, 80, 3)
    kernel = encoder.conv.weight.view(3, 5, 3, 3).permute(1, 2, 3, 0)  # [out, in, frame, joint]
    image = x.view(6, 4, 20, 3).permute(1, 3, 0, 2)  # one image a body
    current = F.conv2d(image, kernel, padding=1).permute(2, 0, 3, 1).reshape(6, 80, 5)
    expected = encoder.neuron(encoder.norm(current).expand(4, -1, -1, -1))
    out = encoder(x, graph)
    assert out.shape == (4, 6, 80, 5)
    torch.testing.assert_close(out, expected)


def test_graph_kernel_takes_parent_and_children(graph):
    torch.manual_seed(0)
    encoder = SpikingEncoder(3, 5, kernel="graph", neuron=LIF(v_th=0.2)).eval()
    x = torch.randn(6, 80, 3)
    kernel = encoder.conv.weight.view(3, 5, 3, 3, 1)
    parts = torch.stack([F.conv2d(x.permute(2, 0, 1), k, padding=(1, 0)) for k in kernel])
    parts = parts.permute(0, 2, 3, 1)  # [subset, T, N, C]
    current = torch.zeros(6, 80, 5)
    for node in range(80):
        children = [c for c in range(80) if int(graph.parent_index[c]) == node and c != node]
        current[:, node] = parts[0, :, node]
        if int(graph.parent_index[node]) != node:
            current[:, node] += parts[1, :, int(graph.parent_index[node])]
        if children:
            current[:, node] += parts[2][:, children].mean(1)
    expected = encoder.neuron(encoder.norm(current).expand(4, -1, -1, -1))
    torch.testing.assert_close(encoder(x, graph), expected)


def test_errors():
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        SpikingEncoder(3, num_steps=0)
    with pytest.raises(ValueError, match="kernel must be"):
        SpikingEncoder(3, kernel="square")
