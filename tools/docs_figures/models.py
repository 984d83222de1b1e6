"""Architecture of each model: input, blocks with their widths, read-out; one block from inside."""

from functools import partial

from matplotlib.figure import Figure
from style import BLUE, GREEN, INK, MUTED, SPIKE, arrow, box, canvas, label

import sgnkit

ALL = ("joint", "bone", "joint motion", "bone motion")


def blocks(ax, x: float, y: float, name: str) -> float:
    """Draws the blocks of a preset, wider ones taller; returns the x at which they end."""
    options = sgnkit.create_model(name, layout="ntu25", num_classes=60).options
    widths, strides = options["hidden_channels"], options["strides"]
    start, step = x, (60.5 - x) / len(widths)
    for width, stride in zip(widths, strides, strict=True):
        height = 3.0 + 2.4 * widths.index(width) / len(widths) * 2
        style = {"edgecolor": SPIKE, "linewidth": 1.6} if stride > 1 else {}
        box(
            ax,
            x,
            y - height / 2,
            step - 0.9,
            height,
            str(width),
            size=8 if len(widths) < 8 else 7,
            **style,
        )
        if x > start:
            arrow(ax, (x - 0.9, y), (x, y), mutation_scale=5)
        x += step
    return x - 0.9


def network(name: str, modalities: tuple, door: str, join: str, inside: dict) -> Figure:
    """Draws a network above, and below it one of its blocks."""
    fig, ax = canvas(72, 34)
    middle = 24.0
    gap = 4.3
    top = middle + gap * (len(modalities) - 1) / 2
    for i, modality in enumerate(modalities):
        y = top - gap * i
        label(ax, 0.4, y, modality, ha="left", size=8)
        arrow(ax, (9.3, y), (11, y))
        box(ax, 11, y - 1.6, 8.5, 3.2, door, size=8)
        if join:
            arrow(ax, (19.5, y), (24, middle + (y - middle) / 4))
    if join:
        box(ax, 24, middle - 3, 6, 6, join, size=8)
    arrow(ax, (30 if join else 19.5, middle), (32.2 if join else 24, middle))
    end = blocks(ax, 32.2 if join else 24, middle, name)
    arrow(ax, (end, middle), (end + 1.6, middle))
    box(ax, end + 1.6, middle - 1.9, 6.6, 3.8, "Readout", size=8)
    label(
        ax, 46, middle + 7.2, "blocks with their widths; orange: every second frame is kept", size=8
    )
    label(ax, end + 4.9, middle - 3.4, "logits", size=8, color=MUTED)
    block(ax, **inside)
    return fig


def block(ax, title: str, parts: tuple, add: str, out: str) -> None:
    """Draws one block: its parts in a row, and the shortcut around them."""
    ax.plot([0.4, 71.6], [13.8, 13.8], color=MUTED, linewidth=0.6)
    label(ax, 0.4, 12.2, title, ha="left", weight="bold", size=8)
    y, x = 7.0, 7.0
    width = 54.0 / len(parts)
    label(ax, 3, y, "in", size=8)
    arrow(ax, (4.2, y), (x, y))
    for text, color in parts:
        box(ax, x, y - 2.2, width - 2, 4.4, text, size=8, edgecolor=color, linewidth=1.4)
        arrow(ax, (x + width - 2, y), (x + width, y))
        x += width
    label(ax, x + 1.2, y, "+", size=13)
    ax.plot([5.2, 5.2, x + 1.2], [y, 3.0, 3.0], color=GREEN, linewidth=1.2, zorder=0)
    arrow(ax, (x + 1.2, 2.95), (x + 1.2, y - 1.0), color=GREEN)
    label(ax, 33, 1.2, add, size=8, color=GREEN)
    arrow(ax, (x + 2.4, y), (x + 5, y))
    label(ax, x + 5.4, y, out, ha="left", size=8)


SHORTCUT = "shortcut: identity, or 1×1, batch norm and neuron where shapes change"
REAL = "shortcut: identity, or 1×1 and batch norm where shapes change; none around the first block"
REAL_STEM = "shortcut: identity, or 1×1 and batch norm where shapes change"


def sgn_block(*spatial: str) -> dict:
    """Says what a block of a spiking network holds."""
    parts = tuple((text, BLUE) for text in spatial)
    return {
        "title": "one block, on spikes",
        "parts": (*parts, ("STC: 9×1 convolution\nover frames, BN, neuron", INK)),
        "add": SHORTCUT,
        "out": "spikes",
    }


def gcn_block(spatial: str, temporal: str, add: str = REAL) -> dict:
    """Says what a block of a real-valued network holds."""
    return {
        "title": "one block, on real numbers",
        "parts": ((spatial, BLUE), (temporal, INK)),
        "add": add,
        "out": "ReLU",
    }


SGC = "SGC: 3 graphs, BN,\nneuron, shortcut"
TCN = "TCN: 9×1 convolution\nover frames, batch norm"
ADAPTIVE = "AGC: graph of the layout + a learnt one\n+ one from the clip, BN, ReLU"

FIGURES = {
    "base_sgn": partial(network, "base_sgn", ("joint",), "SSC", "", sgn_block(SGC)),
    "mk_sgn": partial(
        network,
        "mk_sgn",
        ALL,
        "SSC",
        "SMF",
        sgn_block(SGC, "attention over the\njoints of a person"),
    ),
    "multimodal_gcn": partial(
        network, "multimodal_gcn", ALL, "norm, stem", "sum", gcn_block(ADAPTIVE, TCN, REAL_STEM)
    ),
    "stgcn": partial(
        network,
        "stgcn",
        ("joint",),
        "norm",
        "",
        gcn_block("partitioned graph × learnt\nimportance, BN, ReLU", TCN + ",\ndropout"),
    ),
    "agcn": partial(network, "agcn", ("joint",), "norm", "", gcn_block(ADAPTIVE, TCN)),
    "ctrgcn": partial(
        network,
        "ctrgcn",
        ("joint",),
        "norm",
        "",
        gcn_block(
            "a graph for each channel,\nrefined by the clip, BN, ReLU",
            "four branches: 5×1, 5×1 dilated,\nmax-pool, 1×1",
        ),
    ),
}
