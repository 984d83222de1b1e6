"""Layers and networks of sgnkit, counted by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Batch
from torch_geometric.nn import GCNConv

import sgnkit
from sgnkit.energy import firing_rates, profile
from sgnkit.models import MKSGN, BaseSGN
from sgnkit.nn import (
    LIF,
    AdaptiveGraphConv,
    ChannelRefinedGraphConv,
    MultiScaleTemporalConv,
    PartitionedGraphConv,
    SkeletonGraph,
    SpikingConv,
    SpikingGraphConv,
    SpikingMultimodalFusion,
    SpikingSelfAttention,
)

S, T, V, C = 4, 6, 25, 8
X = torch.rand(2, T, V, 3, generator=torch.Generator().manual_seed(0))
CLIPS = [sgnkit.SkeletonData.from_array(x.numpy(), "ntu25", axes="TVC") for x in X]
BATCH = Batch.from_data_list(CLIPS)
GRAPH = SkeletonGraph.from_data(BATCH)
N = 2 * V


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class After(nn.Module):
    """A layer behind a neuron that passes its spikes on."""

    class Neuron(LIF):
        def forward(self, x):
            return x.clone()

    def __init__(self, layer):
        super().__init__()
        self.source, self.layer = self.Neuron(), layer

    def forward(self, x, graph):
        return self.layer(self.source(x), graph)


def spikes(*shape, rate=0.3):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < rate).float()


def costs(layer, x):
    report = profile(After(layer), (x, GRAPH))
    assert report.uncounted == {}
    return {cost.name.removeprefix("layer").lstrip("."): cost for cost in report.layers}


def test_spiking_graph_conv_dense():
    x = spikes(S, T, N, C)
    cost = costs(SpikingGraphConv(C, 16, "ntu25"), x)
    assert cost.keys() == {"lin", "", "shortcut.lin"}
    assert cost["lin"].operations == S * T * N * C * (3 * 16)
    assert (cost["lin"].strict_mac, cost["lin"].strict_ac) == (0, 48 * x.sum())
    assert cost["shortcut.lin"].strict_ac == 16 * x.sum()
    # A (X W): a real matrix of 25 x 25 for each of 3 subsets, on real currents
    product = S * T * 2 * (3 * V * V) * 16
    assert (cost[""].strict_mac, cost[""].strict_ac) == (product, 0)
    assert cost[""].paper_ac == pytest.approx(product * float(x.mean()))


def test_spiking_graph_conv_sparse():
    x = spikes(S, T, N, C)
    cost = costs(SpikingGraphConv(C, 16, "ntu25", adjacency="fixed", path="sparse"), x)
    edges = GRAPH.edge_index.size(1)
    assert edges == 2 * (25 + 2 * 24)
    assert (cost[""].kind, cost[""].strict_mac) == ("aggregate", S * T * edges * 16)
    assert cost["lin"].strict_ac == 48 * x.sum()


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_attention_is_spikes_on_both_sides(path):
    layer = SpikingSelfAttention(64, heads=2, neuron=LIF(v_th=0.3), path=path)
    report = profile(After(layer), (spikes(S, T, N, 64), GRAPH))
    inner = [cost for cost in report.layers if cost.name == "layer"]
    # heads of 32 channels over 25 joints: (Q K^T) V, 25 x 25 x 32 products twice for each head
    assert sum(c.operations for c in inner) == 2 * (S * T * 2 * 2 * V * V * 32)
    assert sum(c.strict_mac for c in inner) == 0
    assert 0 < sum(c.strict_ac for c in inner) < 0.3 * sum(c.operations for c in inner)


def test_paths_of_attention_agree():
    layer, counts = SpikingSelfAttention(64, heads=2, neuron=LIF(v_th=0.3)), []
    for path in ("dense", "sparse"):
        layer.path = path
        counts.append(profile(After(layer), (spikes(S, T, N, 64), GRAPH)).counts)
    assert counts[0]["operations"] == counts[1]["operations"]
    assert counts[0]["strict_ac"] == counts[1]["strict_ac"]


@pytest.mark.parametrize(("method", "mac"), [("mutual_information", 1), ("sum", 0), ("concat", 0)])
def test_fusion_is_mac_unless_its_weights_are_in_the_layer(method, mac):
    layer = SpikingMultimodalFusion(2, C, method=method)
    x = spikes(2, S, T, N, C)
    cost = costs(layer, x)["lin"]
    assert cost.strict_mac == mac * cost.operations
    assert cost.strict_ac == (1 - mac) * C * x.sum()


def test_spiking_conv():
    x = spikes(S, T, N, C)
    cost = costs(SpikingConv(GCNConv(C, 16, add_self_loops=False)), x)
    assert cost["conv.lin"].operations == S * T * N * C * 16
    assert cost["conv.lin"].strict_ac == 16 * x.sum()
    assert cost["conv"].strict_mac == S * T * GRAPH.edge_index.size(1) * 16


def real(layer, *args, sums=0):
    """Operations of a layer without spikes, by the name of its part; plain sums are no MAC."""
    report = profile(layer, (torch.rand(T, N, C), *args))
    counts, found = report.counts, {}
    assert counts["strict_mac"] == counts["operations"] - sums
    for cost in report.layers:
        found[cost.name] = found.get(cost.name, 0) + cost.operations
    return found, report.uncounted


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_real_graph_convolutions(path):
    pairs = 2 * V * V  # two bodies
    found, uncounted = real(PartitionedGraphConv(C, 16, "ntu25", path=path), GRAPH)
    assert found == {"lin": T * N * C * 48, "": T * 3 * pairs * 16}
    assert uncounted == {}
    refine, aggregate = 3 * pairs * 8 * 16, T * 3 * pairs * 16
    lin = {"lin": T * N * C * 48, "shortcut": T * N * C * 16, "embed": T * N * C * 48}
    found, uncounted = real(ChannelRefinedGraphConv(C, 16, "ntu25", path=path), GRAPH)
    assert found == {**lin, "": refine + aggregate}
    assert uncounted == {}


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_adaptive_graph_convolution(path):
    # over edges the soft-max takes a maximum and a sum of its own
    pairs, sums = 2 * V * V, 3 * 2 * V * V if path == "sparse" else 0
    layer = AdaptiveGraphConv(C, 16, "ntu25", path=path)
    found, uncounted = real(layer, GRAPH, sums=sums)
    lin = {"lin": T * N * 3 * C * 16, "shortcut": T * N * C * 16, "embed": T * N * C * 24}
    assert found == {**lin, "": 3 * pairs * 4 * T + T * 3 * pairs * C + sums}
    assert list(uncounted) == (["scatter_reduce_ (amax)"] if sums else [])


def test_multi_scale_temporal_conv():
    found, _ = real(MultiScaleTemporalConv(C, 16, stride=2))
    conv = T // 2 * N * 4 * 4 * 5
    assert found == {
        "reduce": T * N * C * 12,
        "convs.0": conv,
        "convs.1": conv,
        "lin": T // 2 * N * C * 4,
    }


def test_a_whole_network():
    model = BaseSGN("ntu25", 5, hidden_channels=(C, 16), strides=(1, 2), num_steps=S, neuron=LIF())
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.ones_(module.bias)
    report = profile(model, BATCH)
    assert report.num_clips == 2 and report.uncounted == {}
    cost = {layer.name: layer for layer in report.layers}
    operations = {  # of one clip
        "encoders.0": T * V * 3 * C * 9,
        "blocks.0.spatial.lin": S * T * V * C * 3 * C,
        "blocks.0.spatial": S * T * 3 * V * V * C,
        "blocks.0.temporal.convs.0": S * T * V * C * C * 9,
        "blocks.1.spatial.lin": S * T * V * C * 3 * 16,
        "blocks.1.spatial": S * T * 3 * V * V * 16,
        "blocks.1.spatial.shortcut.lin": S * T * V * C * 16,
        "blocks.1.temporal.convs.0": S * (T // 2) * V * 16 * 16 * 9,
        "blocks.1.shortcut.lin": S * (T // 2) * V * C * 16,
        "readout.lin": 16 * 5,
    }
    assert {name: cost[name].operations for name in operations} == operations
    assert cost.keys() - operations.keys() == {"readout"}
    mac = {name for name, layer in cost.items() if layer.strict_mac == layer.operations}
    assert mac == {"encoders.0", "blocks.0.spatial", "blocks.1.spatial", "readout.lin"}
    assert report.counts["paper_mac"] == operations["encoders.0"]

    rates = firing_rates(model, BATCH)
    assert rates == {neuron.name: neuron.rate for neuron in report.neurons}
    assert sum(neuron.updates for neuron in report.neurons) == S * V * (
        3 * T * C + 2 * T * 16 + 2 * (T // 2) * 16
    )
    with torch.no_grad():  # the second block sees sums of spikes, and counts them by value
        first = model.eval().forward_features(BATCH)["blocks.0"]
    assert first.max() == 2.0
    assert cost["blocks.1.spatial.lin"].strict_ac == 48 * first.sum() / 2
    assert cost["blocks.1.spatial.lin"].paper_ac == pytest.approx(48 * (first > 0).sum() / 2)


@pytest.mark.parametrize("residual", ["sew", "or", "membrane"])
def test_mk_sgn(residual):
    model = MKSGN(
        "ntu25", 5, hidden_channels=(C,), strides=(1,), heads=2, residual=residual, num_steps=S
    )
    report = profile(model, BATCH)
    cost = {layer.name: layer for layer in report.layers}
    assert cost["fusion.lin"].strict_mac == cost["fusion.lin"].operations
    assert cost["blocks.0.spatial.conv.lin"].strict_mac == 0
    assert sum(layer.rate is None for layer in report.layers) == 4  # the encoders
    assert report.totals["paper"] < report.totals["strict"] < report.totals["dense"]
    alone = [profile(model, clip).totals["strict"] for clip in CLIPS]
    assert sum(alone) / 2 == pytest.approx(report.totals["strict"], rel=1e-3)


def calibrated(model, batch, passes=10):
    """Lets the batch norms see the clips, so that neurons fire as they do in training."""
    model.train()
    with torch.no_grad():
        for _ in range(passes):
            model(batch)
    return model.eval()


@pytest.mark.parametrize("residual", ["or", "membrane"])
@pytest.mark.parametrize("adjacency", ["learned", "importance"])
def test_a_spike_driven_network_has_nothing_else_behind_its_encoders(adjacency, residual):
    options = {"hidden_channels": (C, 16), "strides": (1, 2), "heads": 2}
    options |= {"adjacency": adjacency, "residual": residual}
    model = MKSGN("ntu25", 5, **options, spike_driven=True)
    report = profile(calibrated(model, BATCH), BATCH)
    assert {layer.name for layer in report.not_spike_driven} == {f"encoders.{i}" for i in range(4)}
    behind = [layer for layer in report.layers if not layer.name.startswith("encoders")]
    assert sum(layer.strict_mac for layer in behind) == 0
    assert all(layer.binary == 1 for layer in behind)
    assert sum(layer.strict_ac > 0 for layer in behind) >= len(behind) - 4  # some may be silent
    assert all(layer.strict_ac == layer.synaptic_operations for layer in behind)

    default = MKSGN("ntu25", 5, **options)
    default.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(default.eval()(BATCH), model(BATCH))
    other = {layer.name for layer in profile(default, BATCH).not_spike_driven}
    assert other >= {"fusion.lin", "blocks.0.spatial.conv", "blocks.1.spatial.conv", "readout.lin"}


def test_folded_graph_by_hand():
    x = spikes(S, T, N, C)
    cost = costs(SpikingGraphConv(C, 16, "ntu25", fold=True), x)[""]
    assert cost.operations == S * T * 2 * (V * C) * (V * 16)
    assert (cost.strict_mac, cost.strict_ac) == (0, V * 16 * x.sum())
    cost = costs(SpikingGraphConv(C, 16, "ntu25", adjacency="fixed", fold=True), x)[""]
    reached = torch.bincount(GRAPH.edge_index[0], minlength=N)  # itself and its neighbours
    assert cost.strict_ac == 16 * (x.sum((0, 1, 3)) * reached).sum()
    assert cost.spike_driven


def test_padded_persons_do_not_count():
    array = X[0].numpy()[None]
    alone = sgnkit.SkeletonData.from_array(array, "ntu25", axes="MTVC")
    padded = sgnkit.SkeletonData.from_array(
        np.concatenate([array, 0 * array]),
        "ntu25",
        axes="MTVC",
        mask=np.stack([np.ones((T, V), bool), np.zeros((T, V), bool)]),
        persons="all",
    )
    assert padded.num_persons == 2
    model = BaseSGN("ntu25", 5, hidden_channels=(C,), strides=(1,))
    assert profile(model, padded) == profile(model, alone)
    both, plain = (Batch.from_data_list([clip, CLIPS[1]]) for clip in (padded, alone))
    assert profile(model, both) == profile(model, plain)
    assert firing_rates(model, both) == firing_rates(model, plain)
    assert both.num_nodes == 3 * V  # the batch itself is as it was


def test_a_clip_of_nobody_keeps_one_person():
    nobody = sgnkit.SkeletonData.from_array(
        np.zeros((2, T, V, 3), np.float32),
        "ntu25",
        axes="MTVC",
        mask=np.zeros((2, T, V), bool),
        persons="all",
    )
    model = BaseSGN("ntu25", 5, hidden_channels=(C,), strides=(1,))
    conv = profile(model, nobody).layers[0]
    assert conv.operations == T * V * 3 * C * 9
