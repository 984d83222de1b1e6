"""Batch norm, neuron and shortcut in one go give what the modules give."""

import copy
import itertools

import pytest
import torch

from sgnkit.nn import LIF, BatchNorm, SpikingShortcut, compile_neurons
from sgnkit.nn.native.library import library, usable
from sgnkit.nn.norm_fire import constants, norm_fire

pytestmark = pytest.mark.skipif(library() is None, reason="no C++ compiler")


def layer(channels=40, backend="compiled", **options):
    torch.manual_seed(0)
    norm = BatchNorm(channels)
    torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    torch.nn.init.normal_(norm.bias, std=0.3)
    return norm, LIF(v_th=0.5, backend=backend, **options)


def inputs(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator) * 2 + torch.arange(shape[-1]) % 9 / 6
    plus = (torch.rand(shape, generator=generator) < 0.3).float()
    return x.to(dtype).requires_grad_(), plus.to(dtype).requires_grad_()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 7, 40), (1, 2, 40), (3, 11, 5, 600)])
def test_equals_the_modules(training, shape):
    results = []
    for joined in (False, True):
        norm, neuron = layer(shape[-1])
        norm.train(training)
        x, plus = inputs(*shape)
        out = (
            norm_fire(norm, neuron, x, plus)
            if joined
            else LIF(v_th=0.5, backend="norse")(norm(x)) + plus
        )
        (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
        results.append((out, x.grad, plus.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()))
    assert torch.equal(results[0][0], results[1][0])
    assert 0.05 < (results[0][0] > 0).float().mean() < 0.95
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", ["fused", "compiled"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("training", [True, False])
def test_steps_that_see_one_input(backend, steps, training):
    results = []
    for joined in (False, True):
        norm, neuron = layer(backend=backend)
        norm.train(training)
        x, plus = inputs(5, 6, 40)
        more = plus.detach().expand(steps, *plus.shape)
        if joined:
            out = norm_fire(norm, neuron, x, more, steps=steps)
        else:
            out = LIF(v_th=0.5, backend="norse")(norm(x).expand(steps, *x.shape)) + more
        (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
        results.append((out, x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()))
    assert results[0][0].shape == (steps, 5, 6, 40)
    assert torch.equal(results[0][0], results[1][0])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("surrogate", "soft", "v_reset", "slope"),
    [
        *itertools.product(
            ["sigmoid", "superspike", "atan", "triangle", "rect"], [False], [0], [1]
        ),
        ("sigmoid", True, 0.0, 0.5),
        ("sigmoid", True, 0.1, 0.5),
        ("sigmoid", False, -0.2, 2.0),
        ("atan", False, -0.2, 2.0),
    ],
)
@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_every_kind_of_neuron(surrogate, soft, v_reset, slope, steps):
    results = []
    for backend in ("norse", "compiled"):
        _, neuron = layer(
            backend=backend, surrogate=surrogate, soft_reset=soft, v_reset=v_reset,
            surrogate_slope=slope,
        )  # fmt: skip
        x, _ = inputs(steps, 9, 40)
        out = norm_fire(None, neuron, x)
        (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
        results.append((out, x.grad))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[1][1], results[0][1], rtol=1e-5, atol=1e-6)


def test_gradients_of_far_membranes_are_finite():
    _, neuron = layer()
    x = (torch.randn(4, 3, 40) * 1e4).requires_grad_()
    norm_fire(None, neuron, x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_bfloat16():
    norm, neuron = layer()
    x, plus = inputs(4, 30, 40, dtype=torch.bfloat16)
    out = norm_fire(norm, neuron, x, plus)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == torch.bfloat16
    expected = neuron(copy.deepcopy(norm)(x.detach().float())) + plus
    assert (out != expected).float().mean() < 0.01  # the current is rounded for one of them


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_bfloat16_gradients_are_those_of_float32_rounded(soft, steps):
    # Eight bits, so that bfloat16 holds them, and odd, so that no membrane is at the threshold.
    x = (torch.randn(steps, 300, 16) * 48).clamp(-125, 125).round().mul(2).add(1) / 64
    grad = torch.randn(x.shape).bfloat16()
    results = []
    for backend, dtype in (("norse", torch.float32), ("compiled", torch.bfloat16)):
        _, neuron = layer(backend=backend, soft_reset=soft)
        given = x.clone().to(dtype).requires_grad_()
        neuron(given).backward(grad.to(dtype))
        results.append(given.grad.float())
    torch.testing.assert_close(results[1], results[0], rtol=2**-8, atol=2**-9)


def test_threads_do_not_matter():
    norm, neuron = layer()
    results, threads = [], torch.get_num_threads()
    for count in (1, 2):
        torch.set_num_threads(count)
        x, plus = inputs(4, 400, 40)
        out = norm_fire(norm, neuron, x, plus)
        (out * x.detach()).sum().backward()
        results.append((out, x.grad))
    torch.set_num_threads(threads)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_other_layouts_of_memory():
    norm, neuron = layer()
    x, plus = inputs(4, 6, 5, 40)
    turned = x.detach().transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(norm_fire(norm, neuron, turned, plus), norm_fire(norm, neuron, x, plus))


def test_hooks_are_called():
    norm, neuron = layer()
    seen = []
    x, _ = inputs(4, 6, 40)
    expected = norm_fire(norm, neuron, x)
    handle = neuron.register_forward_hook(lambda module, args, out: seen.append(args[0]))
    assert torch.equal(norm_fire(norm, neuron, x), expected)
    handle.remove()
    torch.testing.assert_close(seen[0], norm(x))


def test_where_it_cannot():
    x = torch.randn(4, 6, 40)
    for neuron in (
        LIF(),
        LIF(backend="compiled", learn_tau=True),
        LIF(backend="compiled", detach_reset=False),
        LIF(backend="compiled", surrogate=lambda u: torch.exp(-u * u)),
        torch.nn.ReLU(),
    ):
        assert constants(neuron, x) is None
    neuron = LIF(backend="compiled")
    assert constants(neuron, x) is not None
    assert not usable(x.double())
    assert not usable(x[:0])
    assert torch.equal(norm_fire(None, neuron, x.double()), neuron(x.double()))


def test_counted_operations_stay_visible():
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False):
        assert not usable(torch.ones(3))


@pytest.mark.parametrize("mode", ["sew", "or", "membrane", None])
def test_shortcut_takes_the_norm(mode):
    results = []
    for given in (False, True):
        torch.manual_seed(0)
        shortcut = SpikingShortcut(8, 40, 2, mode=mode, neuron=LIF(v_th=0.2))
        norm, neuron = layer()
        compile_neurons(shortcut)
        x = (torch.rand(4, 6, 5, 8, generator=torch.Generator().manual_seed(2)) < 0.5).float()
        current, _ = inputs(4, 3, 5, 40)
        if given:
            results.append(shortcut.join(x, current, neuron, norm))
        else:
            results.append(shortcut.join(x, norm(current), neuron))
    assert torch.equal(*results)
