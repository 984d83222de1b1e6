"""Spiking layers on a graph that is no skeleton: which group does a node belong to?

    python examples/15_node_classification.py
    python examples/15_node_classification.py --noise 2.5 --steps 8

The graph is drawn here: nodes of four groups, more edges inside a group than between groups, and
features so noisy that a node alone cannot tell. PyTorch Geometric's own `Data`, splits and
convolutions are used as they are; a few nodes have labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric import nn as pyg
from torch_geometric.data import Data
from torch_geometric.transforms import RandomNodeSplit
from torch_geometric.utils import stochastic_blockmodel_graph
from tqdm import tqdm

from sgnkit.energy import firing_rates, profile
from sgnkit.nn import LIF, SpikingConv
from sgnkit.viz import plot_raster

GROUPS, SIZE, FEATURES = 4, 60, 16


def draw_graph(noise: float) -> Data:
    """Returns a graph with features, labels and masks for training and test."""
    chance = torch.full((GROUPS, GROUPS), 0.01).fill_diagonal_(0.1)
    edge_index = stochastic_blockmodel_graph([SIZE] * GROUPS, chance)
    y = torch.arange(GROUPS).repeat_interleave(SIZE)
    x = torch.randn(GROUPS, FEATURES)[y] + noise * torch.randn(len(y), FEATURES)
    data = Data(x=x, edge_index=edge_index, y=y)
    return RandomNodeSplit("test_rest", num_train_per_class=10, num_val=0)(data)


class SpikingGNN(nn.Module):
    """Two spiking convolutions; class scores are firing rates through a linear layer."""

    def __init__(self, channels: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.first = SpikingConv(pyg.GCNConv(FEATURES, channels), neuron=LIF(v_th=0.5))
        self.second = SpikingConv(pyg.GCNConv(channels, channels), neuron=LIF(v_th=0.5))
        self.head = nn.Linear(channels, GROUPS)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        x = x.expand(self.steps, *x.shape)  # every spiking step sees the features: [S, N, F]
        spikes = self.second(self.first(x, edge_index), edge_index)
        return self.head(spikes.mean(0))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=150, help="steps of the optimiser")
    parser.add_argument("--steps", type=int, default=4, help="spiking steps S")
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--noise", type=float, default=1.5, help="of the features")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/15_node_classification"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    data = draw_graph(options.noise)
    print(f"{data}: {int(data.train_mask.sum())} nodes with labels")

    # A linear layer sees no edges: what it reaches is what the features alone can tell.
    nets = {
        "linear": nn.Linear(FEATURES, GROUPS),
        "spiking GNN": SpikingGNN(options.channels, options.steps),
    }
    for name, net in nets.items():
        inputs = (data.x,) if name == "linear" else (data.x, data.edge_index)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=5e-3)
        for _ in (bar := tqdm(range(options.epochs), desc=f"{name:11}")):
            loss = cross_entropy(net.train()(*inputs)[data.train_mask], data.y[data.train_mask])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            bar.set_postfix(loss=f"{loss.item():.3f}")
        with torch.no_grad():
            right = (net.eval()(*inputs).argmax(1) == data.y).float()
        print(f"{name:11} finds the group of {right[data.test_mask].mean():.1%} of the test nodes")
    print(f"test accuracy {right[data.test_mask].mean():.1%}")

    inputs = (data.x, data.edge_index)
    for layer, rate in firing_rates(net, inputs).items():
        print(f"  {layer:13} fires at {rate:.1%}")
    strict = profile(net, inputs).totals["strict"]
    print(f"energy estimate for the whole graph: {strict * 1e3:.2f} uJ (strict)")

    # The groups of the test nodes as the firing rates see them, and the spikes of one neuron.
    options.output.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        first = net.first(data.x.expand(options.steps, *data.x.shape), data.edge_index)
        spikes = net.second(first, data.edge_index)
    plot_raster(spikes[:, :: SIZE // 4].flatten(1)).savefig(options.output / "raster.png")
    places = torch.pca_lowrank(spikes.mean(0), q=2)[0]
    figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    ax.scatter(*places.t(), c=data.y, cmap="viridis", s=14)
    ax.set_title("firing rates of the nodes, coloured by group", loc="left")
    figure.savefig(options.output / "nodes.png", dpi=120)
    print(f"pictures: {options.output / 'nodes.png'}, {options.output / 'raster.png'}")


if __name__ == "__main__":
    main()
