"""The command `sgnkit energy`: what networks cost, in one table."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

if TYPE_CHECKING:
    from sgnkit.energy import EnergyReport

__all__ = ["parser"]

FILES = (".json", ".csv", ".md", ".txt", ".png", ".svg", ".pdf")


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "The cost of one clip, in the paper's and in the strict counting: an estimate, not a\n"
        "measurement. Each of --ckpt, --config, --model may be given several times.",
    )
    add = sub.add_argument
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
    add(
        "--preset",
        metavar="NAME|FILE",
        help="45nm, 45nm-int8, another preset, or a YAML file",
        **many,
    )
    add("--audit", action="store_true", help="list the operations that are not spike-driven")
    add("--out", metavar="FILE", help=f"also write {', '.join(FILES)}", **many)
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    if not (options.ckpt or options.config or options.model):
        raise ConfigError(
            "no network is named", remedy="pass --ckpt FILE, --config FILE or --model NAME"
        )
    files = [Path(path) for path in options.out]
    for path in files:
        if path.suffix not in FILES:
            raise ConfigError(
                "cannot write this kind of file", file=path, expected=", ".join(FILES)
            )
    for key in ("clips", "frames", "persons", "num_classes"):
        if (value := getattr(options, key)) < 1:
            raise ConfigError(
                "the value must be positive", place=f"--{key.replace('_', '-')}", found=value
            )
    if options.persons > 2:
        raise ConfigError(
            "synthetic clips have 1 or 2 persons", place="--persons", found=options.persons
        )
    from sgnkit.commands._energy_networks import networks, write
    from sgnkit.energy import compare, get_preset, profile

    try:
        presets = [get_preset(preset) for preset in options.preset or ["45nm"]]
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error), place="--preset") from None
    reports: dict[str, EnergyReport] = {}
    for network in networks(options):
        print(f"{network.name}: {network.remark}")
        report = profile(network.model, network.batch)
        for preset in presets:
            label = network.name if len(presets) == 1 else f"{network.name} ({preset.name})"
            while label in reports:
                label += "'"
            reports[label] = report.with_preset(preset)
    for path in files:
        write(path, reports)
        print(f"-> {path}")
    parts = []
    for label, report in reports.items():
        parts.append(f"\n{label}\n{report}")
        if options.audit:
            parts.append(f"\n{report.audit()}")
    if len(reports) > 1:
        parts.append(f"\n{compare(reports)}")
    out.result("\n".join(parts), {label: report.to_dict() for label, report in reports.items()})
