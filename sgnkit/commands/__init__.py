"""The commands of `sgnkit`, one file each. Register a command here, and nowhere else.

A command is a module with one function, `parser(name)`, that returns a
[`CommandParser`][sgnkit.commands.parser.CommandParser] with `set_defaults(run=function)`. The
function gets the parsed options and an [`Output`][sgnkit.commands.output.Output] and returns an
exit code or None. Whatever is heavy (torch, Lightning, matplotlib) is imported inside it, so that
help needs a tenth of a second.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "GROUPS", "Command"]


class Command(NamedTuple):
    """One command: where its `parser` is, one line about it, and how it is called.

    Attributes:
        group: Its chapter in `sgnkit --help`.
        module: Module with its `parser` and `main`.
        summary: One line about it.
        examples: Lines that show how it is called.
    """

    group: str
    module: str
    summary: str
    examples: tuple[str, ...]


GROUPS = ("Start", "Data", "Train", "Look", "Export")
"""The chapters of `sgnkit --help`, in the order in which somebody new comes across them."""

COMMANDS: dict[str, Command] = {
    "demo": Command(
        "Start",
        "sgnkit.commands.demo",
        "train a teacher and spiking networks on made-up skeletons",
        ("sgnkit demo --quick --output runs/demo",),
    ),
    "doctor": Command(
        "Start",
        "sgnkit.commands.doctor",
        "check this installation and name the remedies",
        ("sgnkit doctor", "sgnkit doctor --json"),
    ),
    "models": Command(
        "Start",
        "sgnkit.commands.models",
        "list the networks: parameters, spikes or not, papers",
        ("sgnkit models", "sgnkit models 'mk*' --layout ntu25 --num-classes 60 --json"),
    ),
    "completion": Command(
        "Start",
        "sgnkit.commands.completion",
        "print what makes the Tab key of bash, zsh or fish know these commands",
        (
            "sgnkit completion bash > ~/.local/share/bash-completion/completions/sgnkit",
            "sgnkit completion zsh > ~/.zsh/completions/_sgnkit",
            "sgnkit completion fish > ~/.config/fish/completions/sgnkit.fish",
        ),
    ),
    "data check": Command(
        "Data",
        "sgnkit.commands.data",
        "count clips per split, find damage, copies and doubtful labels",
        ("sgnkit data check data/nw-ucla.zip", "sgnkit data check clips --layout coco17 --json"),
    ),
    "data convert": Command(
        "Data",
        "sgnkit.commands.data",
        "write clips in another format; goes on after a kill",
        ("sgnkit data convert data/ntu ntu60.pkl --to pose-pickle --num-classes 60",),
    ),
    "data stats": Command(
        "Data",
        "sgnkit.commands.data",
        "count clips, classes, persons and frames",
        ("sgnkit data stats data/nw-ucla.zip --json",),
    ),
    "data show": Command(
        "Data",
        "sgnkit.commands.data",
        "draw one clip as an animated picture",
        ("sgnkit data show data/nw-ucla.zip --out clip.gif --azimuth 30",),
    ),
    "data formats": Command(
        "Data", "sgnkit.commands.data", "list the formats", ("sgnkit data formats",)
    ),
    "train": Command(
        "Train",
        "sgnkit.commands.train",
        "train a network from an experiment file, and test it",
        (
            "sgnkit train --config configs/synthetic/mk_sgn_small.yaml",
            "sgnkit train --config configs/nw_ucla/mk_sgn_small.yaml --optim.lr 0.05 --seed 1",
            "sgnkit train --config configs/nw_ucla/mk_sgn_small.yaml --ckpt_path last",
        ),
    ),
    "distill": Command(
        "Train",
        "sgnkit.commands.train",
        "train a teacher where there is none, then its student",
        ("sgnkit distill --config configs/nw_ucla/mk_sgn_small_distilled.yaml",),
    ),
    "test": Command(
        "Train",
        "sgnkit.commands.test",
        "test trained weights: accuracy, firing rates, energy",
        ("sgnkit test --config results/nw_ucla/mk_sgn_small_seed0/config.yaml",),
    ),
    "predict": Command(
        "Train",
        "sgnkit.commands.predict",
        "write class and scores of every clip as CSV, JSON or npz",
        (
            "sgnkit predict --config runs/mine/config.yaml --split test --out predictions.csv",
            "sgnkit predict --config runs/mine/config.yaml --json",
        ),
    ),
    "ensemble": Command(
        "Train",
        "sgnkit.commands.ensemble",
        "add up the scores of several runs, clip by clip",
        ("sgnkit ensemble runs/joint runs/bone --weights 0.6 0.4 --out fused.npz",),
    ),
    "report": Command(
        "Look",
        "sgnkit.commands.report",
        "write one page about a run: skeletons, spikes, curves, mistakes, energy",
        ("sgnkit report runs/mine", "sgnkit report runs/mine --clips 60 --open yes"),
    ),
    "energy": Command(
        "Look",
        "sgnkit.commands.energy",
        "estimate the energy of networks, in one table",
        (
            "sgnkit energy --ckpt results/nw_ucla/mk_sgn_small_seed0/weights.pt --synthetic",
            "sgnkit energy --model mk_sgn --model multimodal_gcn --out energy.json",
        ),
    ),
    "export": Command(
        "Export",
        "sgnkit.commands.export",
        "write trained weights as ONNX, pt2 or NIR",
        ("sgnkit export --ckpt runs/mine/weights.pt --format onnx --out mine.onnx",),
    ),
}
"""All commands by name, in the order of the help."""
