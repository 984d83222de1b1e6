import pytest
import torch

import sgnkit
from sgnkit.nn import LIF
from sgnkit.viz import plot_joint_activity, plot_membrane, plot_rates


def test_plot_rates():
    net = torch.nn.Sequential(LIF(tau=1.0, v_th=0.5), LIF(tau=1.0, v_th=0.5))
    x = torch.zeros(4, 5, 4)
    x[..., 1] = 1.0
    with sgnkit.record(net) as r:
        net(x)
    figure = plot_rates(r, bins=10)
    assert len(figure.axes) == 2
    title = figure.axes[0].get_title(loc="left")
    assert title == "0  rate 0.250, dead 75 %, saturated 25 %"
    (bars,) = figure.axes[0].patches
    assert bars.get_data().values.tolist() == [3, *[0] * 8, 1]
    with sgnkit.record(net, "membrane") as r:
        net(x)
    with pytest.raises(ValueError, match="no spikes were recorded"):
        plot_rates(r)


def test_plot_joint_activity():
    rates = torch.rand(25, 8)
    figure = plot_joint_activity(rates, sgnkit.get_layout("ntu25").joints)
    assert figure.axes[0].images[0].get_array().shape == (25, 8)
    with pytest.raises(ValueError, match="expected 25 names of joints, got 1"):
        plot_joint_activity(rates, ["a"])
    with pytest.raises(ValueError, match="expected rates"):
        plot_joint_activity(rates[0])


def test_plot_membrane():
    figure = plot_membrane(torch.rand(4, 2, 25, 8), v_th=2.0)
    assert figure.axes[0].get_title(loc="left") == "5 of 400 neurons, 0 spikes"
    with pytest.raises(ValueError, match="expected membranes"):
        plot_membrane(torch.rand(0, 2), v_th=1.0)
