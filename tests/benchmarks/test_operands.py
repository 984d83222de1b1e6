import pytest
import torch

from benchmarks.network import clips
from benchmarks.operands import NETWORKS, binary_shares, product_times, shares
from sgnkit import create_model
from sgnkit.energy import calibrate, profile
from sgnkit.nn import compile_neurons


def measured(label, loops=False):
    torch.manual_seed(0)
    widths = {"hidden_channels": (16, 16), "strides": (1, 2)}
    model = create_model(
        "mk_sgn_small", layout="kinect20", num_classes=5, **widths, **NETWORKS[label]
    )
    batch = clips("kinect20", 1, frames=8, number=2)
    calibrate(model, batch)
    report = profile(model, batch)
    binary = binary_shares(report)
    operations = {cost.name: cost.operations for cost in report.layers}
    if loops:
        compile_neurons(model)
    return *product_times(model, batch), binary, operations


@pytest.mark.parametrize("loops", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("label", ["sew", "membrane, spike_driven"])
def test_each_layer_with_products_has_a_time_and_a_share(label, loops):
    times, everything, binary, operations = measured(label, loops)
    assert all(ms > 0 for ms in times.values())
    assert sum(times.values()) < everything
    large = {name for name, number in operations.items() if number > 1e4}
    assert large <= set(times) <= set(binary)


def test_shortcuts_decide_what_is_binary():
    _, _, sew, _ = measured("sew")
    _, _, joined, _ = measured("or")
    _, _, driven, _ = measured("or, spike_driven")
    name = "blocks.1.spatial.conv.lin"
    assert sew[name] < 1 and joined[name] == 1
    assert sum(share < 1 for share in driven.values()) < sum(share < 1 for share in joined.values())


def test_shares_weigh_by_time():
    found = shares({"a": 3.0, "b": 1.0, "c": 4.0}, {"a": 1.0, "b": 0.5})
    assert found["products, ms"] == 8
    assert found["binary operand, %"] == pytest.approx(100 * 3.5 / 8)
    assert found["all of it binary, %"] == pytest.approx(100 * 3 / 8)
