"""The command `sgnkit export`."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

__all__ = ["parser"]


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "The file carries layout, classes, preprocessing and versions; Recognizer.load reads it "
        "back.",
    )
    sub.add_argument("--format", choices=("nir", "onnx", "pt2"), required=True)
    sub.add_argument("--ckpt", type=Path, required=True, help="weights.pt or .ckpt of a run")
    sub.add_argument("--out", type=Path, help="file to write; beside the weights by default")
    sub.add_argument(
        "--num_frames", type=int, help="frames of a clip, where the preprocessing leaves them open"
    )
    sub.add_argument("--frame_rate", type=float, help="frames a second of the recordings")
    sub.add_argument("--dt", type=float, default=1e-3, help="NIR: seconds a spiking step (0.001)")
    sub.add_argument(
        "--partial", action="store_true", help="NIR: write up to the first part it cannot express"
    )
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    for key in ("num_frames", "frame_rate", "dt"):
        if (value := getattr(options, key)) is not None and not value > 0:
            raise ConfigError("the value must be positive", place=f"--{key}", found=value)
    from sgnkit.export.description import Description
    from sgnkit.models.checkpoint import load_model, read_checkpoint

    content = read_checkpoint(options.ckpt)
    model = load_model(options.ckpt)
    description = Description.from_checkpoint(content, model)
    if options.frame_rate is not None:
        description = replace(description, frame_rate=options.frame_rate)
    if not (options.num_frames or description.num_frames):
        raise ConfigError(
            "the preprocessing of the weights leaves the number of frames open",
            file=options.ckpt,
            remedy="pass --num_frames",
        )
    path = options.out or Path(options.ckpt).with_suffix(f".{options.format}")
    limits = _write(model, path, description, options)
    size = path.stat().st_size
    name = description.model.get("name")
    out.result(
        f"{name} -> {path} ({size / 1e6:.1f} MB)",
        {
            "model": name,
            "file": str(path),
            "format": options.format,
            "bytes": size,
            "not_expressed": limits,
        },
    )


def _write(model: Any, out: Path, description: Any, options: Namespace) -> list[dict[str, str]]:
    """Writes the file, and returns what it cannot hold."""
    if options.format == "onnx":
        from sgnkit.export.onnx_file import to_onnx

        to_onnx(model, out, description, num_frames=options.num_frames)
    elif options.format == "pt2":
        from sgnkit.export.pt2_file import to_pt2

        to_pt2(model, out, description, num_frames=options.num_frames)
    else:
        from sgnkit.export.nir_file import write_nir
        from sgnkit.export.nir_graph import NIRExportError, nir_limits

        limits = nir_limits(model)
        for limit in limits:
            print(f"not in NIR: {limit.name}: {limit.reason}")
        try:
            write_nir(
                model,
                out,
                description,
                num_frames=options.num_frames,
                dt=options.dt,
                partial=options.partial,
            )
        except NIRExportError as error:
            raise ConfigError(
                f"NIR cannot express {len(error.limits)} part(s); nothing is written",
                file=options.ckpt,
                place=error.limits[0].name,
                remedy="pass --partial for the graph up to there, or --format onnx or pt2",
            ) from None
        return [{"name": limit.name, "reason": limit.reason} for limit in limits]
    return []
