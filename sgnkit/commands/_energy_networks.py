"""The networks that `sgnkit energy` is asked about, and the files that it writes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from torch_geometric.data import Batch

from sgnkit.datasets import SyntheticActions
from sgnkit.energy import EnergyReport, calibrate, compare
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

__all__ = ["PLOTS", "Network", "networks", "write"]

PLOTS = (".png", ".svg", ".pdf")


class Network(NamedTuple):
    """A model, what it is called, and the clips it is run on."""

    name: str
    model: nn.Module
    batch: Any
    remark: str


def networks(options: argparse.Namespace) -> list[Network]:
    """Returns the networks that the options of `sgnkit energy` name."""
    found = [_from_checkpoint(Path(path), options) for path in options.ckpt]
    found += [_from_config(path, options) for path in options.config]
    return found + [_from_preset(name, options) for name in options.model]


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


def write(out: Path, reports: dict[str, EnergyReport]) -> None:
    """Writes reports into a file, whose ending says how."""
    only = next(iter(reports.values()))
    if out.suffix in PLOTS:
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
