"""Looks inside a trained network: every picture that sgnkit draws of spikes, graphs and results.

    python examples/10_visualise.py
    python examples/10_visualise.py --weights runs/mine/weights.pt     # a network of your own

Without weights a small MK-SGN is trained for a few seconds. Each function takes data and returns
a matplotlib figure, so it may be changed, or put into a figure of one's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

import sgnkit
from sgnkit import viz
from sgnkit.datasets import SyntheticActions
from sgnkit.models.checkpoint import load_model
from sgnkit.transforms import Center, Compose, UniformSample


def fit(train: SyntheticActions, epochs: int, curves: dict[str, list[float]]) -> Any:
    """Trains a small MK-SGN."""
    model = sgnkit.create_model(
        "mk_sgn_small",
        layout=train.layout,
        num_classes=len(train.class_names),
        hidden_channels=(32, 32),
        strides=(1, 2),
        num_steps=4,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in (bar := tqdm(range(epochs), desc="epochs")):
        total = 0.0
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * batch.num_graphs
        curves["epoch"].append(epoch + 1)
        curves["train/loss"].append(total / len(train))
        bar.set_postfix(loss=f"{total / len(train):.3f}")
    return model


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, help="weights.pt of an MK-SGN with layout ntu25")
    parser.add_argument("--epochs", type=int, default=6, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=160, help="clips of all splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/10_visualise"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    prepare = Compose([Center(), UniformSample(12)])
    train, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=prepare)
        for split in ("train", "test")
    )
    curves: dict[str, list[float]] = {"epoch": [], "train/loss": []}
    model: Any
    model = load_model(options.weights) if options.weights else fit(train, options.epochs, curves)
    model.eval()
    batch = Batch.from_data_list([test[i] for i in range(len(test))])

    # What the network does with the test clips, in its own words.
    wanted = ("spikes", "membrane", "attention", "adjacency")
    with sgnkit.record(model, *wanted) as seen, torch.no_grad():
        features = model.forward_features(batch)
    guess = features["logits"].argmax(1)
    classes = features["logits"].size(1)
    confusion = torch.bincount(batch.y * classes + guess, minlength=classes**2).view(classes, -1)
    print(f"test accuracy {(guess == batch.y).float().mean():.1%}")

    layer, layout = "blocks.0.temporal.neuron", train.layout
    # One hand of the first clip; within each frame the S steps in a row.
    hand = layout.index("right_hand")
    spikes = seen.spikes[layer][:, :, hand].transpose(0, 1).flatten(0, 1)
    membrane = seen.membrane[layer][:, :, hand].transpose(0, 1).flatten(0, 1)
    figures = {
        "raster": viz.plot_raster(spikes),
        "rates": viz.plot_rates(seen),
        "joints": viz.plot_joint_activity(seen.joint_activity(layer), layout.joints),
        "membrane": viz.plot_membrane(membrane, v_th=0.5),
        "attention": viz.plot_attention(next(iter(seen.attention.values())), layout),
        "adjacency": viz.plot_adjacency(next(iter(seen.adjacency.values())), layout),
        "modalities": viz.plot_mutual_information(features["mutual_information"], model.modalities),
        "layout": viz.plot_layout(layout),
    }
    if classes == len(test.class_names):
        figures["confusion"] = viz.plot_confusion(confusion, test.class_names)
    if curves["epoch"]:
        figures["curves"] = viz.plot_curves(curves)
    for name, figure in figures.items():
        path = options.output / f"{name}.png"
        figure.savefig(path)
        print(f"  {path}")
    spikes = features["fused"].sum(dim=(0, 3))[:, : layout.num_joints]  # of the first clip
    title = test.class_names[int(test[0].y)].replace("_", " ")
    print(
        f"  {viz.animate_skeleton(test[0], spikes, options.output / 'skeleton.gif', title=title)}"
    )


if __name__ == "__main__":
    main()
