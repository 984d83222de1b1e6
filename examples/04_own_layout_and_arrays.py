"""Own keypoints: a layout of one's own, clips from NumPy arrays, a network for them.

    python examples/04_own_layout_and_arrays.py

The "recordings" are two-dimensional arms that wave or point, made here with NumPy. Put your own
arrays in place of `record`: anything of shape (frames, joints, coordinates) will do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import SkeletonData, SkeletonLayout, create_model, register_layout
from sgnkit.transforms import Center, Compose, FillMissing, UniformSample
from sgnkit.viz import animate_skeleton

CLASSES = ("wave", "point")
LAYOUT = """
name: two_arms
joints: [chest, left_shoulder, left_elbow, left_hand, right_shoulder, right_elbow, right_hand]
parents: [chest, chest, left_shoulder, left_elbow, chest, right_shoulder, right_elbow]
pairs: [[left_shoulder, right_shoulder], [left_elbow, right_elbow], [left_hand, right_hand]]
center: chest
"""


def record(label: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns keypoints (frames, joints, 2) and the scores (frames, joints) of a detector."""
    frames = int(random.integers(20, 40))
    time = np.linspace(0, 2 * np.pi, frames) + random.uniform(0, 2 * np.pi)
    reach = 0.6 * np.sin(2 * time) if label == 0 else 0.3 * np.sin(time)
    place = np.zeros((frames, 7, 2))
    for side, shoulder in ((-1, 1), (1, 4)):
        place[:, shoulder] = (0.2 * side, 0.1)
        angle = reach if side == 1 else -0.1 * np.ones(frames)
        for i in (1, 2):
            bone = 0.3 * np.stack([side * np.cos(i * angle), np.sin(i * angle)], axis=1)
            place[:, shoulder + i] = place[:, shoulder + i - 1] + bone
    place += random.normal(0, 0.01, place.shape) + random.uniform(-1, 1, 2)
    return place.astype(np.float32), random.uniform(0.2, 1.0, (frames, 7))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=120, help="clips, a quarter of them for test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/04_own_layout"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    # 1. The layout: names, parents, and what is left and right.
    table = options.output / "two_arms.yaml"
    table.write_text(LAYOUT, encoding="utf-8")
    layout = register_layout(SkeletonLayout.from_yaml(table))
    layout.plot(path=options.output / "layout.png")

    # 2. Arrays become clips. The mask says which joints the detector saw; gaps are interpolated.
    prepare = Compose([FillMissing(), Center(), UniformSample(16)])
    clips = []
    for i in range(options.clips):
        array, score = record(i % 2, random)
        clip = SkeletonData.from_array(array, layout, axes="TVC", y=i % 2, mask=score > 0.3)
        clips.append(prepare(clip))
    held_out = max(options.clips // 4, 1)
    test, train = clips[:held_out], clips[held_out:]
    print(f"{len(train)} training clips such as {train[0]}")

    # 3. A network for that layout, with two coordinates a joint.
    model = create_model(
        "base_sgn_small",
        layout=layout,
        num_classes=len(CLASSES),
        in_channels=2,
        hidden_channels=(32, 32),
        strides=(1, 2),
        num_steps=2,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in (bar := tqdm(range(options.epochs), desc="epochs")):
        model.train()
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()
    batch = Batch.from_data_list(test)
    with torch.no_grad():
        features = model.forward_features(batch)
    guess = features["logits"].argmax(1)
    print(f"test accuracy {(guess == batch.y).float().mean():.1%} on {len(test)} clips")

    # 4. The first clip with the spikes of the encoder.
    spikes = features["encoded"][0].sum(dim=(0, 3))[:, : layout.num_joints]
    path = options.output / "clip.gif"
    animate_skeleton(test[0], spikes, path, title=CLASSES[int(guess[0])])
    print(f"layout: {table}; pictures: {options.output / 'layout.png'}, {path}")


if __name__ == "__main__":
    main()
