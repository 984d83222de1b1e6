"""`sgnkit demo`: small spiking networks, one with a teacher, learn made-up movements."""

from __future__ import annotations

import json
import shutil
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

__all__ = ["parser"]

TEACHER = "multimodal_gcn_small"
STUDENT = "base_sgn_small"
DISTILLED = f"{STUDENT}_distilled"
RUNS = {TEACHER: TEACHER, STUDENT: STUDENT, DISTILLED: STUDENT, "mk_sgn_small": "mk_sgn_small"}
TAPS = {"blocks.3": "blocks.1", "blocks.6": "blocks.3", "blocks.9": "blocks.5"}
NUM_STEPS = 2  # half of the default, for the time that it takes
FEATURE_WEIGHT = 30.0  # squared differences of rates are small beside the other terms, 0.1 at first


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(name)
    sub.add_argument("--output", default="runs/demo", help="folder of the results (runs/demo)")
    sub.add_argument("--epochs", type=int, default=8, help="passes over the clips (8)")
    sub.add_argument("--seed", type=int, default=0, help="seed of weights and batches (0)")
    sub.add_argument("--quick", action="store_true", help="only show that everything runs")
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    """Makes clips, trains a teacher and three spiking networks, writes a table and pictures."""
    if options.epochs < 1:
        raise ConfigError("the value must be positive", place="--epochs", found=options.epochs)
    output = Path(options.output)
    start = time.perf_counter()

    from sgnkit.training import train
    from sgnkit.training.options import check_values

    folders: dict[str, Path] = {}
    for name, model in RUNS.items():
        experiment = _experiment(model, options)
        experiment.name = name
        check_values(experiment)
        text = f"\n{model} learns {experiment.data['num_classes']} movements"
        if name == DISTILLED:
            experiment.distill.teacher = str(folders[TEACHER] / "weights.pt")
            experiment.distill.taps = TAPS
            experiment.distill.feature_weight = FEATURE_WEIGHT
            experiment.distill.warmup_epochs = 2
            text += f" from {TEACHER}"
        print(text, flush=True)
        folder = train(experiment, command="sgnkit demo")
        assert folder is not None
        folders[name] = folder
    results = {
        name: json.loads((folder / "results.json").read_text(encoding="utf-8"))
        for name, folder in folders.items()
    }
    pictures = _pictures(folders, output)
    lines = ["", _table(results), *(f"  {path}  {what}" for path, what in pictures.items())]
    lines.append(f"{time.perf_counter() - start:.0f} s in all. Next: sgnkit train --help")
    out.result(
        "\n".join(lines), {"results": results, "pictures": {str(p): w for p, w in pictures.items()}}
    )


def _experiment(name: str, options: Namespace) -> Any:
    from sgnkit.training import Experiment, OptimOptions, TrainerOptions

    quick = options.quick
    frames = {"num_frames": 8 if quick else 16}
    return Experiment(
        model={"name": name} if name == TEACHER else {"name": name, "num_steps": NUM_STEPS},
        data={
            "name": "SyntheticActions",
            "num_clips": 40 if quick else 280,
            "layout": "kinect20",
            "num_classes": 4,
        },
        train_transforms=["Center", {"UniformSample": {**frames, "random": True}}],
        test_transforms=["Center", {"UniformSample": frames}],
        batch_size=8,
        optim=OptimOptions(lr=0.1, warmup_epochs=2, schedule="one_cycle"),
        trainer=TrainerOptions(max_epochs=1 if quick else options.epochs, check=not quick),
        name=name,
        output=options.output,
        seed=options.seed,
    )


def _table(results: dict[str, dict[str, Any]]) -> str:
    """Returns one row for each model."""
    head = ("model", "accuracy", "parameters", "firing rate", "energy paper", "energy strict")
    rows = [head]
    for name, result in results.items():
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
    import torch
    from torch_geometric.data import Batch

    from sgnkit.training import load_model, read_experiment
    from sgnkit.training.data import load_split
    from sgnkit.viz import animate_skeleton, plot_mutual_information

    made: dict[Path, str] = {}
    for name, folder in folders.items():
        for picture, what in (
            ("curves.png", "loss and accuracy over the epochs"),
            ("confusion.png", "which movements are mistaken for which"),
            ("report.html", "all about this run, for a browser: skeletons and spikes to play"),
        ):
            path = output / f"{name}_{picture}"
            if (folder / picture).is_file():  # a report that failed has said so
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
