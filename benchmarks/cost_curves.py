"""Cost curves: time and memory against steps, frames, joints, persons, width and batch.

One number is varied at a time around MK-SGN, small: S = 4, T = 16, V = 25, M = 1, widths 32 to 128,
batches of 2. Memory is what the backward pass keeps of a training step, counted tensor by tensor,
so it has no noise.

`python -m benchmarks.cost_curves RESULTS.json PICTURE.svg` draws the curves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import sgnkit
from benchmarks.harness import Options, Results, compare, noise, use_threads
from sgnkit.export import TensorModel

__all__ = ["draw", "kept", "line", "run"]

BASE = {"S": 4, "T": 16, "V": 25, "M": 1, "width": 32, "batch": 2}
AXES = {
    "S": (1, 2, 4, 8),
    "T": (8, 16, 32, 64),
    "V": (12, 25, 50, 100),
    "M": (1, 2, 4),
    "width": (8, 16, 32, 64),
    "batch": (1, 2, 4, 8),
}
UNITS = {
    "S": "spiking steps S",
    "T": "frames T",
    "V": "joints V",
    "M": "persons M",
    "width": "width of the first block",
    "batch": "clips in a batch",
}


def run(options: Options) -> Results:
    """Measures every axis."""
    results = Results("cost_curves", __doc__, options)
    with use_threads(1):
        for axis, every in AXES.items():
            values = every if options.full else every[:3]
            for work in ("inference", "training step"):
                sides = {str(v): _side({**BASE, axis: v}, work) for v in values}
                timings = compare(sides, options, warm=1)
                points = [timings[str(v)].ms for v in values]
                start, slope, fit, power = line(list(map(float, values)), points)
                results.note(
                    {"axis": axis, "work": work},
                    **{f"at {v}": ms for v, ms in zip(values, points, strict=True)},
                    unit="ms",
                    start=start,
                    slope=slope,
                    fit=fit,
                    power=power,
                )
            held = [kept(_side({**BASE, axis: v}, "training step")) / 1e6 for v in values]
            start, slope, fit, power = line(list(map(float, values)), held)
            results.note(
                {"axis": axis, "work": "memory"},
                **{f"at {v}": mb for v, mb in zip(values, held, strict=True)},
                unit="MB",
                start=start,
                slope=slope,
                fit=fit,
                power=power,
            )
    return results


def line(x: list[float], y: list[float]) -> tuple[float, float, float, float]:
    """Fits y = start + slope x.

    Returns:
        Start, slope, the share of the variance that the line explains, and the exponent of the
        best power law.
    """
    n, mean_x, mean_y = len(x), sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope /= sum((a - mean_x) ** 2 for a in x)
    start = mean_y - slope * mean_x
    rest = sum((b - start - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    total = sum((b - mean_y) ** 2 for b in y)
    fit = 1 - rest / total if total else 1.0
    logs = [torch.tensor(v, dtype=torch.float64).log() for v in (x, y)]
    logs = [v - v.mean() for v in logs]
    power = float((logs[0] * logs[1]).sum() / (logs[0] ** 2).sum()) if n > 1 else 1.0
    return start, slope, fit, power


def kept(step: Callable[[], Any]) -> int:
    """Returns the bytes that the backward pass of a step keeps, parameters aside."""
    storages: dict[int, int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor.detach())  # so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(storages.values())


def _side(sizes: dict[str, int], work: str) -> Callable[[], Any]:
    width, joints = sizes["width"], sizes["V"]
    parents = [max(j - 1, 0) // 2 for j in range(joints)]  # a tree, two branches at each joint
    names = [f"joint {j}" for j in range(joints)]
    layout = sgnkit.SkeletonLayout(f"tree{joints}", tuple(names), tuple(parents))
    torch.manual_seed(0)
    model = sgnkit.create_model(
        "mk_sgn_small",
        layout=layout,
        num_classes=60,
        num_steps=sizes["S"],
        hidden_channels=[width, width, 2 * width, 2 * width, 4 * width, 4 * width],
    )
    network = TensorModel(model)
    x = noise(sizes["batch"], sizes["M"], sizes["T"], joints, 3)
    present = torch.ones(sizes["batch"], sizes["M"], dtype=torch.bool)
    network.train()(x, present)
    if work == "inference":
        network.eval()
        return torch.no_grad()(lambda: network(x, present))
    return lambda: network(x, present).sum().backward()


def draw(found: dict[str, Any], path: Path) -> None:
    """Draws all axes with their lines."""
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "sgnkit", "font.size": 9})
    figure, places = plt.subplots(2, 6, figsize=(13, 4.6), constrained_layout=True)
    for column, axis in enumerate(AXES):
        for row in found["rows"]:
            if row["case"]["axis"] != axis:
                continue
            values, work = row["values"], row["case"]["work"]
            place = places[int(work == "memory"), column]
            x = [int(key[3:]) for key in values if key.startswith("at ")]
            (dots,) = place.plot(x, [values[f"at {v}"] for v in x], "o", ms=4, label=work)
            ends = [0, x[-1]]
            fitted = [values["start"] + values["slope"] * v for v in ends]
            place.plot(ends, fitted, "-", lw=1, alpha=0.6, color=dots.get_color())
            place.set_xlim(0, None)
            place.set_ylim(0, None)
        places[1, column].set_xlabel(UNITS[axis])
    places[0, 0].set_ylabel("milliseconds")
    places[0, 0].legend(frameon=False)
    places[1, 0].set_ylabel("MB kept for backward")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
