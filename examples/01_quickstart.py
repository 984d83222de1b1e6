"""Trains a named network of sgnkit on made-up skeletons and draws what it does.

python examples/01_quickstart.py
python examples/01_quickstart.py --model base_sgn_small --epochs 12
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import profile
from sgnkit.transforms import Center, Compose, UniformSample
from sgnkit.viz import animate_skeleton, plot_confusion


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mk_sgn_small", choices=sgnkit.list_models("*sgn*"))
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=200, help="clips of all splits together")
    parser.add_argument("--num-steps", type=int, default=2, help="spiking steps S")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/01_quickstart"))
    return parser.parse_args(argv)


def predict(model: torch.nn.Module, clips: SyntheticActions) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).argmax(1) for batch in DataLoader(clips, batch_size=32)])


def main(argv: Sequence[str] | None = None) -> None:
    options = parse(argv)
    torch.manual_seed(options.seed)

    # 1. Clips. Each is a PyG graph: joints are nodes, frames an axis of their features.
    prepare = Compose([Center(), UniformSample(16)])
    train, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=prepare)
        for split in ("train", "test")
    )
    print(f"{len(train)} training clips, {len(test)} test clips of other persons, e.g. {train[0]}")

    # 2. A network by name. Any option of it can be set: two blocks instead of six are quick.
    model = sgnkit.create_model(
        options.model,
        layout=train.layout,
        num_classes=4,
        num_steps=options.num_steps,
        hidden_channels=(32, 32),
        strides=(1, 2),
    )
    count = sum(p.numel() for p in model.parameters())
    print(f"{options.model}: {count:,} parameters")

    # 3. A plain training loop.
    loader = DataLoader(train, batch_size=16, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.005, total_steps=options.epochs * len(loader)
    )
    for epoch in range(options.epochs):
        model.train()
        bar = tqdm(loader, desc=f"epoch {epoch + 1}/{options.epochs}")
        for batch in bar:
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}")

    # 4. What came of it.
    predicted = predict(model, test)
    matrix = torch.zeros(4, 4, dtype=torch.long)
    for true, guess in zip(test.y, predicted, strict=True):
        matrix[true, guess] += 1
    print(f"test accuracy {(predicted == test.y).float().mean():.1%}")
    report = profile(model, Batch.from_data_list([test[0]]))
    paper, strict = report.totals["paper"], report.totals["strict"]
    print(f"firing rate {report.firing_rate:.1%}")
    print(f"energy estimate for a clip: {paper:.4f} mJ (paper), {strict:.4f} mJ (strict)")

    options.output.mkdir(parents=True, exist_ok=True)
    plot_confusion(matrix, test.class_names).savefig(options.output / "confusion.png")
    clip = test[0]
    with torch.no_grad():
        spikes = model.forward_features(Batch.from_data_list([clip]))["blocks.0"]
    animate_skeleton(
        clip,
        spikes.sum(dim=(0, 3)),  # over steps and channels: [T, N]
        options.output / "skeleton.gif",
        title=test.class_names[int(clip.y)],
    )
    print(f"pictures: {options.output / 'confusion.png'}, {options.output / 'skeleton.gif'}")


if __name__ == "__main__":
    main()
