"""The Triton kernels: interpreted, as the code that a GPU gets, and on one where there is one."""

import importlib
import itertools
import re

import pytest
import torch

from sgnkit.nn import LIF
from sgnkit.nn.neuron import _compiled
from sgnkit.nn.neuron._fused import MultiStepLIF
from sgnkit.nn.neuron.surrogate import SURROGATES, get_surrogate

has_triton = pytest.mark.skipif(not _compiled._triton(), reason="no Triton here: make kernels")
NEURONS = list(itertools.product((1, 4, 9), (False, True), (0.0, -0.2), (2.0, 3.0)))


@pytest.fixture
def kernels(monkeypatch):
    """The kernels as functions on the CPU."""
    from sgnkit.nn.neuron import _kernels

    with monkeypatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        yield importlib.reload(_kernels)
    importlib.reload(_kernels)


def inputs(steps, dtype=torch.float32, device="cpu"):
    torch.manual_seed(0)
    x, grad = torch.randn(2, steps, 2500)
    return (1.5 * x).to(device, dtype).requires_grad_(), grad.to(device, dtype)


@has_triton
@pytest.mark.parametrize(("type_", "numbers"), [("fp32", 4), ("bf16", 8), ("fp16", 8)])
@pytest.mark.parametrize("soft", [False, True])
def test_one_read_and_one_write(type_, numbers, soft):  # first: older interpreters stay switched on
    from triton import compile as compile_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from sgnkit.nn.neuron import _kernels

    steps, block = 4, _kernels.neurons_of_a_program(4)
    for kernel, tensors, more in (
        (_kernels._fire, "x out", {}),
        (_kernels._fire_backward, "x grad out", {"KIND": "sigmoid"}),
    ):
        constants = {"S": steps, "SOFT": soft, "BLOCK": block, **more}
        types = dict.fromkeys(tensors.split(), f"*{type_}")
        types |= {"rate": "*fp32", "threshold": "*fp32", "v_reset": "fp32"}
        types |= {"slope": "fp32"} if more else {}
        types |= {"length": "i32"}
        aligned = {
            (i,): [["tt.divisibility", 16]] for i, t in enumerate(types.values()) if t != "fp32"
        }
        signature = {name: types.get(name, "constexpr") for name in kernel.arg_names}
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
        code = compile_kernel(
            source, target=GPUTarget("cuda", 90, 32), options=_kernels._AS_WRITTEN
        ).asm["ptx"]
        # 128 threads, and all that one of them handles, in vectors of 16 bytes
        each = steps * block // 128 // numbers
        reads = len(tensors.split()) - 1
        assert len(re.findall(r"ld\.global\.v4\.b32", code)) == reads * each
        assert len(re.findall(r"st\.global\.v4\.b32", code)) == each
        assert len(re.findall(r"ld\.global", code)) == reads * each + 2  # rate and threshold
        assert len(re.findall(r"st\.global", code)) == each
        assert not re.findall(r"fma\.|ld\.local|st\.local", code)  # as written, in registers


@has_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_interpreted(kernels, surrogate, dtype):
    for steps, soft, v_reset, tau in NEURONS:
        options = {"surrogate": surrogate, "surrogate_slope": 0.5, "soft_reset": soft}
        neuron = LIF(tau, 0.5, v_reset, **options, backend="norse")
        x, grad = inputs(steps, dtype)
        spikes = neuron(x)
        spikes.backward(grad)
        constants = neuron.tau_inv, neuron.v_th, v_reset, soft
        drive = x.detach()
        assert torch.equal(kernels.fire(drive, *constants), spikes)
        assert 0.05 < spikes.float().mean() < 0.95
        found = kernels.fire_backward(drive, grad, *constants, (surrogate, 0.5))
        tolerance = 1e-5 if dtype == torch.float32 else 1e-2
        torch.testing.assert_close(found, x.grad, rtol=tolerance, atol=tolerance)


@has_triton
def test_kernels_take_what_they_know(kernels, monkeypatch):
    calls = []
    monkeypatch.setattr(_compiled, "_has_kernels", lambda *_: True)
    monkeypatch.setattr(_compiled, "_compile", lambda f: calls.append(f.__name__) or f)
    v_th = torch.tensor(0.5)
    for surrogate, detach, learn_tau, expected in (
        (get_surrogate("atan", 2.0), True, False, []),
        (torch.cos, True, False, ["plain_backward"]),
        (get_surrogate("atan"), False, False, ["plain_backward"]),
        (get_surrogate("atan"), True, True, ["plain_backward"]),
    ):
        found = []
        for compiled in (False, True):
            x, grad = inputs(4)
            rate = torch.tensor(0.4, requires_grad=learn_tau)
            calls.clear()
            out = MultiStepLIF.apply(x, rate, v_th, 0.0, False, detach, surrogate, compiled)
            # gradients arrive as part of a larger tensor, or repeated
            out.backward(torch.stack([grad, grad], 2)[..., 0])
            found.append((out, x.grad, *([rate.grad] if learn_tau else [])))
        assert calls == expected
        for plain, other in zip(*found, strict=True):
            torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)


def test_kernels_need_a_gpu():
    x, constant = torch.rand(4, 5), torch.tensor(0.5)
    assert not _compiled._has_kernels(x, constant, constant)
    assert not _compiled._has_kernels(x.to("meta"), constant, constant)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("steps", [1, 4, 20])
def test_on_a_gpu(steps, dtype):
    for surrogate, (soft, v_reset, tau) in itertools.product(
        SURROGATES, [(False, 0.0, 2.0), (True, -0.2, 3.0), (False, 0.1, 2.5)]
    ):
        results = []
        for backend in ("norse", "compiled", "fused"):
            neuron = LIF(tau, 0.5, v_reset, surrogate=surrogate, soft_reset=soft, backend=backend)
            x, grad = inputs(steps, dtype, "cuda")
            spikes = neuron.cuda()(x)
            spikes.backward(grad)
            results.append((spikes, x.grad))
        tolerance = 1e-5 if dtype == torch.float32 else 1e-2
        for spikes, slopes in results[1:]:
            if steps <= _compiled.MOST_STEPS:
                assert torch.equal(spikes, results[0][0])
                torch.testing.assert_close(slopes, results[0][1], rtol=tolerance, atol=tolerance)
            else:  # torch.compile may fuse multiplication and addition
                assert (spikes != results[0][0]).float().mean() < 1e-3
    assert not _compiled._broken
