import pytest
import torch
from torch_geometric.data import Batch

from sgnkit.data import SkeletonData
from sgnkit.nn import LIF, Adjacency, SkeletonGraph, SpikingGraphConv


def test_against_the_formula(graph):
    torch.manual_seed(0)
    conv = SpikingGraphConv(4, 6, "kinect20", neuron=LIF(v_th=0.3)).eval()
    with torch.no_grad():
        conv.adjacency.weight.add_(torch.rand_like(conv.adjacency.weight) * 0.1)
    x = (torch.rand(3, 5, 80, 4) < 0.4).float()
    weights = conv.lin.weight.view(3, 6, 4)
    current = torch.zeros(3, 5, 80, 6)
    for body in range(4):
        nodes = slice(20 * body, 20 * body + 20)
        for a, w in zip(conv.adjacency(), weights, strict=True):
            current[:, :, nodes] += torch.einsum("vw,stvc,oc->stwo", a, x[:, :, nodes], w)
    spikes = conv.neuron(conv.norm(current))
    down = conv.shortcut.neuron(conv.shortcut.norm(x @ conv.shortcut.lin.weight.t()))
    torch.testing.assert_close(conv(x, graph), spikes + down)
    assert str(conv) == "SpikingGraphConv(4, 6)"


def test_one_layer_serves_mixed_layouts(make_batch):
    torch.manual_seed(0)
    conv = SpikingGraphConv(4, 4, adjacency="fixed", neuron=LIF(v_th=0.2)).eval()
    small, large = make_batch(persons=(1,)), make_batch(persons=(1,), layout="ntu25")
    mixed = Batch.from_data_list([*small.to_data_list(), *large.to_data_list()])
    x = (torch.rand(2, 6, 45, 4) < 0.5).float()
    out = conv(x, SkeletonGraph.from_data(mixed))
    assert out.sum() > x.sum()
    torch.testing.assert_close(out[:, :, :20], conv(x[:, :, :20], SkeletonGraph.from_data(small)))
    torch.testing.assert_close(out[:, :, 20:], conv(x[:, :, 20:], SkeletonGraph.from_data(large)))


def test_shared_adjacency():
    shared = Adjacency("kinect20")
    first, second = (SpikingGraphConv(4, 4, adjacency=shared) for _ in range(2))
    assert first.adjacency is second.adjacency
    net = torch.nn.ModuleList([first, second])
    assert sum(p is shared.weight for p in net.parameters()) == 1


def test_a_graph_of_bones_is_dense_while_it_is_small():
    clip = SkeletonData.from_array(torch.rand(4, 25, 3), "ntu25")
    pair = Batch.from_data_list([clip, clip])
    for channels, data, dense in ((64, clip, True), (64, pair, False), (128, clip, False)):
        conv = SpikingGraphConv(channels, channels, "ntu25", adjacency="fixed")
        assert conv.uses_dense(SkeletonGraph.from_data(data)) is dense


def test_paths(graph, make_batch):
    conv = SpikingGraphConv(4, 4, "kinect20")
    assert conv.uses_dense(graph)
    conv.path = "sparse"
    assert not conv.uses_dense(graph)
    conv.path = "dense"
    mixed = SkeletonGraph.from_data(
        Batch.from_data_list(
            make_batch().to_data_list() + make_batch(layout="ntu25").to_data_list()
        )
    )
    with pytest.raises(ValueError, match=r"mixed joints a body\. Use path='auto'"):
        conv.uses_dense(mixed)
    with pytest.raises(ValueError, match="path must be"):
        SpikingGraphConv(4, 4, "kinect20", path="fast")
    with pytest.raises(ValueError, match="residual must be"):
        SpikingGraphConv(4, 4, "kinect20", residual="add")


def test_membrane_residual_stays_binary(graph):
    conv = SpikingGraphConv(4, 6, "kinect20", residual="membrane", neuron=LIF(v_th=0.3))
    x = (torch.rand(3, 5, 80, 4) < 0.4).float()
    assert set(conv(x, graph).unique().tolist()) == {0.0, 1.0}
    assert conv(x, graph).max() == 1.0
    sew = SpikingGraphConv(4, 6, "kinect20", neuron=LIF(v_th=0.3))
    assert sew(x, graph).max() == 2.0
