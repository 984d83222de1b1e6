"""The command `sgnkit export`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sgnkit.errors import ConfigError

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Writes trained weights in another format, or prints what stands in the way.

    Args:
        argv: The words after `sgnkit export`.
    """
    options = _parser().parse_args(argv)
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
    out = options.out or Path(options.ckpt).with_suffix(f".{options.format}")
    _write(model, out, description, options)
    print(f"{description.model.get('name')} -> {out} ({out.stat().st_size / 1e6:.1f} MB)")
    return 0


def _write(model: Any, out: Path, description: Any, options: argparse.Namespace) -> None:
    if options.format == "onnx":
        from sgnkit.export.onnx_file import to_onnx

        to_onnx(model, out, description, num_frames=options.num_frames)
    elif options.format == "pt2":
        from sgnkit.export.pt2_file import to_pt2

        to_pt2(model, out, description, num_frames=options.num_frames)
    else:
        from sgnkit.export.nir_file import write_nir
        from sgnkit.export.nir_graph import NIRExportError, nir_limits

        for limit in nir_limits(model):
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sgnkit export",
        description="Write trained weights for other tools. The file carries layout, classes, "
        "preprocessing and versions; Recognizer.load reads it back.",
    )
    parser.add_argument("--format", choices=("nir", "onnx", "pt2"), required=True)
    parser.add_argument("--ckpt", type=Path, required=True, help="weights.pt or .ckpt of a run")
    parser.add_argument("--out", type=Path, help="file to write; beside the weights by default")
    parser.add_argument(
        "--num_frames", type=int, help="frames of a clip, where the preprocessing leaves them open"
    )
    parser.add_argument("--frame_rate", type=float, help="frames a second of the recordings")
    parser.add_argument(
        "--dt", type=float, default=1e-3, help="NIR: seconds a spiking step (0.001)"
    )
    parser.add_argument(
        "--partial", action="store_true", help="NIR: write up to the first part it cannot express"
    )
    return parser
