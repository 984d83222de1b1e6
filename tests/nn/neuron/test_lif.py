import copy
import itertools
import pickle

import pytest
import torch

from sgnkit.nn import LIF, PLIF, LeakyIntegrator
from sgnkit.nn.neuron import SURROGATES, _fused

OPTIONS = [
    dict(zip(("soft_reset", "detach_reset", "learn_tau"), flags, strict=True))
    for flags in itertools.product((False, True), repeat=3)
]


def wave(u):
    return torch.cos(u).clamp(min=0)


def run(neuron, x, grad):
    x = x.clone().requires_grad_()
    z = neuron(x)
    z.backward(grad)
    tau = neuron.tau_logit.grad if neuron.learn_tau else None
    return z.detach(), x.grad, tau


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(k for k in o if o[k]) or "none")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("surrogate", [*SURROGATES, wave])
def test_fused_equals_norse(options, dtype, surrogate):
    torch.manual_seed(0)
    x = (torch.randn(5, 7, 31) * 1.5).to(dtype)
    grad = torch.randn(5, 7, 31).to(dtype)
    constants = {"tau": 2.3, "v_th": 0.7, "v_reset": -0.1, "surrogate": surrogate}
    fused = run(LIF(**constants, **options), x, grad)
    norse = run(LIF(**constants, **options, backend="norse"), x, grad)
    assert torch.equal(fused[0], norse[0])
    assert 0.02 < fused[0].float().mean() < 0.9
    assert fused[0].dtype == fused[1].dtype == dtype
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(fused[1], norse[1], rtol=tolerance, atol=tolerance)
    assert fused[1].abs().sum() > 0
    if options["learn_tau"]:
        torch.testing.assert_close(fused[2], norse[2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_equals_norse_across_pieces(soft, dtype, monkeypatch):
    # several pieces, and a remainder
    monkeypatch.setattr(_fused, "_PIECE", 1000)
    torch.manual_seed(0)
    x, grad = torch.randn(2, 4, 3, 5_001).to(dtype)
    options = {"v_th": 0.5, "soft_reset": soft, "learn_tau": True}
    fused = run(LIF(**options), x, grad)
    norse = run(LIF(**options, backend="norse"), x, grad)
    assert torch.equal(fused[0], norse[0])
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(fused[1], norse[1], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(fused[2], norse[2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_gradient_against_autograd_of_the_formula(soft, detach):
    torch.manual_seed(0)
    x = torch.randn(6, 50, dtype=torch.float64, requires_grad=True)
    tau, v_th = 2.0, 0.4

    def spike(u):
        smooth = torch.sigmoid(4 * u)
        return smooth + ((u > 0).to(u.dtype) - smooth).detach()

    v, train = torch.zeros(50, dtype=torch.float64), []
    for x_s in x:
        h = v + (x_s - v) / tau
        z = spike(h - v_th)
        train.append(z)
        r = z.detach() if detach else z
        v = h - r * v_th if soft else h * (1 - r)
    formula = torch.stack(train)
    weight = torch.randn(6, 50, dtype=torch.float64)
    (expected,) = torch.autograd.grad((formula * weight).sum(), x)
    neuron = LIF(tau, v_th, soft_reset=soft, detach_reset=detach)
    spikes = neuron(x)
    (grad,) = torch.autograd.grad((spikes * weight).sum(), x)
    assert torch.equal(spikes, formula.detach())
    torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize(
    ("current", "v_th", "soft", "spikes", "membrane"),
    [  # traces of SpikingJelly's LIF with decaying input
        (1.2, 1.0, False, "0010010010", 0.6),
        (1.5, 1.0, False, "0101010101", 0.0),
        (1.2, 1.0, True, "0010010010", 0.628516),
        (1.5, 1.0, True, "0101010101", 0.166504),
        (0.6, 0.5, False, "0010010010", 0.3),
    ],
)
def test_published_traces(current, v_th, soft, spikes, membrane):
    neuron = LIF(v_th=v_th, soft_reset=soft)
    state, train = None, ""
    for _ in range(10):
        z, state = neuron.step(torch.tensor([current]), state)
        train += str(int(z))
    assert train == spikes
    assert float(state.v) == pytest.approx(membrane, abs=1e-6)


def test_fires_strictly_above_the_threshold():
    x = torch.full((10, 1), 1.0)
    assert LIF()(x).sum() == 0  # h tends to 1 from below
    assert LIF(tau=1.0)(x).sum() == 0  # h equals the threshold
    assert LIF(tau=1.0)(x + 1e-6).sum() == 10


def test_surrogate_values():
    u = torch.tensor([0.0, 0.1, -0.1, 1.0])
    expected = {
        "sigmoid": [1.0, 0.96104, 0.96104, 0.07065],
        "superspike": [1.0, 0.82645, 0.82645, 0.25],
        "atan": [1.0, 0.91017, 0.91017, 0.09200],
        "triangle": [1.0, 0.9, 0.9, 0.0],
        "rect": [1.0, 1.0, 1.0, 0.0],
    }
    assert set(expected) == set(SURROGATES)
    for name, values in expected.items():
        assert SURROGATES[name](u).tolist() == pytest.approx(values, abs=1e-4), name


def test_no_state_between_calls():
    neuron = LIF(v_th=0.3)
    x = torch.rand(4, 8)
    first = neuron(x)
    neuron(torch.rand(7, 3))
    assert torch.equal(neuron(x), first)
    assert neuron(torch.rand(4, 0)).shape == (4, 0)


def test_state_dict_pickle_deepcopy():
    neuron = PLIF(3.0, v_th=0.4)
    with torch.no_grad():
        neuron.tau_logit.add_(0.5)
    other = PLIF(2.0, v_th=0.9)
    other.load_state_dict(neuron.state_dict())
    x = torch.randn(4, 16)
    for twin in (other, pickle.loads(pickle.dumps(neuron)), copy.deepcopy(neuron)):
        assert torch.equal(twin(x), neuron(x))
        assert twin.tau == pytest.approx(neuron.tau)
    neuron.reset_parameters()
    assert neuron.tau == pytest.approx(3.0)
    assert str(LIF()) == "LIF(tau=2, v_th=1)"
    assert str(neuron) == "PLIF(tau=3, v_th=0.4, learn_tau=True)"


def test_errors_say_what_is_legal():
    with pytest.raises(ValueError, match=r"tau must be at least 1 step, got 0\.5"):
        LIF(tau=0.5)
    with pytest.raises(ValueError, match="above 1 when it is learnt"):
        PLIF(tau=1.0)
    with pytest.raises(ValueError, match=r"v_th must be above v_reset \(0.0\), got 0"):
        LIF(v_th=0)
    with pytest.raises(ValueError, match=r"surrogate must be one of .*'sigmoid'.*got 'sigmoyd'"):
        LIF(surrogate="sigmoyd")
    with pytest.raises(ValueError, match="backend must be"):
        LIF(backend="cuda")
    with pytest.raises(ValueError, match="S >= 1"):
        LIF()(torch.zeros(0, 3))
    with pytest.raises(ValueError, match="int64"):
        LIF()(torch.zeros(2, 3, dtype=torch.long))


def test_leaky_integrator():
    integrator = LeakyIntegrator(tau=4.0)
    x = torch.randn(5, 3)
    v, rows = torch.zeros(3), []
    for x_s in x:
        v = v + (x_s - v) / 4
        rows.append(v)
    torch.testing.assert_close(integrator(x), torch.stack(rows))
    assert integrator(x.bfloat16()).dtype == torch.bfloat16
    assert str(integrator) == "LeakyIntegrator(tau=4)"
    with pytest.raises(ValueError, match="at least 1"):
        LeakyIntegrator(0.0)


@pytest.mark.parametrize("backend", ["fused", "norse"])
@pytest.mark.parametrize("surrogate", ["sigmoid", "triangle"])
def test_slope_of_the_surrogate(surrogate, backend):
    x = torch.linspace(-3, 3, 61, dtype=torch.float64).unsqueeze(0)  # one step: h = x / tau
    slope, v_th = 0.3, 0.5
    neuron = LIF(v_th=v_th, surrogate=surrogate, surrogate_slope=slope, backend=backend)
    x.requires_grad_()
    neuron(x).sum().backward()
    expected = SURROGATES[surrogate]((x.detach() / 2 - v_th) * slope) / 2
    torch.testing.assert_close(x.grad, expected)
    assert "surrogate_slope=0.3" in repr(neuron)
    with pytest.raises(ValueError, match="surrogate_slope must be positive, got 0"):
        LIF(surrogate_slope=0)
