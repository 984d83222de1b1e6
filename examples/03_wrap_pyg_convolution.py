"""Turns convolutions of PyTorch Geometric into spiking layers and compares them.

python examples/03_wrap_pyg_convolution.py
python examples/03_wrap_pyg_convolution.py --conv GATv2Conv --epochs 8
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric import nn as pyg
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit.datasets import SyntheticActions
from sgnkit.energy import profile
from sgnkit.nn import LIF, STC, Readout, SkeletonGraph, SpikingBlock, SpikingConv, SpikingEncoder
from sgnkit.transforms import Compose, ToModalities, UniformSample
from sgnkit.viz import plot_curves

CHANNELS = 32
# Any convolution that takes (x, edge_index) may be added here.
CONVOLUTIONS = {
    "GATv2Conv": lambda: pyg.GATv2Conv(CHANNELS, CHANNELS // 4, heads=4),
    "GCNConv": lambda: pyg.GCNConv(CHANNELS, CHANNELS),
    "GINConv": lambda: pyg.GINConv(nn.Linear(CHANNELS, CHANNELS)),
    "SAGEConv": lambda: pyg.SAGEConv(CHANNELS, CHANNELS),
}


class Network(nn.Module):
    """Encoder, one block around a PyG convolution, read-out."""

    def __init__(self, conv: nn.Module, num_classes: int) -> None:
        super().__init__()
        neuron = LIF(v_th=0.5)
        self.encoder = SpikingEncoder(3, CHANNELS, num_steps=2, neuron=neuron)
        self.block = SpikingBlock(
            SpikingConv(conv, neuron=LIF(v_th=0.5)),
            STC(CHANNELS, CHANNELS, stride=2, neuron=neuron),
            neuron=neuron,
        )
        self.readout = Readout(CHANNELS, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        graph = SkeletonGraph.from_data(batch)
        x = self.encoder(batch.x.transpose(0, 1), graph)  # [T, N, C] to spikes [S, T, N, C]
        return self.readout(self.block(x, graph), graph)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--conv", nargs="+", default=list(CONVOLUTIONS), choices=CONVOLUTIONS)
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=200, help="clips of all splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/03_wrap_pyg"))
    options = parser.parse_args(argv)

    # The encoder gets joint motion: the transform replaces coordinates by it.
    prepare = Compose([UniformSample(16), ToModalities("joint_motion")])
    train, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=prepare)
        for split in ("train", "test")
    )
    held_out = Batch.from_data_list([test[i] for i in range(len(test))])
    curves: dict[str, list[float]] = {"epoch": list(range(1, options.epochs + 1))}
    rows = []
    for name in options.conv:
        torch.manual_seed(options.seed)
        net = Network(CONVOLUTIONS[name](), num_classes=4)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        curves[f"train/{name} loss"] = losses = []
        for _ in (bar := tqdm(range(options.epochs), desc=f"{name:10}")):
            net.train()
            total = 0.0
            for batch in DataLoader(train, batch_size=16, shuffle=True):
                loss = cross_entropy(net(batch), batch.y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * batch.num_graphs
            losses.append(total / len(train))
            bar.set_postfix(loss=f"{losses[-1]:.3f}")
        net.eval()
        with torch.no_grad():
            accuracy = (net(held_out).argmax(1) == held_out.y).float().mean().item()
        report = profile(net, held_out)
        count = sum(p.numel() for p in net.parameters())
        rows.append((name, accuracy, count, report.firing_rate, report.totals["strict"]))

    print("\nconvolution  test accuracy  parameters  firing rate  energy (strict estimate)")
    for name, accuracy, count, rate, energy in rows:
        print(f"{name:11}  {accuracy:13.1%}  {count:10,}  {rate:11.1%}  {energy * 1e3:.2f} uJ")
    options.output.mkdir(parents=True, exist_ok=True)
    plot_curves(curves).savefig(options.output / "curves.png")
    print(f"picture: {options.output / 'curves.png'}")


if __name__ == "__main__":
    main()
