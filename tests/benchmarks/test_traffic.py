"""Calls and bytes of what runs, and neurons as one call each way."""

import torch

from benchmarks.traffic import Traffic, traffic
from sgnkit.nn import LIF


def test_operands_and_results():
    x, y = torch.rand(4, 5), torch.rand(5, 6)
    with Traffic() as found:
        z = x @ y.t().t()  # views are no calls
        z.add_(1)
        z[0].mul_(z[0])
        torch.empty(7)
    assert found.calls == {"mm": 1, "add_": 1, "mul_": 1}
    assert found.bytes == {"mm": 4 * (20 + 30 + 24), "add_": 4 * 24, "mul_": 4 * 12}


def test_a_neuron_is_one_call_each_way():
    x = torch.rand(4, 100, requires_grad=True)
    expected = LIF(backend="norse")(x)
    with Traffic().kernels() as found:
        spikes = LIF(backend="compiled")(x)
        assert found.calls == {"neuron": 1}
        spikes.backward(torch.ones_like(x))
    assert torch.equal(spikes, expected)
    assert found.calls["neuron"] == 2
    assert found.bytes["neuron"] == 4 * 400 * (2 + 3)
    assert x.grad.abs().sum() > 0


def test_more_clips_take_more_bytes_and_no_more_calls():
    one, two = (traffic("base_sgn_small", "NW-UCLA", None, True, clips) for clips in (1, 2))
    assert one.calls == two.calls
    assert one.bytes["neuron"] < two.bytes["neuron"] <= 2 * one.bytes["neuron"]
