"""The command `sgnkit test`."""

from __future__ import annotations

from argparse import Namespace

from sgnkit.commands.output import Output
from sgnkit.commands.parser import KeyParser
from sgnkit.commands.train import accuracies, add_keys

__all__ = ["SPLIT", "parser"]

SPLIT = {"type": str, "default": "test", "help": "Clips to use: train, val, test or all."}


def parser(name: str) -> KeyParser:
    """Returns the parser of the command."""
    sub = KeyParser(
        name,
        "The config.yaml of a run folder names its weights; with another experiment pass --weights."
        "\nThe energy is an estimate, not a measurement.",
    )
    sub.add_argument("--split", metavar="PART", help="train, val, test or all (test)")
    add_keys(sub, without=("optim.lr", "trainer.max_epochs", "output", "name"))
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    from sgnkit.training.config import read_experiment

    experiment, more = read_experiment("test", options.words, {"split": SPLIT})
    from sgnkit.training.testing import test

    report = test(experiment, split=more["split"])
    energy = report.energy
    model, data = experiment.model["name"], experiment.data["name"]
    lines = [f"{model} on {data} ({more['split']})", accuracies(report.result)]
    width = max(map(len, report.result["per_class"]))
    for name, share in report.result["per_class"].items():
        lines.append(f"  {name:<{width}}  {'-' if share is None else f'{share:.1%}':>6}")
    lines.append("firing rates")
    width = max((len(neuron.name) for neuron in energy.neurons), default=0)
    lines += [f"  {neuron.name:<{width}}  {neuron.rate:6.1%}" for neuron in energy.neurons]
    lines.append(energy.table())
    value = {
        "model": model,
        "data": data,
        "split": more["split"],
        **report.result,
        "firing_rates": {neuron.name: neuron.rate for neuron in energy.neurons},
        "energy_mj": energy.totals,
    }
    out.result("\n".join(lines), value)
