import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from sgnkit.energy.operations import (
    convolution_events,
    convolution_macs,
    matmul_events,
    matmul_macs,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def spikes(*shape, most=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, most + 1, shape, generator=generator).float()


def brute_force(a, b):
    """The two factors of every term of a product, one by one."""
    rows, columns = range(a.size(0)), range(b.size(1))
    return [(a[i, k], b[k, j]) for i in rows for j in columns for k in range(a.size(1))]


def test_matmul_of_spikes_and_weights():
    a, w = spikes(3, 5, most=2), torch.randn(5, 4)
    assert matmul_macs(a, w) == 60
    assert matmul_events(a, w, True, False) == sum(float(x) for x, _ in brute_force(a, w))
    assert matmul_events(w.t(), a.t(), False, True) == matmul_events(a, w, True, False)


def test_matmul_of_two_spike_tensors_counts_coincidences():
    a, b = spikes(3, 5), spikes(5, 4, seed=1)
    both = sum(bool(x) and bool(y) for x, y in brute_force(a, b))
    assert matmul_events(a, b, True, True) == both == float((a @ b).sum())
    many = 3 * a  # an attention count, added where the other side spikes
    assert matmul_events(many, b, True, True) == both


def test_matmul_of_batches():
    a, b = spikes(2, 3, 5), torch.randn(2, 5, 4)
    assert matmul_macs(a, b) == 120
    assert matmul_events(a, b, True, False) == 4 * a.sum()


def test_matmul_of_a_sparse_matrix_counts_its_entries():
    a = torch.eye(4).to_sparse()
    assert matmul_macs(a, torch.randn(4, 7)) == 28


CONVOLUTIONS = [
    {"stride": 1, "padding": 0},
    {"stride": 2, "padding": 1},
    {"stride": 1, "padding": 4, "dilation": 2},
    {"stride": 3, "padding": 2, "groups": 2},
]


def counted(x, weight, transposed=False, stride=1, padding=0, dilation=1, groups=1):
    function = F.conv_transpose2d if transposed else F.conv2d
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with FlopCounterMode(display=False) as flops:
        out = function(x, weight, **options)
    assert convolution_macs(x, weight, out, transposed) == flops.get_total_flops() / 2
    events = convolution_events(x, weight, out, [stride], [padding], [dilation], transposed, groups)
    # with all weights 1, every addition of a spike adds its value to the sum of the output
    return events, float(function(x, torch.ones_like(weight), **options).sum())


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_convolution(options):
    x = spikes(2, 4, 9, 7, most=2)
    weight = torch.randn(6, 4 // options.get("groups", 1), 3, 2)
    events, expected = counted(x, weight, **options)
    assert events == expected


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_transposed_convolution(options):
    x = spikes(2, 4, 9, 7)
    weight = torch.randn(4, 6 // options.get("groups", 1), 3, 2)
    events, expected = counted(x, weight, transposed=True, **options)
    assert events == expected
