"""The commands `sgnkit train` and `sgnkit distill`."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import KeyParser

__all__ = ["accuracies", "add_keys", "parser"]

# Keys that help shows; a test compares them with the experiment.
KEYS = {
    "model.name": ("NAME", "network; sgnkit models lists them"),
    "data.name": ("NAME", "dataset of sgnkit.datasets"),
    "data.root": ("FOLDER", "where its files are, for most of them"),
    "batch_size": ("N", "clips per step, over all devices together (16)"),
    "seed": ("N", "of the weights, the order of the clips and their augmentation (0)"),
    "optim.lr": ("X", "peak learning rate (0.1)"),
    "trainer.max_epochs": ("N", "passes over the training clips (40)"),
    "trainer.accelerator": ("NAME", "auto, cpu or gpu"),
    "trainer.progress_bar": ("WHEN", "auto, on or off"),
    "weights": ("FILE", "trained weights, for test and predict"),
    "name": ("NAME", "folder of the runs of this experiment inside the output"),
    "output": ("FOLDER", "folder of all runs (runs)"),
}
CKPT_PATH = {
    "type": str,
    "help": "Checkpoint to continue from; 'last' continues the newest run.",
}


def parser(name: str) -> KeyParser:
    """Returns the parser of one of the commands."""
    text = (
        "Any key of the file can be given on the command line, too; the last one counts. A run\n"
        "writes weights, scores, curves and results.json into its folder. Ctrl-C stops it, and\n"
        "--ckpt_path last goes on where it stopped."
    )
    sub = KeyParser(name, text)
    sub.add_argument("--ckpt_path", metavar="FILE", help="checkpoint to continue from, or last")
    add_keys(sub, without=("weights",))
    sub.set_defaults(run=_run)
    return sub


def add_keys(sub: KeyParser, without: tuple[str, ...] = ()) -> None:
    """Adds the keys that are used most to a help page."""
    group = sub.add_argument_group("keys that are used most")
    for key, (metavar, text) in KEYS.items():
        if key not in without:
            group.add_argument(f"--{key}", metavar=metavar, help=text)


def _run(options: Namespace, out: Output) -> int:
    from sgnkit.training.config import read_experiment

    name, words = options.name, options.words
    experiment, more = read_experiment(name, words, {"ckpt_path": CKPT_PATH})
    from sgnkit.training import Interrupted, distill, train
    from sgnkit.training.run_folder import portable

    command = portable(["sgnkit", name, *words])
    function: Any = train if name == "train" else distill
    try:
        folders = function(experiment, more["ckpt_path"], command)
    except Interrupted as stop:
        again = shlex.join(["sgnkit", name, *words])
        again += "" if more["ckpt_path"] else " --ckpt_path last"
        raise KeyboardInterrupt(f"{stop}\ncontinue with: {again}") from None
    texts, values = [], []
    for folder in folders if name == "distill" else [folders]:
        if folder is not None:
            result = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            texts.append(f"{result['model']}: {accuracies(result)}")
            texts.append(f"results: {folder / 'results.json'}")
            values.append({"folder": str(folder), **result})
    if values:  # nothing on all but the first of several processes
        out.result("\n".join(texts), values[0] if name == "train" else values)
    return 0


def accuracies(result: dict[str, Any]) -> str:
    """Returns the accuracies of a result in one line."""
    text = f"accuracy {result['accuracy']:.2%} ({result['clips']} clips)"
    if result["clean_clips"] != result["clips"]:
        text += f", clean {result['clean_accuracy']:.2%} ({result['clean_clips']} clips)"
    return text + f", top-5 {result['top5_accuracy']:.2%}"
