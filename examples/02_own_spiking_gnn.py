"""Builds a spiking graph network from components, with a spiking layer of one's own.

python examples/02_own_spiking_gnn.py
python examples/02_own_spiking_gnn.py --threshold 1.0     # fewer spikes, slower to learn
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import nn as spiking
from sgnkit.data import to_modalities
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import firing_rates
from sgnkit.transforms import UniformSample
from sgnkit.viz import plot_curves, plot_raster


class DifferenceConv(spiking.SpikingMessagePassing):
    """Sends how a neighbour differs: a layer is its message, the base class does the rest."""

    def __init__(self, in_channels: int, out_channels: int, neuron: nn.Module) -> None:
        super().__init__(aggr="mean", norm=spiking.BatchNorm(out_channels), neuron=neuron)
        self.lin = nn.Linear(2 * in_channels, out_channels, bias=False)

    def message(self, x_i: Tensor, x_j: Tensor) -> Tensor:
        return self.lin(torch.cat([x_i, x_j - x_i], dim=-1))


class MyNetwork(nn.Module):
    """Encoder of joint motion, two blocks, read-out."""

    def __init__(self, num_classes: int, channels: int, num_steps: int, v_th: float) -> None:
        super().__init__()
        neuron = spiking.LIF(v_th=v_th)  # a prototype: the layers of sgnkit copy it
        self.encoder = spiking.SpikingEncoder(3, channels, num_steps, neuron=neuron)
        self.blocks = nn.ModuleList(
            spiking.SpikingBlock(
                DifferenceConv(channels, channels, neuron=spiking.LIF(v_th=v_th)),
                spiking.STC(channels, channels, kernel_size=5, stride=2, neuron=neuron),
                neuron=neuron,
            )
            for _ in range(2)
        )
        self.readout = spiking.Readout(channels, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        graph = spiking.SkeletonGraph.from_data(batch)
        (motion,) = to_modalities(batch.x, graph.parent_index, "joint_motion")  # [N, T, C]
        x = self.encoder(motion.transpose(0, 1), graph)  # spikes [S, T, N, C]
        for block in self.blocks:
            x = block(x, graph)
        return self.readout(x, graph)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=6, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=200, help="clips of all splits together")
    parser.add_argument("--threshold", type=float, default=0.5, help="v_th of the neurons")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/02_own_spiking_gnn"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)

    train, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=UniformSample(16))
        for split in ("train", "test")
    )
    net = MyNetwork(num_classes=4, channels=32, num_steps=2, v_th=options.threshold)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    curves: dict[str, list[float]] = {"epoch": [], "train/loss": [], "test/accuracy": []}
    for epoch in (bar := tqdm(range(options.epochs), desc="epochs")):
        net.train()
        losses = []
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            loss = cross_entropy(net(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        batch = Batch.from_data_list([test[i] for i in range(len(test))])
        with torch.no_grad():
            accuracy = (net(batch).argmax(1) == batch.y).float().mean().item()
        curves["epoch"].append(epoch + 1)
        curves["train/loss"].append(sum(losses) / len(losses))
        curves["test/accuracy"].append(accuracy)
        bar.set_postfix(loss=f"{curves['train/loss'][-1]:.3f}", accuracy=f"{accuracy:.1%}")
    for name, rate in firing_rates(net, batch).items():
        print(f"{name:28} fires at {rate:6.1%}")

    options.output.mkdir(parents=True, exist_ok=True)
    plot_curves(curves).savefig(options.output / "curves.png")
    graph = spiking.SkeletonGraph.from_data(batch)
    with torch.no_grad():
        (motion,) = to_modalities(batch.x, graph.parent_index, "joint_motion")
        spikes = net.encoder(motion.transpose(0, 1), graph)
    # The first joint's channels over the frames; within each frame the S steps in a row.
    raster = plot_raster(spikes[:, :, 0].transpose(0, 1).flatten(0, 1))
    raster.savefig(options.output / "raster.png")
    print(f"test accuracy {accuracy:.1%}; pictures: {options.output}/curves.png and raster.png")


if __name__ == "__main__":
    main()
