"""`sgnkit demo`: small spiking networks, one with a teacher, learn made-up movements."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Batch

__all__ = ["main"]

TEACHER = "multimodal_gcn_small"
STUDENT = "base_sgn_small"
DISTILLED = f"{STUDENT}_distilled"
RUNS = {TEACHER: TEACHER, STUDENT: STUDENT, DISTILLED: STUDENT, "mk_sgn_small": "mk_sgn_small"}
TAPS = {"blocks.3": "blocks.1", "blocks.6": "blocks.3", "blocks.9": "blocks.5"}


def main(argv: list[str]) -> int:
    """Makes clips, trains a teacher and three spiking networks, prints a table, writes pictures.

    Args:
        argv: Arguments of `sgnkit demo`.
    """
    parser = argparse.ArgumentParser(prog="sgnkit demo", description=__doc__)
    parser.add_argument("--output", default="runs/demo", help="folder of the results")
    parser.add_argument("--epochs", type=int, default=8, help="passes over the clips")
    parser.add_argument("--quick", action="store_true", help="only show that everything runs")
    options = parser.parse_args(argv)
    output = Path(options.output)
    start = time.perf_counter()

    from sgnkit.training import train

    folders: dict[str, Path] = {}
    for name, model in RUNS.items():
        experiment = _experiment(
            model, output, 1 if options.quick else options.epochs, options.quick
        )
        experiment.name = name
        text = f"\n{model} learns {experiment.data['num_classes']} movements"
        if name == DISTILLED:
            experiment.distill.teacher = str(folders[TEACHER] / "weights.pt")
            experiment.distill.taps = TAPS
            text += f" from {TEACHER}"
        print(text, flush=True)
        folder = train(experiment, command="sgnkit demo")
        assert folder is not None
        folders[name] = folder
    print("\n" + _table(folders))
    for path, what in _pictures(folders, output).items():
        print(f"  {path}  {what}")
    print(f"{time.perf_counter() - start:.0f} s in all. Next: sgnkit train --help")
    return 0


def _experiment(name: str, output: Path, epochs: int, quick: bool) -> Any:
    from sgnkit.training import Experiment, OptimOptions, TrainerOptions

    frames = {"num_frames": 8 if quick else 16}
    return Experiment(
        model={"name": name, **({"num_steps": 2} if quick and name != TEACHER else {})},
        data={
            "name": "SyntheticActions",
            "num_clips": 40 if quick else 280,
            "layout": "kinect20",
            "num_classes": 4,
        },
        train_transforms=["Center", {"UniformSample": {**frames, "random": True}}],
        test_transforms=["Center", {"UniformSample": frames}],
        batch_size=16,
        optim=OptimOptions(lr=0.1, warmup_epochs=2, schedule="one_cycle"),
        trainer=TrainerOptions(max_epochs=epochs, check=not quick),
        name=name,
        output=str(output),
    )


def _table(folders: dict[str, Path]) -> str:
    """Returns one row for each model."""
    head = ("model", "accuracy", "parameters", "firing rate", "energy paper", "energy strict")
    rows = [head]
    for name, folder in folders.items():
        result = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        rows.append(
            (
                name,
                f"{result['accuracy']:.1%}",
                f"{result['parameters']:,}",
                f"{result['firing_rate']:.1%}",
                f"{result['energy_mj']['paper']:.4f} mJ",
                f"{result['energy_mj']['strict']:.4f} mJ",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    accuracy = {row[0]: float(row[1].rstrip("%")) for row in rows[1:]}
    gain = accuracy[DISTILLED] - accuracy[STUDENT]
    lines.append(f"The teacher changes the accuracy of {STUDENT} by {gain:+.1f} percentage points.")
    lines.append("Energy is estimated per clip, not measured: see docs/concepts/energy.md.")
    return "\n".join(lines)


def _pictures(folders: dict[str, Path], output: Path) -> dict[Path, str]:
    """Writes the pictures and returns what each of them shows."""
    from sgnkit.training import load_model, read_experiment
    from sgnkit.training.data import load_split
    from sgnkit.viz import animate_skeleton, plot_mutual_information

    made: dict[Path, str] = {}
    for name, folder in folders.items():
        for picture, what in (
            ("curves.png", "loss and accuracy over the epochs"),
            ("confusion.png", "which movements are mistaken for which"),
        ):
            path = output / f"{name}_{picture}"
            shutil.copyfile(folder / picture, path)
            made[path] = what
    folder = folders["mk_sgn_small"]
    model: Any = load_model(folder / "weights.pt")
    experiment, _ = read_experiment("test", ["--config", str(folder / "config.yaml")])
    clips = load_split(experiment, "test")
    clip = clips[0]
    with torch.no_grad():
        features = model.forward_features(Batch.from_data_list([clip]))
    path = output / "mutual_information.png"
    figure = plot_mutual_information(features["mutual_information"], model.modalities)
    figure.savefig(path)
    made[path] = "mutual information of the four modalities, as the fusion (SMF) sees it"
    # Spikes of the fused code, summed over spiking steps and channels: one number a joint, a frame.
    spikes = features["fused"].sum(dim=(0, 3))
    title = clips.class_names[int(clip.y)].replace("_", " ")
    path = animate_skeleton(clip, spikes, output / "skeleton.gif", title=title)
    made[path] = "a clip with its spikes: the more a joint fires, the larger and redder it is"
    return made
