"""The command `sgnkit energy`: what networks cost, in one table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from torch_geometric.data import Batch

from sgnkit.datasets import SyntheticActions
from sgnkit.energy import PRESETS, EnergyReport, calibrate, compare, get_preset, profile
from sgnkit.energy.table import csv_text, rows
from sgnkit.errors import ConfigError, DataError
from sgnkit.layout import get_layout
from sgnkit.models import create_model
from sgnkit.models.checkpoint import build_model, load_model, read_checkpoint
from sgnkit.training.config import read_experiment
from sgnkit.training.data import dataset_facts, load_split
from sgnkit.training.options import (
    DistillOptions,
    Experiment,
    OptimOptions,
    TrainerOptions,
)
from sgnkit.transforms import Center, Compose, UniformSample

__all__ = ["main"]

_PLOTS = (".png", ".svg", ".pdf")
_FILES = (".json", ".csv", ".md", ".txt", *_PLOTS)


class Network(NamedTuple):
    """A model, what it is called, and the clips it is run on."""

    name: str
    model: nn.Module
    batch: Any
    remark: str


def main(argv: Sequence[str]) -> int:
    """Runs `sgnkit energy` and returns its exit code."""
    parser = _parser()
    args = parser.parse_args(list(argv))
    outs = [Path(out) for out in args.out]
    for out in outs:
        if out.suffix not in _FILES:
            raise ConfigError(
                "cannot write this kind of file", file=out, expected=", ".join(_FILES)
            )
    try:
        presets = [get_preset(name) for name in args.preset or ["45nm"]]
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error), place="--preset") from None
    networks = [_from_checkpoint(Path(path), args) for path in args.ckpt]
    networks += [_from_config(path, args) for path in args.config]
    networks += [_from_preset(name, args) for name in args.model]
    if not networks:
        parser.error("name a network: --ckpt FILE, --config FILE or --model NAME")
    reports: dict[str, EnergyReport] = {}
    for network in networks:
        print(f"{network.name}: {network.remark}")
        report = profile(network.model, network.batch)
        for preset in presets:
            label = network.name if len(presets) == 1 else f"{network.name} ({preset.name})"
            while label in reports:
                label += "'"
            reports[label] = report.with_preset(preset)
    for label, report in reports.items():
        print(f"\n{label}\n{report}")
        if args.audit:
            print(f"\n{report.audit()}")
    if len(reports) > 1:
        print(f"\n{compare(reports)}")
    for out in outs:
        _write(out, reports)
        print(f"-> {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sgnkit energy",
        description="Estimates the energy of networks for one clip, in the paper's and in the "
        "strict counting. Each of --ckpt, --config, --model may be given several times.",
    )
    add = parser.add_argument
    many: dict[str, Any] = {"action": "append", "default": []}
    add("--ckpt", metavar="FILE", help="trained weights: weights.pt or a .ckpt file", **many)
    add("--config", metavar="FILE", help="experiment file; untrained if it has no weights", **many)
    add("--model", metavar="NAME", help="a named network, untrained", **many)
    add("--layout", default="ntu25", help="joints of --model [ntu25]")
    add("--num-classes", type=int, default=60, help="classes of --model [60]")
    add("--clips", type=int, default=8, help="clips to average over [8]")
    add("--frames", type=int, default=64, help="frames of synthetic clips [64]")
    add("--persons", type=int, default=1, help="persons of synthetic clips [1]")
    add("--synthetic", action="store_true", help="use made-up clips, not those of the experiment")
    add("--preset", metavar="NAME|FILE", help=f"{', '.join(PRESETS)}, or a YAML file", **many)
    add("--audit", action="store_true", help="list the operations that are not spike-driven")
    add("--out", metavar="FILE", help=f"also write {', '.join(_FILES)}", **many)
    return parser


def _from_checkpoint(path: Path, args: argparse.Namespace) -> Network:
    model, content = load_model(path), read_checkpoint(path)
    name = f"{content['model']['name']} ({path.parent.name}/{path.name})"
    config = content.get("config")
    experiment = None
    if config:
        kinds = {
            "optim": OptimOptions,
            "trainer": TrainerOptions,
            "distill": DistillOptions,
        }
        try:
            parts = {key: kind(**config.get(key, {})) for key, kind in kinds.items()}
            experiment = Experiment(**{**config, **parts})
        except TypeError:
            experiment = None  # of another version; made-up clips do as well
    batch, clips = _clips(model.layout, experiment, args)
    return Network(name, model, batch, f"trained, {clips}")


def _from_config(path: str, args: argparse.Namespace) -> Network:
    experiment, _ = read_experiment("energy", ["--config", path])
    if experiment.weights is not None:
        model = load_model(experiment.weights)
        batch, clips = _clips(model.layout, experiment, args)
        return Network(f"{experiment.model['name']} ({path})", model, batch, f"trained, {clips}")
    options = {key: value for key, value in experiment.model.items() if key != "name"}
    layout: Any
    if args.synthetic:
        layout, classes = get_layout(experiment.data.get("layout", args.layout)), args.num_classes
    else:
        layout, names = dataset_facts(_load(experiment))
        classes = len(names)
    model = build_model(experiment.model["name"], layout, classes, options)
    batch, clips = _clips(layout, experiment, args)
    name = f"{experiment.model['name']} ({path})"
    return Network(name, calibrate(model, batch), batch, f"untrained, batch norms fitted, {clips}")


def _from_preset(name: str, args: argparse.Namespace) -> Network:
    try:
        model = create_model(name, layout=args.layout, num_classes=args.num_classes)
    except (KeyError, ValueError) as error:
        raise ConfigError(str(error).strip("'\""), place="--model or --layout") from None
    batch, clips = _clips(model.layout, None, args)
    return Network(name, calibrate(model, batch), batch, f"untrained, batch norms fitted, {clips}")


def _load(experiment: Experiment) -> Any:
    try:
        return load_split(experiment, "test")
    except (DataError, FileNotFoundError) as error:
        raise ConfigError(
            f"the clips of the experiment cannot be read: {error}",
            place="data",
            remedy="put them there, or pass --synthetic for made-up clips",
        ) from None


def _clips(layout: Any, experiment: Experiment | None, args: argparse.Namespace) -> tuple[Any, str]:
    """Returns a batch of clips, and in words what they are."""
    if experiment is not None and not args.synthetic:
        clips, what = _load(experiment), f"test clips of {experiment.data['name']}"
    else:
        classes = 2
        clips = SyntheticActions(
            max(args.clips, 2),
            layout,
            classes,
            num_persons=args.persons,
            split="all",
            transform=Compose([Center(), UniformSample(args.frames)]),
        )
        what = f"synthetic clips, {args.frames} frames, {args.persons} person(s)"
    count = max(1, min(args.clips, len(clips)))
    chosen = [clips[i * len(clips) // count] for i in range(count)]
    return Batch.from_data_list(chosen), f"{count} {what}"


def _write(out: Path, reports: dict[str, EnergyReport]) -> None:
    only = next(iter(reports.values()))
    if out.suffix in _PLOTS:
        from sgnkit.viz import plot_energy

        plot_energy(only if len(reports) == 1 else reports).savefig(out)
    elif len(reports) == 1:
        only.save(out)
    elif out.suffix == ".json":
        values = {name: report.to_dict() for name, report in reports.items()}
        out.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    elif out.suffix == ".csv":
        found = [
            {"network": name, "preset": report.preset.name, **row}
            for name, report in reports.items()
            for row in rows(report)
        ]
        out.write_text(csv_text(found), encoding="utf-8")
    else:
        style = "markdown" if out.suffix == ".md" else "text"
        parts = [compare(reports, style)]
        for name, report in reports.items():
            table = report.to_markdown() if style == "markdown" else report.table()
            parts.append(f"{'## ' if style == 'markdown' else ''}{name}\n\n{table}")
            parts.append(report.audit())
        out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
