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


@pytest.mark.parametrize("width", HEAD_WIDTHS[torch.float32])
@pytest.mark.parametrize("residual", ["sew", "membrane"])
def test_equals_products_one_by_one(graph, width, residual):
    torch.manual_seed(0)
    plain = SpikingSelfAttention(2 * width, 2, neuron=LIF(v_th=0.3), v_th=0.6, residual=residual)
    joined = copy.deepcopy(plain)
    compile_neurons(joined)
    x = (torch.rand(3, 3, 80, 2 * width, generator=torch.Generator().manual_seed(1)) < 0.4).float()
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
