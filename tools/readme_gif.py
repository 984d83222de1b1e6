"""Draws the animation of the README: a made-up figure and the spikes of a network that was trained
for a moment. `python tools/readme_gif.py` writes docs/assets/skeleton.gif.

Left, what comes in: the clip. Right, what the spiking encoder of the motion makes of it: joints
light up with the number of spikes that their neurons fire in that frame.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageSequence
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.transforms import UniformSample
from sgnkit.viz import animate_skeleton

OUT = Path(__file__).resolve().parents[1] / "docs" / "assets" / "skeleton.gif"
ACTIONS = ("raise_arms", "kick", "bounce")


def train(clips: SyntheticActions, epochs: int) -> torch.nn.Module:
    """Returns a small MK-SGN after a few passes over the clips, in evaluation mode."""
    model = sgnkit.create_model(
        "mk_sgn_small",
        layout="ntu25",
        num_classes=clips.num_classes,
        num_steps=4,
        hidden_channels=(32, 32),
        strides=(1, 1),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        losses = []
        for batch in DataLoader(clips, batch_size=16, shuffle=True):
            loss = torch.nn.functional.cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        slower.step()
        print(f"epoch {epoch + 1} of {epochs}, loss {sum(losses) / len(losses):.2f}")
    return model.eval()


@torch.no_grad()
def spikes_of(model: torch.nn.Module, clip: sgnkit.SkeletonData) -> tuple[torch.Tensor, int]:
    """Returns spikes of the motion a frame and joint, over steps and channels, and the class."""
    with sgnkit.record(model, "spikes") as r:
        answer = model(Batch.from_data_list([clip])).argmax()
    encoder = f"encoders.{model.modalities.index('joint_motion')}.neuron"
    return r.spikes[encoder].float().sum(dim=(0, 3)), int(answer)


def frames_of(clip: sgnkit.SkeletonData, spikes: torch.Tensor | None, title: str, size: int):
    """Returns the pictures of one animation."""
    with tempfile.TemporaryDirectory() as folder:
        path = animate_skeleton(
            clip, spikes, Path(folder, "one.gif"), size=size, azimuth=25, title=title
        )
        with Image.open(path) as image:
            return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--clips", type=int, default=300, help="made-up clips, all splits together")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--frames", type=int, default=32, help="frames of each clip")
    parser.add_argument("--size", type=int, default=300, help="pixels of each half")
    options = parser.parse_args()
    torch.manual_seed(0)
    sets = {
        split: SyntheticActions(
            options.clips,
            "ntu25",
            num_classes=6,
            dropped=0.0,
            split=split,
            transform=UniformSample(options.frames),
        )
        for split in ("train", "test")
    }
    model = train(sets["train"], options.epochs)
    pictures = []
    for action in ACTIONS:
        label = sets["test"].class_names.index(action)
        clip = next((clip for clip in sets["test"] if int(clip.y) == label), None)
        if clip is None:
            raise SystemExit(f"no test clip of {action}; pass more --clips")
        spikes, answer = spikes_of(model, clip)
        left = frames_of(clip, None, action.replace("_", " "), options.size)
        said = sets["test"].class_names[answer].replace("_", " ")
        right = frames_of(
            clip, spikes, f"spikes of the motion; the network says: {said}", options.size
        )
        for a, b in zip(left, right, strict=True):
            both = Image.new("RGB", (2 * options.size, options.size), "white")
            both.paste(a, (0, 0))
            both.paste(b, (options.size, 0))
            pictures.append(both)
    palette = pictures[0].quantize(colors=64)
    small = [picture.quantize(palette=palette, dither=0) for picture in pictures]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(options.out, save_all=True, append_images=small[1:], duration=83, loop=0)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {len(small)} frames")


if __name__ == "__main__":
    main()
