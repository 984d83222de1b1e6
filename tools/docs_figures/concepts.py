"""Figures of the pages on concepts. What looks like a measurement is one: it is computed here."""

import torch
from matplotlib.figure import Figure
from style import BLUE, GREEN, INK, MUTED, PALE, SPIKE, arrow, box, canvas, label

from sgnkit.nn import LIF
from sgnkit.nn.neuron import SURROGATES
from sgnkit.viz.style import CYCLE, new_figure, tidy

# A small figure with one arm that goes up: joints, and bones as pairs of them.
BODY = [(0, 0.2), (0, 1.2), (0, 1.8), (-0.7, 0.6), (-0.45, -0.9), (0.45, -0.9)]
BONES = [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5), (1, 6)]


def body(ax, x, y, size, lift=0.0, spikes=()):
    """Draws a person with hand at a height; joints in `spikes` are lit."""
    points = [*BODY, (0.7, 0.5 + lift)]
    places = [(x + size * px, y + size * py) for px, py in points]
    for a, b in BONES:
        ax.plot(*zip(places[a], places[b], strict=True), color=INK, linewidth=1.3, zorder=1)
    for i, place in enumerate(places):
        color = SPIKE if i in spikes else "#9aa5ad"
        ax.plot(*place, "o", color=color, markersize=5 if i in spikes else 3.5, zorder=2)


def trace(current):
    """Membranes before the reset, and spikes, of one LIF neuron."""
    neuron, state, rows = LIF(), None, []
    for x in current:
        before = 0.0 if state is None else float(state.v)
        z, state = neuron.step(torch.tensor([x]), state)
        rows.append((before + (x - before) / 2, bool(z)))
    return rows


def two_axes() -> Figure:
    """Frames to the right, spiking steps downwards."""
    fig, ax = canvas(72, 40)
    currents = ([1.5] * 4, [0.9] * 4, [2.6] * 4, [1.2] * 4)
    arrow(ax, (16, 38), (70, 38), color=BLUE)
    label(
        ax, 16, 39.3, "frames $T$: the body moves; STC works along this axis", ha="left", color=BLUE
    )
    arrow(ax, (5.5, 24), (5.5, 2.5), color=GREEN)
    label(ax, 3.6, 13.2, "steps $S$: only the\nneuron works along here", rotation=90, color=GREEN)
    for t, current in enumerate(currents):
        x = 16 + 14 * t
        rows = trace(current)
        body(ax, x + 5, 30.5, 2.7, lift=0.45 * t, spikes=(6,) if any(z for _, z in rows) else ())
        label(ax, x + 5, 26.2, f"frame {t + 1}", size=8, color=MUTED)
        for s, (h, z) in enumerate(rows):
            y = 20 - 5 * s
            ax.barh(y, 8, 2.6, left=x + 1, color=PALE, zorder=0)
            ax.barh(y, min(h, 1.6) * 5, 2.6, left=x + 1, color=SPIKE if z else "#9aa5ad", zorder=1)
            ax.plot([x + 6, x + 6], [y - 1.6, y + 1.6], color=INK, linewidth=0.8, zorder=2)
            if t == 0:
                label(ax, 14.5, y, f"step {s + 1}", size=8, ha="right", color=MUTED)
        if t:
            label(ax, x + 1, 23, "at rest again", size=7, ha="left", color=MUTED)
    note = (
        "Bars: membrane of one neuron before its reset; orange: it passes the threshold, a spike."
    )
    label(ax, 12, 1.2, note, ha="left", size=8)
    return fig


def components() -> Figure:
    """Clips with one and two persons become the nodes of one batch."""
    fig, ax = canvas(72, 25)
    box(ax, 1, 8, 12, 15, facecolor="none")
    label(ax, 7, 6.3, "clip A: one person", size=8)
    box(ax, 16, 8, 18, 15, facecolor="none")
    label(ax, 25, 6.3, "clip B: two persons", size=8)
    for x, color, lift in ((7, BLUE, 0.8), (20.5, SPIKE, 0.2), (29.5, GREEN, 1.0)):
        body(ax, x, 13.8, 3.4, lift=lift)
        ax.plot(x, 22, "s", color=color, markersize=6)
    arrow(ax, (35.5, 15.5), (41, 15.5), "Batch")
    names = (("A", BLUE), ("B, person 1", SPIKE), ("B, person 2", GREEN))
    for i, (name, color) in enumerate(names):
        y = 18.6 - 5.2 * i
        for t in range(6):
            box(ax, 43 + 2.6 * t, y, 2.2, 4.4, facecolor=color, alpha=0.35, edgecolor=color)
        label(ax, 59.5, y + 2.2, f"nodes of {name}", ha="left", size=8)
    label(ax, 50.5, 5.9, "frames", size=8, color=MUTED)
    label(
        ax,
        36,
        2.2,
        "No edge joins two persons, and a person who is absent has no nodes: no rows of zeros.",
    )
    return fig


def layer() -> Figure:
    """What one spiking layer does at one node."""
    fig, ax = canvas(72, 22)
    target, sources = (24, 11), ((6, 18, 1), (6, 11, 0), (6, 4, 1))
    for x, y, spike in sources:
        color = SPIKE if spike else MUTED
        arrow(ax, (x + 1.3, y), (target[0] - 2.5, 11 + (y - 11) / 5), color=color, linewidth=1.4)
        ax.plot(x, y, "o", color=SPIKE if spike else "#9aa5ad", markersize=13)
        label(ax, x, y, str(spike), color="white", size=9)
    for y, text in ((17.4, "$\\mathbf{W}x_1$"), (12.2, "0"), (4.5, "$\\mathbf{W}x_3$")):
        label(ax, 14.5, y, text, size=8)
    label(ax, 6, 0.9, "spikes of neighbours", size=8, color=MUTED)
    steps = (
        ("sum", 21.5, 6),
        ("batch norm", 31.5, 9),
        ("membrane", 44.5, 10),
        ("> threshold?", 58.5, 10),
    )
    for text, x, w in steps:
        box(ax, x, 8.5, w, 5, text)
    for a, b in ((27.5, 31.5), (40.5, 44.5), (54.5, 58.5), (68.5, 71.3)):
        arrow(ax, (a, 11), (b, 11), color=SPIKE if b > 70 else INK)
    label(ax, 69.9, 13.2, "0, 1", size=8, color=SPIKE)
    arrow(ax, (52, 13.6), (47, 13.6), connectionstyle="arc3,rad=1.1", color=GREEN)
    label(ax, 49.5, 18.2, "from step to step:\nthe only memory", size=8, color=GREEN)
    arrow(ax, (63.5, 8.4), (50.5, 8.4), connectionstyle="arc3,rad=-0.35", color=SPIKE)
    label(ax, 57, 4.6, "a spike sets it back", size=8, color=SPIKE)
    label(ax, 31, 4.6, "current", size=8, color=MUTED)
    return fig


def state() -> Figure:
    """One call over all steps, and one call for each."""
    fig, ax = canvas(72, 26)
    label(ax, 1, 24, "layer(x): the whole sequence", ha="left", weight="bold")
    label(ax, 1, 20, "rest", ha="left", size=8, color=GREEN)
    arrow(ax, (4, 20), (8, 20), color=GREEN)
    box(ax, 8, 17.5, 38, 5, "")
    for s in range(4):
        label(ax, 12.5 + 9.5 * s, 20, f"step {s + 1}", size=8)
        if s:
            arrow(ax, (5.8 + 9.5 * s, 20), (8.6 + 9.5 * s, 20), color=GREEN)
    label(ax, 48, 20, "the next call starts at rest", ha="left", size=8)
    label(
        ax,
        1,
        13,
        "step(layer, x_s, state=state): the caller owns the state",
        ha="left",
        weight="bold",
    )
    label(ax, 1, 8, "None", ha="left", size=8, color=GREEN)
    for s in range(4):
        x = 8 + 16.2 * s
        box(ax, x, 5.5, 8, 5, f"step {s + 1}", size=8)
        arrow(ax, (x - 3.6 if s == 0 else x - 8.2, 8), (x, 8), color=GREEN)
        if s:
            label(ax, x - 4.1, 9.2, "state", size=8, color=GREEN)
        arrow(ax, (x + 4, 5.4), (x + 4, 2.6), color=SPIKE)
        label(ax, x + 4, 1.4, "spikes", size=8, color=SPIKE)
    return fig


def paths() -> Figure:
    """The same sum over edges, and as a product with a matrix."""
    fig, ax = canvas(72, 27)
    label(ax, 17, 25.4, "sparse path: messages over edges", weight="bold")
    places = [(6, 20), (12, 15), (20, 15), (28, 20), (16, 7)]
    edges = [(0, 1), (1, 2), (2, 3), (1, 4)]
    for a, b in edges:
        for first, second in ((a, b), (b, a)):
            arrow(
                ax,
                places[first],
                places[second],
                connectionstyle="arc3,rad=0.14",
                color=BLUE,
                shrinkA=8,
                shrinkB=8,
            )
    for i, place in enumerate(places):
        ax.plot(*place, "o", color=INK, markersize=12)
        label(ax, *place, str(i), color="white", size=8)
    label(ax, 17, 2.6, "any graph, any mix of layouts; 8 messages", size=8)
    label(ax, 53, 25.4, "dense path: one matrix product", weight="bold")
    cells = set(edges) | {(b, a) for a, b in edges}
    for row in range(5):
        for column in range(5):
            inside = (row, column) in cells
            box(
                ax,
                40 + 3 * column,
                19 - 3 * row,
                2.6,
                2.6,
                facecolor=BLUE if inside else PALE,
                edgecolor="none",
            )
    label(ax, 57, 13, "×", size=14)
    for row in range(5):
        box(ax, 59.5, 19 - 3 * row, 8, 2.6, facecolor=SPIKE, alpha=0.35, edgecolor="none")
    label(ax, 47.3, 4.9, "$\\mathbf{A}$: V × V", size=8)
    label(ax, 63.5, 4.9, "spikes: V × C", size=8)
    label(ax, 53, 2.6, "all bodies of one layout; 25 products", size=8)
    label(ax, 36, 13, "=", size=16, color=MUTED)
    return fig


def lif() -> Figure:
    """Membrane of a neuron under three currents, computed by the neuron of the library."""
    fig, axes = new_figure(7.2, 2.2, columns=3)
    for ax, current in zip(axes, (0.9, 1.5, 2.6), strict=True):
        rows = trace([current] * 8)
        steps = range(1, 9)
        ax.axhline(1.0, color=MUTED, linewidth=0.9, linestyle="--")
        ax.plot(steps, [h for h, _ in rows], "-", color=BLUE, linewidth=1.2)
        for s, (h, z) in zip(steps, rows, strict=True):
            ax.plot(s, h, "o", color=SPIKE if z else BLUE, markersize=6 if z else 4)
        ax.set(ylim=(0, 1.6), xlabel="step", xticks=[1, 4, 8])
        tidy(ax, f"current {current}: {sum(z for _, z in rows)} spikes")
    axes[0].set_ylabel("membrane $h$")
    return fig


def surrogates() -> Figure:
    """What stands in for the derivative of a spike, by the functions of the library."""
    fig, (ax,) = new_figure(7.2, 2.8)
    u = torch.linspace(-2, 2, 401)
    marks = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), "-", "--")
    for (name, f), color, mark in zip(sorted(SURROGATES.items()), CYCLE, marks, strict=False):
        ax.plot(u, f(u.clone()), color=color, linestyle=mark, label=name, linewidth=1.6)
    ax.set(xlabel="$u = h - v_{th}$: how far the membrane is above the threshold")
    ax.legend(frameon=False, fontsize=8, labelcolor=INK)
    tidy(ax, "surrogate gradients")
    return fig


FIGURES = {
    "two_axes": two_axes,
    "components": components,
    "layer": layer,
    "state": state,
    "paths": paths,
    "lif": lif,
    "surrogates": surrogates,
}
