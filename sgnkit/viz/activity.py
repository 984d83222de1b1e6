"""How the neurons of a network fire: rates, joints and frames, membranes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgnkit.viz.style import ACCENT, CYCLE, INK, MUTED, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sgnkit.recording import Recording

__all__ = ["plot_joint_activity", "plot_membrane", "plot_rates"]


def plot_rates(recording: Recording, bins: int = 20, saturated: float = 0.95) -> Figure:
    """Draws a histogram of the firing rates of each layer, and names dead and saturated neurons.

    Args:
        recording: What [`record`][sgnkit.recording.record] saw, with `"spikes"`.
        bins: Bins between 0 and 1.
        saturated: Firing rate from which a neuron counts as saturated.

    Returns:
        A matplotlib figure, one row for each layer.

    Raises:
        ValueError: No spikes were recorded.

    Examples:
        >>> import torch, sgnkit
        >>> from sgnkit.nn import LIF
        >>> with sgnkit.record(neuron := LIF(tau=1.0)) as r:
        ...     _ = neuron(torch.tensor([[[2.0, 0.0]], [[0.5, 0.0]]]))
        >>> plot_rates(r).axes[0].get_title(loc="left")
        '(model)  rate 0.250, dead 50 %, saturated 0 %'
    """
    layers = recording.activity(saturated)
    if not layers:
        raise ValueError("plot_rates: no spikes were recorded; pass 'spikes' to record")
    figure, axes = new_figure(6.4, 0.5 + 0.95 * len(layers), len(layers))
    for ax, (name, layer) in zip(axes, layers.items(), strict=True):
        counts, edges = recording.rate_histogram(name, bins)
        ax.stairs(counts.numpy(), edges.numpy(), fill=True, color=CYCLE[0])
        ax.set_xlim(0, 1)
        ax.set_yticks([])
        title = f"{name or '(model)'}  rate {layer.rate:.3f}, dead {layer.dead:.0%}, "
        title = (title + f"saturated {layer.saturated:.0%}").replace("%", " %")
        tidy(ax, title, grid=False)
        if ax is not axes[-1]:
            ax.set_xticklabels([])
    axes[-1].set_xlabel("firing rate of a neuron")
    return figure


def plot_joint_activity(rates: Any, joints: Any = None) -> Figure:
    r"""Draws how much a layer fires at each joint and in each frame.

    Args:
        rates: As `Recording.joint_activity` returns them.
        joints: Names of the joints, such as `layout.joints`. Numbers by default.

    Shapes:
        - **rates**: $(V, T)$

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: The shape or the number of names is wrong.

    Examples:
        >>> plot_joint_activity([[0.0, 0.5], [0.25, 0.25]], ["head", "hip"]).axes[0].get_xlabel()
        'frame'
    """
    array = _array(rates)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"plot_joint_activity: expected rates [V, T], got shape {array.shape}")
    if joints is not None and len(joints) != len(array):
        raise ValueError(
            f"plot_joint_activity: expected {len(array)} names of joints, got {len(joints)}"
        )
    figure, (ax,) = new_figure(6.4, 1.2 + 0.16 * len(array))
    image = ax.imshow(array, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
    ax.set_yticks(range(len(array)), list(joints) if joints is not None else None)
    ax.set_xlabel("frame")
    tidy(ax, f"firing rate by joint and frame, mean {array.mean():.3f}", grid=False)
    ax.tick_params(axis="y", labelsize=6)
    bar = figure.colorbar(image, ax=ax, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    return figure


def plot_membrane(membrane: Any, v_th: float, max_neurons: int = 5) -> Figure:
    r"""Draws membranes before the reset over the spiking steps; what lies above the line fires.

    Args:
        membrane: Membranes; trailing dimensions count as neurons.
        v_th: The threshold of the layer.
        max_neurons: Draw the neurons that reach highest, at most so many.

    Shapes:
        - **membrane**: $(S, *)$

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: There is no step or no neuron.

    Examples:
        >>> plot_membrane([[0.2, 0.4], [0.3, 1.2]], v_th=1.0).axes[0].get_title(loc="left")
        '2 of 2 neurons, 1 spike'
    """
    array = _array(membrane)
    if array.ndim < 1 or array.size == 0:
        raise ValueError(f"plot_membrane: expected membranes [S, ...], got shape {array.shape}")
    trains = array.reshape(len(array), -1)
    highest = np.argsort(-trains.max(axis=0), kind="stable")[:max_neurons]
    figure, (ax,) = new_figure(6.4, 3.0)
    steps = np.arange(1, len(trains) + 1)
    for i, neuron in enumerate(highest):
        values = trains[:, neuron]
        ax.plot(steps, values, color=CYCLE[i % len(CYCLE)], linewidth=1, marker=".", markersize=4)
        fires = values > v_th
        ax.plot(steps[fires], values[fires], "|", color=ACCENT, markersize=12, mew=1.5)
    ax.axhline(v_th, color=MUTED, linewidth=0.8, linestyle="--")
    ax.text(steps[-1], v_th, " threshold", fontsize=8, color=INK, va="bottom", ha="right")
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("step")
    ax.set_ylabel("membrane")
    count = int((trains[:, highest] > v_th).sum())
    text = f"{len(highest)} of {trains.shape[1]} neurons, {count} spike"
    tidy(ax, text if count == 1 else text + "s")
    return figure


def _array(values: Any) -> np.ndarray[Any, Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=float)
