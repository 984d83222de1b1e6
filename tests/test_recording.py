import pytest
import torch
from torch_geometric.data import Batch

import sgnkit
from sgnkit.models import MKSGN
from sgnkit.nn import LIF, SkeletonGraph

S, T, V, C = 4, 6, 25, 8


def clips(count=2, frames=T):
    x = torch.rand(count, frames, V, 3, generator=torch.Generator().manual_seed(0))
    return [sgnkit.SkeletonData.from_array(c.numpy(), "ntu25", axes="TVC") for c in x]


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = MKSGN("ntu25", 5, hidden_channels=(C,), strides=(1,), heads=2)
    with torch.no_grad():
        model(Batch.from_data_list(clips()))
    return model.eval()


EVERYTHING = ("spikes", "membrane", "attention", "adjacency", "mutual_information")


def test_everything(model):
    batch = Batch.from_data_list(clips())
    plain = model(batch)
    with sgnkit.record(model, *EVERYTHING) as r:
        torch.testing.assert_close(model(batch), plain, rtol=0, atol=0)
    neurons = {name for name, module in model.named_modules() if isinstance(module, LIF)}
    assert set(r.spikes) == set(r.membrane) == neurons
    for name, spikes in r.spikes.items():
        neuron = model.get_submodule(name)
        assert spikes.dtype is torch.bool
        assert torch.equal(spikes, r.membrane[name] > neuron.v_th)
    assert r.spikes["fusion.neuron"].shape == (S, T, 2 * V, C)
    assert r.joint.tolist() == 2 * list(range(V)) and r.body.unique().tolist() == [0, 1]

    (name,) = r.attention
    layer, graph = model.get_submodule(name), SkeletonGraph.from_data(batch)
    assert r.attention[name].shape == (S, T, 2, 2, V, V)
    x = r.spikes["blocks.0.spatial.conv.neuron"].float() + r.spikes["fusion.neuron"].float()
    torch.testing.assert_close(r.attention[name], layer.attention(x, graph))
    (name,) = r.adjacency
    assert torch.equal(r.adjacency[name], model.get_submodule(name)().detach())
    features = model.forward_features(batch)["mutual_information"]
    torch.testing.assert_close(r.mutual_information["fusion"], features.detach())


def test_on_another_device(model, elsewhere):
    batch = Batch.from_data_list(clips())
    with sgnkit.record(model, *EVERYTHING) as here:
        model(batch)
    with elsewhere:
        model.to(elsewhere.name)
        with sgnkit.record(model, *EVERYTHING) as there:
            model(batch.to(elsewhere.name))
    for what in EVERYTHING:
        found, expected = getattr(there, what), getattr(here, what)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert torch.equal(there.joint, here.joint)


def test_nothing_is_left_behind(model):
    with pytest.raises(RuntimeError), sgnkit.record(model, *EVERYTHING):
        raise RuntimeError
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_only_what_is_asked_for(model):
    with sgnkit.record(model) as r:
        model(clips(1)[0])
    assert r.spikes and not (r.membrane or r.attention or r.adjacency or r.mutual_information)
    with pytest.raises(ValueError, match="cannot record 'spike'; expected any of spikes, membrane"):
        sgnkit.record(model, "spike").__enter__()


def test_calls_are_joined(model):
    both = Batch.from_data_list(clips())
    with sgnkit.record(model, "spikes", "attention", "mutual_information") as whole:
        model(both)
    with sgnkit.record(model, "spikes", "attention", "mutual_information") as parts:
        for clip in clips():
            model(clip)
    for kind in ("spikes", "attention", "mutual_information"):
        found, expected = getattr(parts, kind), getattr(whole, kind)
        for name in expected:
            torch.testing.assert_close(found[name], expected[name])
    assert torch.equal(parts.joint, whole.joint) and torch.equal(parts.body, whole.body)
    with (
        pytest.raises(ValueError, match="record calls of different lengths one by one"),
        sgnkit.record(model),
    ):
        model(clips(1)[0])
        model(clips(1, frames=8)[0])


def test_gradients_still_flow(model):
    with sgnkit.record(model, "membrane", "attention"):
        model.train()(Batch.from_data_list(clips())).sum().backward()
    assert model.readout.lin.weight.grad is not None


def test_activity():
    neuron = LIF(tau=1.0, v_th=0.5)
    net = torch.nn.Sequential(neuron)
    x = torch.zeros(4, 3, 5, 4)  # channels: silent, always, half, one step in four
    x[..., 1] = 1.0
    x[:2, ..., 2] = 1.0
    x[0, ..., 3] = 1.0
    with sgnkit.record(net) as r:
        net(x)
    (layer,) = r.activity().values()
    assert layer.channels.tolist() == [0, 1, 0.5, 0.25]
    assert (layer.rate, layer.dead, layer.saturated) == (0.4375, 0.25, 0.25)
    counts, edges = r.rate_histogram("0", bins=4)
    assert counts.tolist() == [1, 1, 1, 1] and edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    with pytest.raises(ValueError, match="no spikes of 'x'; there are those of 0"):
        r.rate_histogram("x")
    with pytest.raises(ValueError, match="for the 0 nodes"):
        r.joint_activity("0")


def test_joint_activity(model):
    batch = Batch.from_data_list(clips())
    with sgnkit.record(model) as r:
        model(batch)
    name = "blocks.0.temporal.neuron"
    spikes = r.spikes[name].double().view(S, T, 2, V, C)
    torch.testing.assert_close(r.joint_activity(name), spikes.mean((0, 2, 4)).t())
