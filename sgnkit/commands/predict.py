"""The command `sgnkit predict`."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import KeyParser
from sgnkit.commands.test import SPLIT
from sgnkit.commands.train import add_keys
from sgnkit.errors import ConfigError

__all__ = ["parser"]

FILES = (".csv", ".json", ".npz")
_OUT = {"type": str, "help": f"File to write: {', '.join(FILES)}."}


def parser(name: str) -> KeyParser:
    """Returns the parser of the command."""
    sub = KeyParser(
        name,
        "Without --out the file is predictions.csv, with --json there is none. An .npz file keeps\n"
        "the logits, for sgnkit ensemble and as a teacher in distill.teacher.",
    )
    sub.add_argument("--split", metavar="PART", help="train, val, test or all (test)")
    sub.add_argument("--out", metavar="FILE", help=f"file to write: {', '.join(FILES)}")
    add_keys(sub, without=("optim.lr", "trainer.max_epochs", "output", "name"))
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    from sgnkit.training.config import read_experiment

    experiment, more = read_experiment("predict", options.words, {"split": SPLIT, "out": _OUT})
    path = None if more["out"] is None and out.json else Path(more["out"] or "predictions.csv")
    if path is not None and path.suffix not in FILES:
        raise ConfigError(
            "cannot write this kind of file", file=path, place="--out", expected=", ".join(FILES)
        )
    from sgnkit.training.data import load_split, test_loader
    from sgnkit.training.evaluate import score_clips
    from sgnkit.training.testing import check_fits, trained_model

    model, class_names = trained_model(experiment)
    clips = load_split(experiment, more["split"])
    check_fits(model, clips, class_names)
    scores = score_clips(model, test_loader(experiment, clips))
    rows: list[dict[str, Any]] = [
        {
            "clip": name,
            "prediction": class_names[int(shares.argmax())],
            **{c: round(float(share), 6) for c, share in zip(class_names, shares, strict=True)},
        }
        for name, shares in zip(scores.names, scores.logits.softmax(-1), strict=True)
    ]
    if path is None:
        out.result("", rows)
        return
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    elif path.suffix == ".npz":
        scores.save(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    out.result(f"{len(rows)} clips -> {path}", rows)
