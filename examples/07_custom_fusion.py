"""Fuses four modalities in one's own way and compares that with the fusions of sgnkit.

python examples/07_custom_fusion.py
python examples/07_custom_fusion.py --fusion gated sum concat --epochs 8
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

import sgnkit
from sgnkit import nn as spiking
from sgnkit.datasets import SyntheticActions
from sgnkit.transforms import Center, Compose, UniformSample
from sgnkit.viz import plot_curves, plot_joint_activity

FUSIONS = ["gated", "mutual_information", "learned", "sum", "concat"]


class GatedFusion(nn.Module):
    """Each joint weighs the modalities for itself, by how much they fire there."""

    def __init__(self, num_modalities: int, channels: int) -> None:
        super().__init__()
        self.gate = nn.Linear(channels, 1)
        self.lin = nn.Linear(channels, channels, bias=False)
        self.norm = spiking.BatchNorm(channels)
        self.neuron = spiking.LIF(v_th=0.5)

    def weights(self, x: Tensor) -> Tensor:
        rates = x.mean(dim=(1, 2))  # [Q, S, T, N, C] over steps and frames: [Q, N, C]
        return self.gate(rates).softmax(dim=0)  # [Q, N, 1], sums to 1 over the modalities

    def forward(self, x: Tensor, graph: spiking.SkeletonGraph) -> Tensor:
        current = (self.weights(x)[:, None, None] * x).sum(0)  # [S, T, N, C]
        return self.neuron(self.norm(self.lin(current)))


def network(fusion: str, num_classes: int) -> nn.Module:
    own = fusion == "gated"
    size = {"hidden_channels": (24, 24), "strides": (1, 2), "num_steps": 2, "spatial": "sgc"}
    model = sgnkit.create_model(
        "mk_sgn_small",
        layout="ntu25",
        num_classes=num_classes,
        fusion="sum" if own else fusion,
        **size,
    )
    if own:  # the place takes any module: spikes [Q, S, T, N, C] and the graph, spikes out
        model.fusion = GatedFusion(len(model.modalities), 24)
    return model


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fusion", nargs="+", default=FUSIONS[:2], choices=FUSIONS)
    parser.add_argument("--epochs", type=int, default=7, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=200, help="clips of all splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/07_custom_fusion"))
    options = parser.parse_args(argv)

    prepare = Compose([Center(), UniformSample(12)])
    train, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=prepare)
        for split in ("train", "test")
    )
    held_out = Batch.from_data_list([test[i] for i in range(len(test))])
    curves: dict[str, list[float]] = {"epoch": list(range(1, options.epochs + 1))}
    nets = {}
    for name in options.fusion:
        torch.manual_seed(options.seed)
        net = nets[name] = network(name, num_classes=4)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        curves[f"train/{name} loss"] = losses = []
        for _ in (bar := tqdm(range(options.epochs), desc=f"{name:18}")):
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
        with torch.no_grad():
            accuracy = (net.eval()(held_out).argmax(1) == held_out.y).float().mean()
        print(f"test accuracy {accuracy:6.1%} with fusion {name}")

    options.output.mkdir(parents=True, exist_ok=True)
    plot_curves(curves).savefig(options.output / "curves.png")
    print(f"loss of each: {options.output / 'curves.png'}")
    if "gated" in nets:
        with torch.no_grad():
            encoded = nets["gated"].forward_features(held_out)["encoded"]
            share = nets["gated"].fusion.weights(encoded)[:, :, 0]  # [Q, all joints of all clips]
        share = share.unflatten(1, (-1, 25)).mean(1)  # joints by modality
        figure = plot_joint_activity(share.t(), train.layout.joints)
        figure.axes[0].set_title("share of each modality at each joint", loc="left")
        figure.axes[0].set(xlabel="", xticks=range(4), xticklabels=nets["gated"].modalities)
        figure.savefig(options.output / "weights.png")
        print(f"who counts where: {options.output / 'weights.png'}")


if __name__ == "__main__":
    main()
