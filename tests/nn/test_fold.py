"""Layers that fold graphs, fusion weights and read-out give what they give without."""

import pytest
import torch

from sgnkit.nn import LIF, Readout, SpikingGraphConv, SpikingMultimodalFusion


def spikes(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def twins(build):
    """The same layer without and with folding, in evaluation mode."""
    plain, folded = build(fold=False), build(fold=True)
    folded.load_state_dict(plain.state_dict())  # nothing more is stored
    return plain.eval(), folded.eval()


@pytest.mark.parametrize("adjacency", ["learned", "identity", "fixed", "importance"])
def test_graph_conv(graph, adjacency):
    torch.manual_seed(0)
    plain, folded = twins(
        lambda fold: SpikingGraphConv(4, 6, "kinect20", adjacency=adjacency, fold=fold)
    )
    x = spikes(3, 6, 80, 4)
    torch.testing.assert_close(plain.current(x, graph), folded.current(x, graph))
    near = folded.sources
    assert (near is None) == (adjacency in ("learned", "identity"))
    if near is not None:  # each joint hears itself and its neighbours in the tree
        assert int((near < 20).sum()) == 20 + 2 * 19


def test_graph_conv_needs_a_layout():
    with pytest.raises(ValueError, match="fold=True needs a layout"):
        SpikingGraphConv(4, 6, adjacency="fixed", fold=True)


def test_graph_conv_trains_as_without(graph):
    conv = SpikingGraphConv(4, 6, "kinect20", neuron=LIF(v_th=0.2), fold=True)
    conv(spikes(3, 6, 80, 4), graph).sum().backward()
    assert conv.adjacency.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("method", ["mutual_information", "learned", "sum", "mean", "concat"])
def test_fusion(graph, method):
    torch.manual_seed(0)
    plain, folded = twins(
        lambda fold: SpikingMultimodalFusion(3, 4, 6, method=method, fold=fold, neuron=LIF())
    )
    for layer in (plain, folded):
        layer.neuron = torch.nn.Identity()
        if method == "mutual_information":
            layer.running_weights.copy_(torch.tensor([0.5, 0.3, 0.2]))
    x = spikes(3, 2, 6, 80, 4)
    torch.testing.assert_close(plain(x, graph), folded(x, graph))


@pytest.mark.parametrize("persons", ["mean", "each"])
@pytest.mark.parametrize("per_step", [False, True])
def test_readout(graph, persons, per_step):
    torch.manual_seed(0)
    plain, folded = twins(lambda fold: Readout(4, 5, persons=persons, per_step=per_step, fold=fold))
    absent = graph._replace(present=torch.tensor([True, True, False, True]))
    for seen in (graph, absent):
        x = spikes(3, 6, 80, 4)
        torch.testing.assert_close(plain(x, seen), folded(x, seen))


def test_readout_of_nodes_in_any_order(graph):
    torch.manual_seed(0)
    plain, folded = twins(lambda fold: Readout(4, 5, fold=fold))
    order = torch.randperm(80)
    shuffled = graph._replace(body=graph.body[order], joint=graph.joint[order], num_joints=None)
    x = spikes(3, 6, 80, 4)
    torch.testing.assert_close(plain(x, shuffled), folded(x, shuffled))
