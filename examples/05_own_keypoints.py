"""Own keypoint files: from a folder of CSV files to a trained network, cleaned on the way.

    python examples/05_own_keypoints.py

The files are made here, with what a detector does to them: lost joints, scores, joints that jump.
Your own go the same way: one file a clip, in folders with the names of the classes. See
docs/guides/own_skeletons.md for JSON of MediaPipe, OpenPose and COCO, NumPy files and tables.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import create_model, get_layout
from sgnkit.datasets import PoseFolder, SyntheticActions
from sgnkit.transforms import Clean, CleanReport, UniformSample
from sgnkit.viz import animate_skeleton

LAYOUT = get_layout("coco17")


def write_files(folder: Path, num_clips: int, seed: int) -> None:
    """Writes one CSV file a clip, with columns such as left_wrist_x and left_wrist_score."""
    random = np.random.default_rng(seed)
    for clip in (clips := SyntheticActions(num_clips, LAYOUT, num_classes=4, seed=seed)):
        points = 400 + 200 * clip.to_array("TVC")[..., :2] * (1, -1)  # pixels, y downwards
        score = random.uniform(0.5, 1.0, points.shape[:2])
        lost = random.random(score.shape) < 0.03
        score[lost] = random.uniform(0.0, 0.2, lost.sum())
        jump = random.random(score.shape) < 0.002  # far away, and the detector is sure of it
        points[jump] += random.normal(0, 800, (jump.sum(), 2))
        file = folder / clips.class_names[int(clip.y)] / f"person{clip.subject}_{clip.name}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(f"{j}_{q}" for j in LAYOUT.joints for q in ("x", "y", "score"))
            for frame in np.concatenate([points, score[..., None]], axis=-1).round(3):
                table.writerow(frame.flatten())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=160, help="clips of all splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/05_own_keypoints"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, options.clips, options.seed)
        print(f"{len(list(folder.glob('*/*.csv')))} files such as {min(folder.glob('*/*.csv'))}")

        # 1. Read and clean once; what is stored is read the next time. Nobody who is tested on
        #    is trained on: the pattern finds the persons in the file names.
        report = CleanReport()
        train, test = (
            PoseFolder(
                folder,
                LAYOUT,
                split,
                transform=UniformSample(16),
                pre_transform=Clean("keypoints", report=report),
                min_score=0.3,
                pattern=r"person(?P<subject>\d+)_",
            )
            for split in ("trainval", "test")
        )
    print("\n".join(str(report).splitlines()[:8]), "...", sep="\n")
    people = [sorted({clip.subject for clip in part}) for part in (train, test)]
    print(f"{len(train)} clips of persons {people[0]} to train, {len(test)} of {people[1]} to test")

    # 2. Train. Pixels need no scaling: batch norm stands before each neuron.
    model = create_model(
        "base_sgn_small",
        layout=train.layout,
        num_classes=train.num_classes,
        in_channels=2,
        hidden_channels=(32, 32),
        strides=(1, 2),
        num_steps=2,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for _ in (bar := tqdm(range(options.epochs), desc="epochs")):
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")

    # 3. Test.
    model.eval()
    with torch.no_grad():
        guess = torch.cat([model(b).argmax(1) for b in DataLoader(test, batch_size=32)])
    print(f"test accuracy {(guess == test.y).float().mean():.1%} on {len(test)} clips")
    path = options.output / "clip.gif"
    animate_skeleton(test[0], path=path, up="-y", title=train.class_names[int(guess[0])])
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
