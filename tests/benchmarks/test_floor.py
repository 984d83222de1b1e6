import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.floor import products
from benchmarks.layers import times
from benchmarks.network import clips
from sgnkit import create_model
from sgnkit.nn import compile_neurons


def flops(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def small():
    torch.manual_seed(0)
    widths = {"hidden_channels": (16, 16), "strides": (1, 2)}
    model = create_model("mk_sgn_small", layout="kinect20", num_classes=5, **widths)
    batch = clips("kinect20", 1, frames=8, number=2)

    def step():
        model.zero_grad(set_to_none=True)
        model(batch).sum().backward()

    return model, step


def test_floor_takes_the_same_products():
    _, step = small()
    replay = products(step)
    assert flops(step) == flops(replay) > 1e6


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_time_by_kind(compiled):
    model, step = small()
    if compiled:
        compile_neurons(model)
    found = times(step, model)
    assert {"batch norm, neuron", "linear", "graph product", "convolution"} <= set(found)
    assert all(value > 0 for value in found.values())
    # what is not part of a layer, in either pass, is small
    assert found["rest"] < 0.5 * sum(found.values())
