import pytest
import torch
from matplotlib.colors import to_hex
from torch_geometric.data import Data

from sgnkit.viz import plot_skeleton


def clip():
    data = Data(x=torch.rand(4, 9, 3), parent_index=torch.tensor([0, 0, 1, 2]))
    data.mask = torch.ones(4, 9, dtype=torch.bool)
    return data


def test_joints_are_coloured_by_their_spikes():
    spikes = torch.zeros(9, 4)
    spikes[8, 2] = 3.0
    figure = plot_skeleton(clip(), spikes, frames=3, title="wave")
    assert [ax.get_xlabel() for ax in figure.axes] == ["frame 1", "frame 5", "frame 9"]
    colors = [[to_hex(c) for c in ax.collections[0].get_facecolors()] for ax in figure.axes]
    assert colors[2][2] == "#d55e00"
    assert {*colors[0], *colors[1], colors[2][0]} == {"#b9c2c9"}
    sizes = figure.axes[2].collections[0].get_sizes()
    assert sizes[2] > sizes[0]
    assert figure.get_suptitle() == "wave, grey to orange: 0 to 3 spikes"
    assert len(figure.axes[0].lines) == 3


def test_unobserved_joints_and_few_frames():
    data = clip()
    data.mask[2] = False
    figure = plot_skeleton(data, frames=99)
    assert len(figure.axes) == 9 and len(figure.axes[0].lines) == 1


def test_errors():
    with pytest.raises(ValueError, match="plot_skeleton: expected spikes"):
        plot_skeleton(clip(), torch.zeros(9, 5))
    with pytest.raises(ValueError, match="plot_skeleton: up must be"):
        plot_skeleton(clip(), up="w")
