"""A network of one's own teaches a spiking network of one's own.

    python examples/08_distill_own_pair.py

The teacher is real-valued: graph convolutions and a GRU over the frames. The student spikes and is
smaller. It is trained twice: alone, with the labels of a few clips, and with the teacher, on all
clips and without a single label.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric import nn as pyg
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import nn as spiking
from sgnkit.datasets import SyntheticActions
from sgnkit.distill import DistillationLoss, Distiller, FeatureDistillation, SoftLabelDistillation
from sgnkit.transforms import Compose, ToModalities, UniformSample
from sgnkit.viz import plot_curves


class Teacher(nn.Module):
    """Two graph convolutions at each frame, then a GRU over the frames of each joint."""

    def __init__(self, num_classes: int, channels: int = 32) -> None:
        super().__init__()
        self.first, self.second = pyg.GraphConv(3, channels), pyg.GraphConv(channels, channels)
        self.gru = nn.GRU(channels, channels)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        x = self.first(batch.x.transpose(0, 1), batch.edge_index).relu()  # [T, N, C]
        x, _ = self.gru(self.second(x, batch.edge_index).relu())
        return self.head(pyg.global_mean_pool(x.mean(0), batch.batch))


class Student(nn.Module):
    """An encoder and one spiking block."""

    def __init__(self, num_classes: int, channels: int = 12) -> None:
        super().__init__()
        neuron = spiking.LIF(v_th=0.5)
        self.encoder = spiking.SpikingEncoder(3, channels, num_steps=2, neuron=neuron)
        layer = spiking.SpikingGraphConv(channels, channels, "ntu25", neuron=neuron)
        self.block = spiking.SpikingBlock(layer, spiking.STC(channels, channels), neuron=neuron)
        self.readout = spiking.Readout(channels, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        graph = spiking.SkeletonGraph.from_data(batch)
        return self.readout(self.block(self.encoder(batch.x.transpose(0, 1), graph), graph), graph)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=14, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=180, help="clips of all splits together")
    parser.add_argument("--labels", type=int, default=24, help="clips whose labels are known")
    parser.add_argument("--output", type=Path, default=Path("runs/examples/08_distill_own_pair"))
    options = parser.parse_args(argv)
    prepare = Compose([UniformSample(12), ToModalities("joint_motion")])
    train, test = (
        SyntheticActions(options.clips, num_classes=6, split=split, transform=prepare)
        for split in ("train", "test")
    )
    held_out = Batch.from_data_list([test[i] for i in range(len(test))])
    few = [train[i] for i in range(options.labels)]
    curves: dict[str, list[float]] = {"epoch": list(range(1, options.epochs + 1))}

    def fit(name: str, net: nn.Module, clips: Any, teacher: nn.Module | None = None) -> nn.Module:
        learner, criterion = net, None
        if teacher is not None:
            # Features of other widths: a map of the channels is learnt. No weight for labels.
            common = {"example": (held_out,), "resample": "linear", "safeguard": False}
            learner = Distiller(teacher, net, {"second": "block"}, **common)
            terms = (SoftLabelDistillation(), FeatureDistillation())
            criterion = DistillationLoss(*terms, soft_weight=1, feature_weight=0.1)
        optimizer = torch.optim.Adam([p for p in learner.parameters() if p.requires_grad], lr=0.01)
        curves[f"test/{name}"] = []
        for epoch in tqdm(range(options.epochs), desc=f"{name:20}"):
            learner.train()
            for batch in DataLoader(clips, batch_size=12, shuffle=True):
                if criterion is None:
                    loss = cross_entropy(net(batch), batch.y)
                else:
                    loss, _ = criterion(learner(batch, y=batch.y), batch.y, epoch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                right = net.eval()(held_out).argmax(1) == held_out.y
            curves[f"test/{name}"].append(right.float().mean().item())
        print(f"{name:20} accuracy {curves[f'test/{name}'][-1]:.1%}")
        return net

    torch.manual_seed(0)
    teacher = fit("teacher", Teacher(6), train)
    torch.manual_seed(0)
    fit(f"student, {len(few)} labels", Student(6), few)
    torch.manual_seed(0)
    fit("student of teacher", Student(6), train, teacher)
    options.output.mkdir(parents=True, exist_ok=True)
    plot_curves(curves).savefig(options.output / "curves.png")
    print(f"picture: {options.output / 'curves.png'}; real clips: docs/results.md")


if __name__ == "__main__":
    main()
