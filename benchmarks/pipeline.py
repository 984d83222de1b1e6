"""How long a network waits for its clips: `python -m benchmarks.pipeline --root data/nw_ucla`.

One epoch of NW-UCLA (where --root is given) and one of 10,000 clips like those of NTU RGB+D, with
the augmentation of their recipes, are read in the process that trains, so that nothing hides behind
a step. A step of the network is timed on batches of the same epoch, evenly spread. The share of
waiting is the time of the reading over that of reading and all steps: with loader processes on
cores of their own it is less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

import sgnkit
from benchmarks.data_scale import Walks
from benchmarks.harness import Options, Results, use_threads
from sgnkit.datasets import NWUCLA
from sgnkit.training import EpochSampler, SeededClips
from sgnkit.training.data import DataLoader, collate
from sgnkit.transforms import (
    AlignBody,
    Center,
    Compose,
    RandomCropResize,
    RandomRotate,
    UniformSample,
)

__all__ = ["main", "waiting"]

NETWORKS = ("base_sgn_small", "mk_sgn_small")
NW_UCLA = Compose(
    [
        Center("spine"),
        AlignBody(),
        RandomRotate(30),
        UniformSample(32, random=True),
    ]
)
NTU = Compose([RandomCropResize(64, (0.5, 1.0), min_frames=64), RandomRotate(17.19)])


def waiting(clips: Any, batch: int, classes: int, steps: int) -> dict[str, dict[str, float]]:
    """Returns, for each network, the seconds of an epoch and the share of them spent on reading.

    Args:
        clips: A dataset with random transforms.
        batch: Clips of a step.
        classes: Number of classes.
        steps: Number of steps to time.
    """
    sampler = EpochSampler(len(clips), batch, seed=0)
    loader = DataLoader(
        SeededClips(clips, 0), batch_size=batch, sampler=sampler, collate_fn=collate
    )
    count = len(sampler) // batch
    kept, start = [], time.process_time()
    for number, data in enumerate(loader):
        if number % max(count // steps, 1) == 0:
            kept.append(data)
    reading = time.process_time() - start
    found = {}
    for name in NETWORKS:
        torch.manual_seed(0)
        model = sgnkit.create_model(name, layout=clips.layout, num_classes=classes)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        times = []
        for data in kept:
            start = time.process_time()
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data), data.y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 3.0)
            optimizer.step()
            times.append(time.process_time() - start)
        step = median(times[1:])
        found[name] = {
            "clips": float(len(clips)),
            "reading a clip, ms": 1e3 * reading / (count * batch),
            "step, ms": 1e3 * step,
            "epoch, s": reading + count * step,
            "waiting": reading / (reading + count * step),
        }
    return found


def main() -> None:
    """Measures both sets and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--root", type=Path, help="folder of nw-ucla.zip; left out without")
    parser.add_argument("--clips", type=int, default=10_000, help="like those of NTU (10,000)")
    parser.add_argument("--steps", type=int, default=5, help="of each network (5)")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    given = parser.parse_args()
    results = Results("pipeline", __doc__, Options(clock="cpu", threads=(1,)))
    with use_threads(1), tempfile.TemporaryDirectory() as folder:
        sets: dict[str, tuple[Any, int, int]] = {}
        if given.root is None:
            results.skip("NW-UCLA", "no --root")
        else:
            clips = NWUCLA(str(given.root), split="train", transform=NW_UCLA, processed_root=folder)
            sets["NW-UCLA"] = clips, 16, 10
        walks = Walks(Path(folder), given.clips, transform=NTU)
        sets[f"{given.clips:,} clips like NTU"] = walks, 64, 60
        for name, (clips, batch, classes) in sets.items():
            for network, values in waiting(clips, batch, classes, given.steps).items():
                results.note({"set": name, "network": network, "batch": batch}, **values)
    print(f"  -> {results.write(given.out)}")


if __name__ == "__main__":
    main()
