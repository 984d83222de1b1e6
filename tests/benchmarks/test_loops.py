import importlib

import pytest
import torch

from benchmarks import loops
from benchmarks.harness import Options, compare
from sgnkit.nn.native.library import library

lif = importlib.import_module("sgnkit.nn.neuron.lif")
pytestmark = pytest.mark.skipif(library() is None, reason="no C++ compiler")


def test_both_sides_run_in_turn():
    seen = []

    def work():
        seen.append(lif.usable(torch.ones(2)))

    timings = compare(loops.both(work), Options(rounds=3, seconds=0.0), warm=0)
    assert set(timings) == {loops.WITH, loops.WITHOUT}
    assert seen[:2] == [True, False] and seen.count(True) > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", loops.TYPES)
@pytest.mark.parametrize("make", [loops.attention, loops.norm_neuron_shortcut])
def test_layers_give_the_same_without_loops(make, kind):
    layer, x = make(3, 32, kind)
    with torch.no_grad():
        found = layer(x)
        with loops.without_loops():
            expected = layer(x)
    assert found.dtype == expected.dtype and 0.01 < (found > 0).float().mean() < 0.99
    assert (found != expected).float().mean() < (1e-4 if kind == "float32" else 2e-2)
