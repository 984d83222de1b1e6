import pytest
import torch
from torch import nn

from sgnkit.energy import profile
from sgnkit.viz import plot_energy


def test_plot_energy():
    report = profile(nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2)), torch.rand(5, 3))
    axes = plot_energy(report).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0 matmul", "1 matmul"]
    assert axes.patches[0].get_width() == pytest.approx(4.6 * 120 / 1e3)
    axes = plot_energy({"teacher": report, "student": report}).axes[0]
    assert axes.patches[0].get_width() == pytest.approx(report.totals["paper"])
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_energy({})
