import pytest
import torch

from benchmarks.cost_curves import kept, line


def test_a_line_through_points_of_a_line():
    start, slope, fit, _ = line([1, 2, 4], [5.0, 7.0, 11.0])
    assert (start, slope, fit) == pytest.approx((3, 2, 1))
    assert line([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0])[3] == pytest.approx(2)
    assert line([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0])[2] < 0.98


def test_what_a_backward_pass_keeps():
    weight = torch.nn.Parameter(torch.rand(8, 8))
    x = torch.rand(100, 8)
    assert kept(lambda: (x @ weight).sum().backward()) == 100 * 8 * 4
    assert kept(lambda: (x @ weight).exp().sum().backward()) == 2 * 100 * 8 * 4
