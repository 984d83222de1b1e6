import itertools

import pytest
import torch

from sgnkit.nn import LIF, SkeletonGraph, SpikingSelfAttention

S, T, C = 2, 3, 8


def by_hand(layer, x, groups):
    """The formula, one head, frame and group of nodes after the other."""
    q, k, v = layer.neuron_qkv(layer.norm_qkv(x @ layer.lin_qkv.weight.t())).chunk(3, -1)
    z = torch.zeros_like(q)
    size = C // layer.heads
    for nodes, head in itertools.product(groups, range(layer.heads)):
        part = slice(head * size, head * size + size)
        qh, kh, vh = (t[:, :, nodes, part] for t in (q, k, v))
        scores = qh @ kh.transpose(-1, -2)
        if layer.pool_frames:
            scores = scores.mean(1, keepdim=True)
        if layer.attention_neuron is not None:
            scores = layer.attention_neuron(scores * layer.scale)
        z[:, :, nodes, part] = scores @ vh
    z = layer.neuron_attend(z * layer.scale)
    return layer.neuron_out(layer.norm_out(z @ layer.lin_out.weight.t())) + x


@pytest.mark.parametrize("path", ["dense", "sparse"])
@pytest.mark.parametrize("scope", ["body", "clip"])
@pytest.mark.parametrize("attention_neuron", [False, True])
@pytest.mark.parametrize("pool_frames", [False, True])
@pytest.mark.parametrize("heads", [1, 4])
def test_against_the_formula(path, scope, attention_neuron, pool_frames, heads, make_batch):
    torch.manual_seed(0)
    graph = SkeletonGraph.from_data(make_batch(persons=(2, 2), frames=T))
    layer = SpikingSelfAttention(
        C,
        heads,
        scope=scope,
        attention_neuron=attention_neuron,
        pool_frames=pool_frames,
        neuron=LIF(v_th=0.4),
        v_th=0.3,
        path=path,
    )
    layer.norm_qkv.momentum = layer.norm_out.momentum = 1.0
    x = (torch.rand(S, T, 80, C) < 0.4).float()
    layer(x, graph)
    layer.eval()
    width = 20 if scope == "body" else 40
    groups = [slice(i, i + width) for i in range(0, 80, width)]
    expected = by_hand(layer, x, groups)
    assert (expected - x).mean() > 0.005  # the attention says something
    torch.testing.assert_close(layer(x, graph), expected)


def test_attention_maps(graph):
    layer = SpikingSelfAttention(C, 2, neuron=LIF(v_th=0.3))
    x = (torch.rand(S, T, 80, C) < 0.5).float()
    maps = layer.attention(x, graph)
    assert maps.shape == (S, T, 4, 2, 20, 20)
    assert maps.min() == 0
    assert maps.max() > 0
    # what a joint attends to is 4 H / C times a count of common spikes
    assert torch.equal(maps, maps.round())


def test_fires_at_every_width():
    for channels, heads in ((32, 8), (128, 8), (256, 8)):
        torch.manual_seed(0)
        layer = SpikingSelfAttention(channels, heads, neuron=LIF(v_th=0.5))
        assert layer.scale == pytest.approx(4 * heads / channels)
    assert SpikingSelfAttention(256, 8).scale == 0.125


def test_errors(graph, make_batch):
    with pytest.raises(ValueError, match="10 channels and 4 heads"):
        SpikingSelfAttention(10, 4)
    with pytest.raises(ValueError, match="scope must be in"):
        SpikingSelfAttention(8, 4, scope="all")
    uneven = SpikingSelfAttention(8, 4, scope="clip", path="dense")
    with pytest.raises(ValueError, match="equal numbers of joints"):
        uneven(torch.zeros(S, T, 80, 8), graph)  # one and two persons
