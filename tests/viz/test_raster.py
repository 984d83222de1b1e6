import pytest
import torch

from sgnkit.viz import plot_raster


def test_plot_raster():
    spikes = torch.zeros(4, 2, 3)
    spikes[1, 0, 2] = spikes[3, 1, 1] = 1.0
    ax = plot_raster(spikes).axes[0]
    assert ax.get_title(loc="left") == "6 neurons, firing rate 0.083"
    cells = ax.images[0].get_array()
    assert cells.shape == (6, 4)
    assert [axis.tolist() for axis in cells.nonzero()] == [[2, 4], [1, 3]]


def test_plot_raster_of_many_neurons():
    ax = plot_raster(torch.ones(2, 1000), max_neurons=10).axes[0]
    assert ax.get_title(loc="left") == "10 of 1000 neurons, firing rate 1.000"


def test_plot_raster_errors():
    with pytest.raises(ValueError, match=r"spikes \[S, ...\], got shape \(0, 3\)"):
        plot_raster(torch.zeros(0, 3))
