"""The command `sgnkit ensemble`."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.commands.train import accuracies
from sgnkit.errors import ConfigError, DataError

__all__ = ["parser"]


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "The logits of the runs are summed with weights. They are joined by the names of the\n"
        "clips; a clip that only some of the runs have scored is an error.",
    )
    sub.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="run folder with scores.npz, or an .npz file of sgnkit predict",
    )
    sub.add_argument("--weights", nargs="+", type=float, metavar="W", help="one for each run; even")
    sub.add_argument("--out", type=Path, metavar="FILE", help="also write the fused scores, .npz")
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    if len(options.runs) < 2:
        raise ConfigError("an ensemble needs two runs or more", found=str(options.runs[0]))
    if options.out is not None and options.out.suffix != ".npz":
        raise ConfigError("cannot write this kind of file", file=options.out, expected=".npz")
    from sgnkit.training.ensemble import fuse
    from sgnkit.training.evaluate import Scores, evaluate

    files = [run / "scores.npz" if run.is_dir() else run for run in options.runs]
    for file in files:
        if not file.is_file():
            raise DataError(
                "there are no such scores",
                file=file,
                remedy="name the folder of a finished run, or write the scores with "
                "sgnkit predict --out scores.npz",
            )
    scores = [Scores.load(file) for file in files]
    names = _class_names(options.runs, scores[0].logits.shape[-1])
    fused = fuse(scores, options.weights, [str(run) for run in options.runs])
    total = sum(options.weights or [1.0] * len(scores))
    shares = [weight / total for weight in options.weights or [1.0] * len(scores)]
    results = [evaluate(part, names) for part in scores]
    result = evaluate(fused, names)
    if options.out is not None:
        fused.save(options.out)
        print(f"-> {options.out}")
    lines = [
        f"{run} (weight {share:.3g}): {accuracies(part)}"
        for run, share, part in zip(options.runs, shares, results, strict=True)
    ]
    lines.append(f"together: {accuracies(result)}")
    runs = [
        {"run": str(run), "weight": share, "accuracy": part["accuracy"]}
        for run, share, part in zip(options.runs, shares, results, strict=True)
    ]
    out.result("\n".join(lines), {"runs": runs, **result})


def _class_names(runs: list[Path], classes: int) -> list[str]:
    """Returns the class names of the first run that knows them, or numbers."""
    for run in runs:
        file = run / "results.json"
        if run.is_dir() and file.is_file():
            names = list(json.loads(file.read_text(encoding="utf-8"))["per_class"])
            if len(names) == classes:
                return names
    return [str(label) for label in range(classes)]
