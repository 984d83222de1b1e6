"""Compiled loops give what the fused backend gives; both are held to Norse in test_lif.py."""

import pytest
import torch
from torch import nn

import sgnkit
from sgnkit.nn import LIF, PLIF, LeakyIntegrator, compile_neurons
from sgnkit.nn.native.library import library
from sgnkit.nn.neuron import _compiled
from sgnkit.nn.neuron import lif as lif_module
from sgnkit.nn.neuron.surrogate import SURROGATES

CASES = [
    {},
    {"soft_reset": True, "detach_reset": False},
    {"v_reset": -0.3, "learn_tau": True, "detach_reset": False},
    {"surrogate": "superspike", "learn_tau": True, "soft_reset": True},
]


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def run(neuron, x, grad):
    x = x.clone().requires_grad_()
    z = neuron(x)
    z.backward(grad)
    return z.detach(), x.grad, [p.grad for p in neuron.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("options", CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_compiled_equals_fused(options, dtype):
    torch.manual_seed(0)
    neurons = [LIF(v_th=0.5, **options, backend=backend) for backend in ("fused", "compiled")]
    for shape in ((4, 7, 33), (4, 1000), (2, 5)):
        x = (torch.randn(shape) * 1.5).to(dtype)
        grad = torch.randn(shape).to(dtype)
        fused, compiled = (run(neuron, x, grad) for neuron in neurons)
        assert torch.equal(fused[0], compiled[0])
        tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}[dtype]
        torch.testing.assert_close(fused[1], compiled[1], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(fused[2], compiled[2], rtol=1e-3, atol=1e-4)
    assert not _compiled._broken


@pytest.mark.skipif(library() is None, reason="no C++ compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_loops_in_cpp_equal_fused(steps, surrogate, dtype, monkeypatch):
    monkeypatch.setattr(_compiled, "_compile", lambda function: pytest.fail("not in C++"))
    torch.manual_seed(0)
    other = {"soft_reset": True, "tau": 3.0, "surrogate_slope": 0.5}
    for options in ({}, other, {**other, "v_reset": -0.2}):
        neurons = [
            LIF(v_th=0.5, surrogate=surrogate, **options, backend=backend)
            for backend in ("fused", "compiled")
        ]
        for shape in ((), (7, 33), (1000,), (2, 600, 16)):
            x = (torch.randn(steps, *shape) * 1.5).to(dtype)
            grad = torch.randn(steps, *shape).to(dtype)
            fused, compiled = (run(neuron, x, grad) for neuron in neurons)
            assert torch.equal(fused[0], compiled[0])
            tolerance = {torch.float32: 1e-5, torch.bfloat16: 1e-2}[dtype]
            torch.testing.assert_close(fused[1], compiled[1], rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(library() is None, reason="no C++ compiler")
def test_surrogate_in_bfloat16_is_as_good_as_its_rounding():
    x = torch.linspace(-30, 30, 20011).bfloat16()[None].requires_grad_()
    LIF(v_th=0.5, tau=2.0, backend="compiled")(x).sum().backward()
    distance = x.detach().double() / 2 - 0.5
    exact = 0.5 * 4 * torch.sigmoid(4 * distance) * torch.sigmoid(-4 * distance)
    # half a step between two numbers of eight bits, and a fifth of it for the approximation
    torch.testing.assert_close(x.grad.double(), exact, rtol=1.2 * 2**-8, atol=0)


def test_compile_neurons_switches_the_default_backend_alone():
    model = nn.ModuleList([LIF(), PLIF(), LIF(backend="norse"), LeakyIntegrator(), nn.Linear(2, 2)])
    assert compile_neurons(model) == 2
    assert [neuron.backend for neuron in model[:3]] == ["compiled", "compiled", "norse"]
    assert compile_neurons(model) == 0
    assert "backend=compiled" in repr(model[0])


def test_a_network_keeps_its_logits():
    torch.manual_seed(0)
    model = sgnkit.create_model(
        "base_sgn_small", layout="kinect20", num_classes=3, hidden_channels=(8,), strides=(1,)
    )
    clip = sgnkit.SkeletonData.from_array(torch.rand(8, 20, 3).numpy(), "kinect20", axes="TVC")
    expected = model(clip)
    assert compile_neurons(model) == 3
    assert torch.equal(model(clip), expected)
    assert not _compiled._broken


def test_a_full_gpu_is_no_missing_compiler(monkeypatch):
    def fail(function):
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(_compiled, "_compile", fail)
    with pytest.raises(torch.cuda.OutOfMemoryError, match="full"):
        LIF(backend="compiled")(torch.rand(4, 5, dtype=torch.float64))
    assert not _compiled._broken


def test_without_a_compiler_the_fused_backend_takes_over(monkeypatch):
    def fail(function):
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(_compiled, "_compile", fail)
    monkeypatch.setattr(_compiled, "_broken", False)
    monkeypatch.setattr(lif_module, "usable", lambda *tensors: False)
    neuron, x = LIF(v_th=0.5, backend="compiled"), torch.randn(4, 10)
    with pytest.warns(UserWarning, match=r"not available \(no C\+\+ compiler\); the fused"):
        z = neuron(x)
    assert torch.equal(z, LIF(v_th=0.5)(x))
    assert not _compiled.usable()
    neuron(x)  # and does not try, or warn, again
