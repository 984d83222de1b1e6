"""The commands `sgnkit train`, `sgnkit distill`, `sgnkit test` and `sgnkit predict`."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sgnkit.training.config import read_experiment
from sgnkit.training.run_folder import portable

__all__ = ["main"]

_CKPT_PATH = {
    "type": str,
    "help": "Checkpoint to continue from; 'last' continues the newest run.",
}
_SPLIT = {"type": str, "default": "test", "help": "Clips to use: train, val, test or all."}


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: "train", "distill", "test" or "predict", and the arguments that follow.
    """
    command, *rest = argv
    commands = {"train": _train, "distill": _distill, "test": _test, "predict": _predict}
    return commands[command](rest)


def _train(argv: list[str]) -> int:
    from sgnkit.training.run import train

    return _run("train", argv, lambda *arguments: [train(*arguments)])


def _distill(argv: list[str]) -> int:
    from sgnkit.training.two_stage import distill

    return _run("distill", argv, distill)


def _run(name: str, argv: list[str], function: Callable[..., Sequence[Path | None]]) -> int:
    experiment, more = read_experiment(name, argv, {"ckpt_path": _CKPT_PATH})
    from sgnkit.training.run import Interrupted

    command = portable(["sgnkit", name, *argv])
    try:
        folders = function(experiment, more["ckpt_path"], command)
    except Interrupted as stop:
        again = shlex.join(["sgnkit", name, *argv])
        again += "" if more["ckpt_path"] else " --ckpt_path last"
        print(f"\n{stop}\ncontinue with: {again}", file=sys.stderr)
        return 130
    for folder in folders:
        if folder is not None:
            result = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            print(f"{result['model']}: {_accuracies(result)}")
            print(f"results: {folder / 'results.json'}")
    return 0


def _test(argv: list[str]) -> int:
    experiment, more = read_experiment("test", argv, {"split": _SPLIT})
    from sgnkit.training.testing import test

    report = test(experiment, split=more["split"])
    print(f"{experiment.model['name']} on {experiment.data['name']} ({more['split']})")
    print(_accuracies(report.result))
    width = max(map(len, report.result["per_class"]))
    for name, share in report.result["per_class"].items():
        print(f"  {name:<{width}}  {'-' if share is None else f'{share:.1%}':>6}")
    print("firing rates")
    width = max((len(neuron.name) for neuron in report.energy.neurons), default=0)
    for neuron in report.energy.neurons:
        print(f"  {neuron.name:<{width}}  {neuron.rate:6.1%}")
    print(report.energy.table())
    return 0


def _predict(argv: list[str]) -> int:
    experiment, more = read_experiment(
        "predict",
        argv,
        {
            "split": _SPLIT,
            "out": {
                "type": str,
                "default": "predictions.csv",
                "help": "File to write, .csv or .json.",
            },
        },
    )
    from sgnkit.training.data import load_split, test_loader
    from sgnkit.training.evaluate import score_clips
    from sgnkit.training.testing import trained_model

    model, class_names = trained_model(experiment)
    clips = load_split(experiment, more["split"])
    scores = score_clips(model, test_loader(experiment, clips))
    rows: list[dict[str, Any]] = [
        {
            "clip": name,
            "prediction": class_names[int(shares.argmax())],
            **{c: round(float(share), 6) for c, share in zip(class_names, shares, strict=True)},
        }
        for name, shares in zip(scores.names, scores.logits.softmax(-1), strict=True)
    ]
    out = Path(more["out"])
    if out.suffix == ".json":
        out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    else:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print(f"{len(rows)} clips -> {out}")
    return 0


def _accuracies(result: dict[str, Any]) -> str:
    text = f"accuracy {result['accuracy']:.2%} ({result['clips']} clips)"
    if result["clean_clips"] != result["clips"]:
        text += f", clean {result['clean_accuracy']:.2%} ({result['clean_clips']} clips)"
    return text + f", top-5 {result['top5_accuracy']:.2%}"
