import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torch_geometric.nn import GCNConv, GINConv, SimpleConv

from sgnkit.energy import EnergyPreset, firing_rates, profile
from sgnkit.nn import LIF


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Fixed(LIF):
    """A neuron that fires as told."""

    def __init__(self, spikes):
        super().__init__()
        self.spikes = spikes

    def forward(self, x):
        return self.spikes.clone()


class Wrap(nn.Module):
    """A neuron, then any function of its spikes."""

    def __init__(self, spikes, function, *modules):
        super().__init__()
        self.neuron = Fixed(spikes)
        self.function = function
        self.modules_ = nn.ModuleList(modules)

    def forward(self, x):
        return self.function(self.neuron(x), *self.modules_)


def spikes(*shape, rate=0.3):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < rate).float()


def only(report):
    (layer,) = report.layers
    return layer


def test_linear_on_real_input_is_mac():
    layer = only(profile(nn.Linear(3, 8), torch.rand(4, 5, 3)))
    assert (layer.operations, layer.paper_mac, layer.strict_mac) == (480, 480, 480)
    assert (layer.paper_ac, layer.strict_ac, layer.rate) == (0, 0, None)
    assert layer.energy(EnergyPreset("x", 4.6, 0.9)) == (2208.0, 2208.0)


def test_an_input_of_zeros_and_ones_is_not_spikes():
    for x in (torch.zeros(4, 3), torch.ones(4, 3)):
        assert only(profile(nn.Linear(3, 8), x)).strict_mac == 96


@pytest.mark.parametrize("bias", [False, True])
def test_linear_on_spikes_is_ac(bias):
    z = spikes(4, 5, 3)
    model = Wrap(z, lambda z, lin: lin(z), nn.Linear(3, 8, bias=bias))
    layer = only(profile(model, torch.rand(1)))
    assert (layer.name, layer.kind, layer.operations) == ("modules_.0", "matmul", 480)
    assert layer.strict_ac == layer.paper_ac == 8 * z.sum()
    assert layer.strict_mac == layer.paper_mac == 0
    assert layer.rate == pytest.approx(float(z.mean()))


def test_sums_of_spikes_count_by_value_in_strict_and_by_support_in_paper():
    z = spikes(4, 5, 3, rate=0.6)
    layer = only(profile(Wrap(z, lambda z, lin: lin(z + z), nn.Linear(3, 8)), torch.rand(1)))
    assert layer.strict_ac == 16 * z.sum()
    assert layer.paper_ac == pytest.approx(8 * float(z.sum()))


def test_weighted_sum_of_spikes_is_mac():
    z, w = spikes(4, 5, 3), nn.Linear(1, 1)
    model = Wrap(z, lambda z, w, lin: lin(w.bias * z + 0.7 * z), w, nn.Linear(3, 8))
    layer = only(profile(model, torch.rand(1)))
    assert (layer.strict_mac, layer.strict_ac) == (480, 0)
    assert layer.paper_ac == pytest.approx(480 * float(z.mean()))


def test_mean_and_scaled_spikes_are_mac():
    for function in (lambda z, lin: lin(z.mean(0)), lambda z, lin: lin(0.5 * z[0])):
        layer = only(profile(Wrap(spikes(4, 5, 3), function, nn.Linear(3, 8)), torch.rand(1)))
        assert (layer.strict_mac, layer.strict_ac) == (120, 0)


def test_selected_padded_and_moved_spikes_stay_spikes():
    z = spikes(4, 5, 3)

    def move(z, lin):
        padded = z.new_zeros(4, 7, 3)
        padded[:, 1:6] = z
        padded = torch.cat([padded.transpose(0, 1), padded.transpose(0, 1)])
        return lin(F.pad(padded[torch.arange(14)].relu(), (0, 0, 1, 1)))

    layer = only(profile(Wrap(z, move, nn.Linear(3, 8)), torch.rand(1)))
    assert layer.strict_ac == 16 * z.sum() and layer.strict_mac == 0


def test_convolution_on_spikes():
    z = spikes(4, 2, 6, 5)
    conv = nn.Conv2d(2, 3, (3, 1), (2, 1), (1, 0), bias=False)
    layer = only(profile(Wrap(z, lambda z, conv: conv(z), conv), torch.rand(1)))
    assert layer.operations == 4 * 3 * 5 * 3 * 2 * 3  # out [4, 3, 3, 5], kernel 3 x 1, 2 channels
    assert layer.paper_ac == pytest.approx(layer.operations * float(z.mean()))
    nn.init.ones_(conv.weight)
    assert layer.strict_ac == conv(z).sum() and layer.strict_mac == 0


def test_graph_product_of_currents_is_mac():
    """In A (X W) one product has a real operand on both sides."""
    z = spikes(4, 25, 3)
    graph = nn.Linear(25, 25, bias=False)
    nn.init.eye_(graph.weight)  # whole numbers do not make weights spikes
    model = Wrap(z, lambda z, lin, a: a.weight @ lin(z), nn.Linear(3, 8, bias=False), graph)
    report = profile(model, torch.rand(1))
    product, aggregation = report.layers
    assert (product.strict_mac, product.strict_ac) == (0, 8 * z.sum())
    assert (aggregation.name, aggregation.strict_mac) == ("", 4 * 25 * 25 * 8)
    assert aggregation.paper_ac == pytest.approx(4 * 25 * 25 * 8 * float(z.mean()))


def test_attention_counts_coincidences():
    z = spikes(3, 2, 6, 4)

    def attend(z):
        q, k, v = z.unbind(0)
        return (q @ k.transpose(-1, -2)) @ v

    layer = only(profile(Wrap(z, attend), torch.rand(1)))
    q, k, v = z
    scores = q @ k.transpose(-1, -2)
    assert layer.operations == 2 * (2 * 6 * 6 * 4)
    assert layer.strict_ac == scores.sum() + ((scores > 0).float() @ v).sum()
    assert layer.strict_mac == 0


def test_einsum_and_torch_attention_are_seen():
    x = torch.rand(2, 6, 4)
    einsum = Wrap(spikes(2, 6, 4), lambda z: torch.einsum("bnc,bmc->bnm", z, x))
    assert only(profile(einsum, x)).operations == 2 * 6 * 6 * 4
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    report = profile(attention, (x, x, x))
    projections = 4 * (2 * 6 * 4 * 4)
    assert report.counts["operations"] == projections + 2 * (2 * 2 * 6 * 6 * 2)
    assert report.uncounted == {}


EDGES = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])


def test_messages_of_spikes_are_one_addition_each():
    z = spikes(4, 4, 3)
    model = Wrap(z, lambda z, conv: conv(z, EDGES), SimpleConv(aggr="sum"))
    layer = only(profile(model, torch.rand(1)))
    assert (layer.kind, layer.operations) == ("aggregate", 5 * 4 * 3)
    assert layer.strict_ac == z[:, EDGES[0]].sum() and layer.strict_mac == 0


def test_weighted_messages():
    z, weight = spikes(4, 4, 3), torch.rand(5)
    conv = SimpleConv(aggr="sum")
    model = Wrap(z, lambda z, conv: conv(z, EDGES, weight), conv)
    layer = only(profile(model, torch.rand(1)))
    assert (layer.strict_mac, layer.strict_ac) == (0, z[:, EDGES[0]].sum())
    layer = only(profile(conv, (torch.rand(4, 4, 3), EDGES, weight)))
    assert (layer.strict_mac, layer.strict_ac) == (5 * 4 * 3, 0)
    layer = only(profile(conv, (torch.rand(4, 4, 3), EDGES)))  # sums alone: nothing to multiply
    assert (layer.strict_mac, layer.strict_ac) == (0, 5 * 4 * 3)


def test_pyg_convolutions():
    x = torch.rand(4, 3)
    report = profile(GCNConv(3, 8), (x, EDGES))
    costs = {layer.kind: (layer.strict_mac, layer.strict_ac) for layer in report.layers}
    # 4 self-loops; degrees do not depend on the clip and are not counted
    assert costs == {"matmul": (4 * 3 * 8, 0), "aggregate": ((5 + 4) * 8, 0)}
    report = profile(GINConv(nn.Linear(3, 8)), (x, EDGES))
    costs = {layer.kind: (layer.strict_mac, layer.strict_ac) for layer in report.layers}
    assert costs == {"aggregate": (0, 5 * 3), "matmul": (4 * 3 * 8, 0)}


@pytest.mark.parametrize("inference", [False, True])
def test_dense_operations_agree_with_pytorch(inference):
    model = nn.Sequential(
        nn.Conv1d(3, 8, 3, padding=1, stride=2),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.ConvTranspose1d(8, 6, 3),
        nn.Linear(10, 7),
    ).requires_grad_(False)
    x = torch.rand(2, 3, 16)
    with FlopCounterMode(display=False) as flops:
        model.eval()(x)
    with torch.inference_mode(inference):
        assert profile(model, x).counts["operations"] == flops.get_total_flops() / 2


def test_counts_are_for_one_clip():
    model = nn.Linear(3, 8)
    report = profile(model, torch.rand(6, 3), num_clips=3)
    assert only(report).operations == 48 and report.num_clips == 3
    with pytest.raises(ValueError, match="num_clips must be positive, got 0"):
        profile(model, torch.rand(6, 3), num_clips=0)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(), LIF(v_th=0.1))
    model[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    profile(model, torch.rand(6, 3))
    firing_rates(model, torch.rand(6, 3))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert [module.training for module in model] == [True, False, True, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    with pytest.raises(RuntimeError):
        profile(model, torch.rand(6, 5))
    assert model.training and not model[0]._forward_hooks
    assert torch.is_grad_enabled() and torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("backend", ["fused", "norse"])
def test_neurons_are_listed_apart(backend):
    model = nn.Sequential(LIF(backend=backend), nn.Linear(1, 2))
    x = torch.full((6, 4, 1), 1.5)
    report = profile(model, x, num_clips=2)
    (neuron,) = report.neurons
    assert (neuron.name, neuron.updates, neuron.spikes, neuron.rate) == ("0", 12, 6, 0.5)
    assert only(report).strict_ac == 2 * 6
    assert report.firing_rate == 0.5
    assert firing_rates(model, x) == {"0": 0.5}


def test_on_another_device(elsewhere):
    model, x = nn.Sequential(LIF(), nn.Linear(1, 2)), torch.full((6, 4, 1), 1.5)
    expected, rates = profile(model, x, num_clips=2).to_dict(), firing_rates(model, x)
    with elsewhere:
        model, x = model.to(elsewhere.name), x.to(elsewhere.name)
        assert profile(model, x, num_clips=2).to_dict() == expected
        assert firing_rates(model, x) == rates == {"0": 0.5}


def test_neurons_of_other_libraries():
    class Step(nn.Module):
        def forward(self, x):
            return (x > 0.5).float(), x

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.neuron, self.lin = Step(), nn.Linear(3, 8)

        def forward(self, x):
            return self.lin(self.neuron(x)[0])

    x = torch.rand(4, 3)
    assert only(profile(Net(), x)).strict_mac == 96
    assert only(profile(Net(), x, neurons=(Step,))).strict_ac == 8 * (x > 0.5).sum()
    rate = pytest.approx(float((x > 0.5).double().mean()))
    assert firing_rates(Net(), x, neurons=(Step,)) == {"neuron": rate}


def test_what_has_no_rule_is_named():
    report = profile(Wrap(spikes(4, 8), lambda z: torch.fft.fft(z)), torch.rand(1))
    assert report.layers == () and list(report.uncounted) == ["_fft_r2c"]
    assert "Not counted: _fft_r2c (1x)." in report.table()


def test_synaptic_operations_are_events_not_values():
    z = spikes(4, 5, 3, rate=0.6)
    layer = only(profile(Wrap(z, lambda z, lin: lin(z + z), nn.Linear(3, 8)), torch.rand(1)))
    assert (layer.synaptic_operations, layer.strict_ac) == (8 * z.sum(), 16 * z.sum())
    assert layer.sparsity == pytest.approx(1 - float(z.mean()))
    assert layer.binary == pytest.approx(1 - float(z.mean()))  # the zeros; what fires is a 2
    assert list(layer.reasons.values()) == [480] and "above 1" in next(iter(layer.reasons))


def why(model, x):
    return {reason.partition(":")[0] for reason in only(profile(model, x)).reasons}


def test_the_strict_counting_says_why():
    z, lin = spikes(4, 4, 3), nn.Linear(3, 8)
    assert why(lin, torch.rand(4, 3)) == {"analog input"}
    assert why(Wrap(z, lambda z, lin: lin(z), lin), torch.rand(1)) == set()
    assert why(Wrap(z, lambda z, lin: lin(0.5 * z), lin), torch.rand(1)) == {"real operands"}
    conv = SimpleConv(aggr="sum")
    assert why(Wrap(z, lambda z, conv: conv(z, EDGES), conv), torch.rand(1)) == set()
    model = Wrap(z, lambda z, conv: conv(0.5 * z, EDGES), conv)
    assert why(model, torch.rand(1)) == {"sum of real values"}


def test_real_activations_have_sparsity_and_no_binary_share():
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(50, 3)
    last = profile(model, x).layers[1]
    assert last.sparsity == pytest.approx(float((model[:2](x) == 0).double().mean()))
    assert last.binary == 0 and last.synaptic_operations == 0


@pytest.mark.parametrize("whole", [True, False])
def test_compiled_code_hides_nothing(whole):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, 8), LIF(v_th=0.1), nn.Linear(8, 2))
    x = torch.rand(4, 5, 3)
    plain = profile(layers, x)
    inner = torch.compile(layers, backend="eager")
    model = inner if whole else nn.Sequential(inner)
    report = profile(model, x)
    assert report.counts == plain.counts and len(report.neurons) == 1
    assert [layer.name for layer in report.layers] == (["0", "2"] if whole else ["0.0", "0.2"])


@pytest.mark.parametrize("backend", ["fused", "norse", "compiled"])
def test_kernels_of_neurons_hide_nothing(backend):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), LIF(v_th=0.1, backend=backend), nn.Linear(8, 2))
    report = profile(model, torch.full((4, 5, 3), 0.7))
    torch.manual_seed(0)
    same = nn.Sequential(nn.Linear(3, 8), LIF(v_th=0.1), nn.Linear(8, 2))
    assert report.layers == profile(same, torch.full((4, 5, 3), 0.7)).layers


def synaptic_operations(model, x):
    """The rule of SpikingJelly's `SynOpCounter`, by hand: events of a binary operand, times what
    each of them reaches, a convolution of padding 0 or of ones included.
    """
    seen = {}

    def count(name, module, inputs, output):
        (z,) = inputs
        if bool(((z == 0) | (z == 1)).all()):
            ones = torch.ones_like(module.weight)
            reach = F.linear(z, ones) if isinstance(module, nn.Linear) else None
            if reach is None:
                reach = F.conv1d(z, ones, None, module.stride, module.padding)
            seen[name] = float(reach.sum())

    handles = [
        module.register_forward_hook(lambda m, i, o, n=name: count(n, m, i, o))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv1d)
    ]
    with torch.no_grad():
        model.eval()(x)
    for handle in handles:
        handle.remove()
    return seen


def test_synaptic_operations_as_spikingjelly_counts_them():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 8)
            self.neurons = nn.ModuleList(LIF(v_th=0.2) for _ in range(3))
            self.conv = nn.Conv1d(8, 6, 3, stride=2, padding=1)
            self.last = nn.Linear(6, 4)

        def forward(self, x):
            z = self.neurons[0](self.first(x)).transpose(-1, -2)
            z = self.neurons[1](self.conv(z.flatten(0, 1)).unflatten(0, z.shape[:2]))
            return self.last(z.transpose(-1, -2))

    model, x = Net(), torch.rand(4, 2, 9, 3) * 3
    report = profile(model, x)
    found = {layer.name: layer.synaptic_operations for layer in report.layers if layer.binary}
    assert found == synaptic_operations(model, x) and sum(found.values()) > 0
