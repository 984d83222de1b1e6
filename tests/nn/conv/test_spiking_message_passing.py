import copy
import pickle

import pytest
import torch
import torch_geometric.typing
from torch import nn

import sgnkit
from sgnkit.nn import LIF, SkeletonGraph
from sgnkit.nn.conv.spiking_message_passing import SpikingMessagePassing
from sgnkit.nn.norm import BatchNorm

EDGES = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Weighted(SpikingMessagePassing):
    """A layer that is its message alone."""

    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__(norm=BatchNorm(out_channels, 2.0), **kwargs)
        self.lin = nn.Linear(in_channels, out_channels, bias=False)

    def message(self, x_j, edge_attr):
        return edge_attr * self.lin(x_j)


def spikes(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.5).float()


def adjacency(weight):
    adj = torch.zeros(4, 4)
    adj[EDGES[1], EDGES[0]] = weight
    return adj


def test_spiking_message_passing():
    conv = SpikingMessagePassing(neuron=LIF(v_th=0.3))
    assert str(conv) == "SpikingMessagePassing()"
    x, weight = spikes(4, 2, 4, 3), torch.rand(5)
    assert torch.equal(conv(x, EDGES), conv.neuron(adjacency(1.0) @ x))
    out = conv(x, EDGES, edge_weight=weight)
    assert torch.equal(out, conv.neuron(adjacency(weight) @ x))
    assert set(out.unique().tolist()) == {0.0, 1.0}


def test_a_subclass_writes_its_message():
    conv = Weighted(3, 8, neuron=LIF(v_th=0.5)).eval()
    x, weight = spikes(4, 2, 4, 3), torch.rand(5)
    out = conv(x, EDGES, edge_attr=weight.view(-1, 1))
    assert torch.equal(out, conv.neuron(conv.norm(adjacency(weight) @ conv.lin(x))))
    (conv.train()(x, EDGES, edge_attr=weight.view(-1, 1)) * torch.rand(4, 2, 4, 8)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in conv.parameters())


@pytest.mark.parametrize("aggr", ["sum", "mean", "max"])
def test_with_and_without_torch_scatter(aggr, monkeypatch):
    conv, x = SpikingMessagePassing(aggr, neuron=LIF(v_th=0.3)), spikes(4, 2, 4, 3)
    out = conv(x, EDGES)
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SCATTER", False)
    assert torch.equal(conv(x, EDGES), out) and 0 < out.mean() < 1


def test_all_that_a_message_may_ask_for():
    class Layer(SpikingMessagePassing):
        def message(self, x_i, x_j, pos_j, index, scale=0.5, edge_weight=None):
            assert edge_weight is None and pos_j.shape == x_j.shape[-2:]
            assert torch.equal(index, EDGES[1])
            return scale * (x_j + x_i) + pos_j

    x, pos = spikes(4, 2, 4, 3), torch.rand(4, 3)
    out = Layer()(x, EDGES, pos=pos)
    source, target = EDGES
    messages = 0.5 * (x[:, :, source] + x[:, :, target]) + pos[source]
    current = torch.zeros_like(x).index_add(2, target, messages)
    assert torch.equal(out, LIF()(current))
    assert Layer()(x, EDGES, pos=pos, scale=3.0).sum() > out.sum()


def test_a_skeleton_graph_gives_its_edges():
    clip = sgnkit.SkeletonData.from_array(torch.rand(6, 25, 3).numpy(), "ntu25", axes="TVC")
    graph = SkeletonGraph.from_data(clip)
    conv, x = SpikingMessagePassing(), spikes(4, 6, 25, 3)
    assert torch.equal(conv(x, graph), conv(x, graph.edge_index))


def test_renumbering_nodes_renumbers_spikes():
    conv, x, order = SpikingMessagePassing(), spikes(4, 4, 3), torch.tensor([2, 0, 3, 1])
    edges = torch.argsort(order)[EDGES]
    assert torch.equal(conv(x[:, order], edges), conv(x, EDGES)[:, order])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtype_stays(dtype):
    out = SpikingMessagePassing()(spikes(4, 4, 3).to(dtype), EDGES, edge_weight=torch.rand(5))
    assert out.dtype == dtype


def test_compiles_whole():
    conv, x = SpikingMessagePassing(), spikes(4, 6, 4, 3)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x, EDGES), conv(x, EDGES))


def test_copies_and_reset():
    conv, x, weight = Weighted(3, 8).eval(), spikes(4, 4, 3), torch.rand(5, 1)
    out = conv(x, EDGES, edge_attr=weight)
    assert torch.equal(copy.deepcopy(conv)(x, EDGES, edge_attr=weight), out)
    assert torch.equal(pickle.loads(pickle.dumps(conv))(x, EDGES, edge_attr=weight), out)
    nn.init.ones_(conv.norm.weight)
    conv.reset_parameters()
    assert conv.norm.weight.unique().tolist() == [2.0]


def test_errors():
    with pytest.raises(ValueError, match=r"Weighted: node_dim must be -2.*got 0"):
        Weighted(3, 8, node_dim=0)
    with pytest.raises(ValueError, match=r"expected x \[S, \*, N, C\], got shape \(4, 3\)"):
        SpikingMessagePassing()(spikes(4, 3), EDGES)
    with pytest.raises(TypeError, match="Weighted: message asks for 'edge_attr', pass edge_attr="):
        Weighted(3, 8)(spikes(4, 4, 3), EDGES)
    with pytest.raises(TypeError, match=r"message asks for x, edge_weight; got \['weight'\]"):
        SpikingMessagePassing()(spikes(4, 4, 3), EDGES, weight=torch.rand(5))
