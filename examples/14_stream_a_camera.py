"""Recognises movements while they happen: one frame of a simulated camera at a time.

    python examples/14_stream_a_camera.py
    python examples/14_stream_a_camera.py --window 12 --actions 8

The network is causal, so each frame costs the same and its answer is that for the frames so far.
The camera shows one movement after the other and sometimes loses the person.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import Recognizer, create_model
from sgnkit.datasets import SyntheticActions
from sgnkit.training import describe_model, save_weights
from sgnkit.transforms.recipe import transforms_from_recipe

OPTIONS = {"causal": True, "hidden_channels": [32, 32], "strides": [1, 2], "num_steps": 2}
CENTER = {"Center": {"joint": "spine_base", "causal": True}}


def camera(
    clips: SyntheticActions, order: Sequence[int]
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yields class and joints (joints, coordinates) of each frame; None where nobody was found."""
    random = np.random.default_rng(0)
    for index in order:
        clip = clips[index]
        for frame in clip.to_array("TVC"):
            yield int(clip.y), None if random.random() < 0.03 else frame


def train(clips: SyntheticActions, epochs: int, frames: int, path: Path) -> None:
    """Trains a causal network on stretches of the clips, and saves it with its preprocessing."""
    prepare = transforms_from_recipe(
        [{"TakeFrames": {"num_frames": frames, "random": True}}, CENTER]
    )
    clips.transform = prepare
    model = create_model("base_sgn_small", layout=clips.layout, num_classes=4, **OPTIONS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in (bar := tqdm(range(epochs), desc="epochs")):
        for batch in DataLoader(clips, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
    about = describe_model(model, "base_sgn_small", OPTIONS, list(clips.class_names))
    save_weights(path, model, about, config={"test_transforms": [CENTER]})


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=14, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=240, help="clips of all splits together")
    parser.add_argument("--window", type=int, default=20, help="frames an answer looks back on")
    parser.add_argument("--actions", type=int, default=5, help="movements in front of the camera")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/14_stream_a_camera"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    weights = options.output / "weights.pt"
    clips, test = (
        SyntheticActions(options.clips, num_classes=4, split=split) for split in ("train", "test")
    )
    train(clips, options.epochs, options.window * 3 // 4, weights)

    # The stream: a frame and a state in, an answer and a state out. Two states take turns, so
    # that an answer always looks back on half a window to a whole one, and forgets the rest.
    stream = Recognizer.load(weights).stream()
    states = [None, None]
    truth, shares, times = [], [], []
    order = range(options.actions)  # the classes take turns
    for t, (label, frame) in enumerate(tqdm(camera(test, order), desc="frames", unit="")):
        start = time.perf_counter()
        answers = []
        for k in range(2):
            if (t + k * options.window // 2) % options.window == 0:
                states[k] = None
            answer, states[k] = stream(frame, states[k])
            answers.append(answer)
        older = max(range(2), key=lambda k: states[k].num_frames)
        shares.append([answers[older][name] for name in test.class_names])
        truth.append(label)
        times.append(time.perf_counter() - start)
    right = np.argmax(shares, axis=1) == truth
    print(f"{len(truth)} frames, {np.median(times) * 1e3:.1f} ms each (two states)")
    settled = np.array([truth[max(t - options.window, 0)] == truth[t] for t in range(len(truth))])
    print(f"the answer was right in {right.mean():.0%} of the frames, and in")
    print(f"{right[settled].mean():.0%} of those in movements that had lasted for {options.window}")

    figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
    for k, name in enumerate(test.class_names):
        (line,) = ax.plot(np.array(shares)[:, k], label=name.replace("_", " "))
        shown = [-0.05 if label == k else np.nan for label in truth]
        ax.plot(shown, color=line.get_color(), linewidth=6, solid_capstyle="butt")
    ax.set(xlabel="frame", ylabel="score", title="scores; the bar below tells what it was")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    path = options.output / "scores.png"
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
