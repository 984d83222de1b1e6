import copy
import pickle

import pytest
import torch
from torch import nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, PANConv, RGCNConv

import sgnkit
from sgnkit.nn import LIF, SkeletonGraph
from sgnkit.nn.conv.spiking_conv import SpikingConv
from sgnkit.nn.norm import BatchNorm

EDGES = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def spikes(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.5).float()


def test_spiking_conv():
    conv = SpikingConv(GCNConv(3, 8))
    assert repr(conv).splitlines()[1] == "  (conv): GCNConv(3, 8)"
    assert isinstance(conv.norm, BatchNorm) and isinstance(conv.neuron, LIF)
    x = spikes(4, 6, 4, 3)
    out = conv.eval()(x, EDGES)
    assert out.shape == (4, 6, 4, 8)
    frames = torch.stack([conv.conv(frame, EDGES) for frame in x.flatten(0, 1)])
    assert torch.equal(conv.neuron(conv.norm(frames).view(out.shape)), out)


@pytest.mark.parametrize("lead", [(4,), (4, 6), (4, 2, 3)])
def test_any_leading_axes(lead):
    assert SpikingConv(GATConv(3, 8, heads=2))(spikes(*lead, 4, 3), EDGES).shape == (*lead, 4, 16)


def test_a_skeleton_graph_gives_its_edges():
    clip = sgnkit.SkeletonData.from_array(torch.rand(6, 25, 3).numpy(), "ntu25", axes="TVC")
    graph = SkeletonGraph.from_data(clip)
    conv, x = SpikingConv(RGCNConv(3, 8, 3)).eval(), spikes(4, 6, 25, 3)
    out = conv(x, graph, edge_type=graph.edge_type)
    assert torch.equal(out, conv(x, graph.edge_index, edge_type=graph.edge_type))


def test_arguments_of_nodes_edges_and_graphs_follow_the_copies():
    class Record(nn.Module):
        def forward(self, x, edge_index, batch=None, **kwargs):
            self.seen = {"edge_index": edge_index, "batch": batch, **kwargs}
            return x

    record = Record()
    conv = SpikingConv(record, norm=nn.Identity())
    weight, kind, moving = torch.rand(5), torch.arange(4), torch.rand(3, 4, 2)
    conv(spikes(2, 3, 4, 1), EDGES, edge_weight=weight, kind=kind, moving=moving, size=None)
    for copy_ in range(6):
        part = slice(5 * copy_, 5 * (copy_ + 1))
        assert torch.equal(record.seen["edge_index"][:, part], EDGES + 4 * copy_)
        assert torch.equal(record.seen["edge_weight"][part], weight)
        nodes = slice(4 * copy_, 4 * (copy_ + 1))
        assert torch.equal(record.seen["kind"][nodes], kind)
        assert torch.equal(record.seen["moving"][nodes], moving[copy_ % 3])
        assert record.seen["batch"][nodes].tolist() == [copy_] * 4
    assert record.seen["size"] is None
    conv(spikes(2, 4, 1), EDGES, batch=torch.tensor([0, 0, 1, 1]))
    assert record.seen["batch"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_norm_without_a_known_width_takes_it_at_the_first_call():
    conv = SpikingConv(GINConv(nn.Linear(3, 8)))
    assert isinstance(conv.norm, nn.LazyBatchNorm1d)
    conv(spikes(4, 4, 3), EDGES)
    assert conv.norm.num_features == 8


def test_own_norm_and_neuron():
    conv = SpikingConv(GCNConv(3, 8), norm=nn.Identity(), neuron=LIF(v_th=1e6))
    assert conv(spikes(4, 4, 3), EDGES).sum() == 0


def test_gradients_reach_every_parameter():
    conv = SpikingConv(GATConv(3, 8, heads=2), neuron=LIF(v_th=0.2))
    x = spikes(4, 6, 4, 3).requires_grad_()
    (conv(x, EDGES) * torch.rand(4, 6, 4, 16)).sum().backward()
    for name, parameter in conv.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert name == "conv.bias" or parameter.grad.abs().sum() > 0, name  # the norm takes it out
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtype_stays(dtype):
    conv = SpikingConv(GCNConv(3, 8)).to(dtype)
    assert conv(spikes(4, 4, 3).to(dtype), EDGES, edge_weight=torch.rand(5)).dtype == dtype


def test_compiles_whole():
    conv, x = SpikingConv(GATConv(3, 8, heads=2)).eval(), spikes(4, 6, 4, 3)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert torch.equal(compiled(x, EDGES), conv(x, EDGES))


def test_copies_and_reset():
    conv, x = SpikingConv(GCNConv(3, 8)).eval(), spikes(4, 4, 3)
    out = conv(x, EDGES)
    assert torch.equal(copy.deepcopy(conv)(x, EDGES), out)
    assert torch.equal(pickle.loads(pickle.dumps(conv))(x, EDGES), out)
    before = conv.conv.lin.weight.clone()
    conv.reset_parameters()
    assert not torch.equal(conv.conv.lin.weight, before)


def test_errors():
    with pytest.raises(ValueError, match="GCNConv must have cached=False"):
        SpikingConv(GCNConv(3, 8, cached=True))
    conv = SpikingConv(GCNConv(3, 8))
    with pytest.raises(ValueError, match=r"expected x \[S, \*, N, C\], got shape \(4, 3\)"):
        conv(spikes(4, 3), EDGES)
    with pytest.raises(ValueError, match=r"edge_weight belongs to edges.*\(5, \*\), got \(4,\)"):
        conv(spikes(4, 4, 3), EDGES, edge_weight=torch.rand(4))
    with pytest.raises(ValueError, match=r"pos belongs to nodes.*\(4, C\).*got \(5, 3\)"):
        conv(spikes(4, 4, 3), EDGES, pos=torch.rand(5, 3))

    class Pair(PANConv):
        def forward(self, x, edge_index):
            return x, None

    with pytest.raises(TypeError, match="Pair must return a tensor, got tuple"):
        SpikingConv(Pair(3, 8, 2))(spikes(4, 4, 3), EDGES)
