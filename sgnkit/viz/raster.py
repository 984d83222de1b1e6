"""Spike trains as a raster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgnkit.viz.style import new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_raster"]


def plot_raster(spikes: Any, max_neurons: int = 200) -> Figure:
    r"""Draws a dark cell for each spike: time to the right, neurons upwards.

    Args:
        spikes: Spike trains; what is not zero is a spike. The trailing dimensions, such as
            nodes and channels, count as neurons.
        max_neurons: Draw at most this many neurons, evenly spread.

    Shapes:
        - **spikes**: $(S, *)$, time first

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: There is no time or no neuron.

    Examples:
        >>> import torch
        >>> plot_raster(torch.eye(4)).axes[0].get_title(loc="left")
        '4 neurons, firing rate 0.250'
    """
    if hasattr(spikes, "detach"):
        spikes = spikes.detach().cpu().float().numpy()
    array = np.asarray(spikes)
    if array.ndim < 1 or array.size == 0:
        raise ValueError(f"plot_raster: expected spikes [S, ...], got shape {array.shape}")
    trains = array.reshape(len(array), -1) != 0
    count = trains.shape[1]
    if count > max_neurons:
        trains = trains[:, np.linspace(0, count - 1, max_neurons).astype(int)]
    figure, (ax,) = new_figure(6.4, 3.2)
    # A cell rather than a dot: a few steps fill the picture as well as a thousand.
    ax.imshow(trains.T, cmap="Greys", vmin=0, vmax=1.1, aspect="auto", interpolation="nearest")
    ax.set_xlim(-0.5, len(trains) - 0.5)
    ax.set_ylim(-0.5, trains.shape[1] - 0.5)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("step")
    ax.set_ylabel("neuron")
    shown = f"{trains.shape[1]} of {count}" if count > max_neurons else f"{count}"
    tidy(ax, f"{shown} neurons, firing rate {(array != 0).mean():.3f}")
    return figure
