"""Attention in one loop gives the spikes and gradients of the products one by one."""

import copy

import pytest
import torch

from sgnkit.nn import LIF, SkeletonGraph, SpikingSelfAttention, compile_neurons
from sgnkit.nn.native.attention import HEAD_WIDTHS
from sgnkit.nn.native.library import library

pytestmark = pytest.mark.skipif(library() is None, reason="no C++ compiler")


@pytest.fixture
def graph(make_batch):
    return SkeletonGraph.from_data(make_batch(frames=3))


@pytest.mark.parametrize("width", HEAD_WIDTHS)
@pytest.mark.parametrize(
    ("residual", "layout"), [("sew", "kinect20"), ("membrane", "kinect20"), ("sew", "mediapipe33")]
)
def test_equals_products_one_by_one(make_batch, width, residual, layout):
    batch = make_batch(frames=3, layout=layout)
    graph = SkeletonGraph.from_data(batch)
    torch.manual_seed(0)
    plain = SpikingSelfAttention(2 * width, 2, neuron=LIF(v_th=0.3), v_th=0.6, residual=residual)
    joined = copy.deepcopy(plain)
    compile_neurons(joined)
    generator = torch.Generator().manual_seed(1)
    x = (torch.rand(3, 3, batch.num_nodes, 2 * width, generator=generator) < 0.4).float()
    seen = []
    joined.neuron_attend.forward = lambda *_: seen.append(1)
    results = []
    for layer in (plain, joined):
        out = layer(x.requires_grad_(), graph)
        x.grad = None
        (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
        results.append((out, x.grad, [p.grad for p in layer.parameters()]))
    assert not seen  # one loop stood in for it
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[1][1:], results[0][1:], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("width", HEAD_WIDTHS)
def test_bfloat16(graph, width):
    torch.manual_seed(0)
    layer = SpikingSelfAttention(2 * width, 2, neuron=LIF(v_th=0.3))
    compile_neurons(layer)
    # Spikes, and sums of them below 256, are exact in bfloat16.
    qkv = (torch.rand(4, 3, 80, 6 * width) < 0.3).float()
    grad = torch.randn(4, 3, 80, 2 * width).bfloat16()
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        given = qkv.to(dtype, copy=True).requires_grad_()
        spikes = layer._attend_compiled(given, graph)
        spikes.backward(grad.to(dtype))
        results.append((spikes.float(), given.grad.float()))
    assert torch.equal(results[0][0], results[1][0])
    assert 0.05 < results[0][0].mean() < 0.95
    largest = float(results[0][1].abs().max())
    torch.testing.assert_close(results[1][1], results[0][1], rtol=2**-8, atol=2**-11 * largest)


def test_persons_of_a_clip_together(make_batch):
    batch = make_batch(persons=(2, 2), frames=3)
    graph = SkeletonGraph.from_data(batch)
    torch.manual_seed(0)
    plain = SpikingSelfAttention(16, 2, scope="clip", neuron=LIF(v_th=0.3)).eval()
    joined = copy.deepcopy(plain)
    compile_neurons(joined)
    x = (torch.rand(3, 3, 80, 16) < 0.4).float()
    assert torch.equal(plain(x, graph), joined(x, graph))


def test_without_a_loop_of_its_own(graph):
    torch.manual_seed(0)
    for options in ({"heads": 1}, {"attention_neuron": True}, {"pool_frames": True}):
        layer = SpikingSelfAttention(24, **{"heads": 3, **options}, neuron=LIF(v_th=0.3)).eval()
        expected = layer(x := (torch.rand(3, 3, 80, 24) < 0.4).float(), graph)
        compile_neurons(layer)
        assert torch.equal(layer(x, graph), expected)
