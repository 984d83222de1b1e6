"""Runs the benchmarks: `make bench`, or `python -m benchmarks [NAME ...] [--full]`.

Without a name the quick set runs, three to four minutes on two cores that do nothing else. With
`--out benchmarks/results` the page docs/benchmarks.md is made anew; `python -m benchmarks page`
does only that.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import torch

from benchmarks import page
from benchmarks.harness import Options
from sgnkit.training import keep_memory

# In the order in which they run; the modules are imported when their turn comes.
BENCHMARKS = (
    "neuron",
    "graph_conv",
    "network",
    "layers",
    "operands",
    "loops",
    "compiled",
    "memory",
    "traffic",
    "kept_memory",
    "streaming",
    "cost_curves",
    "processes",
)
# What runs when nothing is named and --full is not given.
QUICK = ("neuron", "graph_conv", "network", "layers", "memory")
# Scripts with options and output of their own: python -m benchmarks NAME --help
SCRIPTS = ("data_scale", "energy_ntu", "exports", "pipeline", "scaling")


def parse(argv: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"Scripts with options of their own: {', '.join(SCRIPTS)} (NAME --help).",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--full", action="store_true", help="every size and every rival")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of torch (1 2)")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="what is timed")
    parser.add_argument("--rounds", type=int, default=11, help="at most, from 3 (11)")
    parser.add_argument("--seconds", type=float, help="time limit of one comparison (1; full 4)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench"), help="folder of JSON and MD"
    )
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is named {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    for name, found, least in (
        ("rounds", options.rounds, 3),
        ("threads", min(options.threads), 1),
    ):
        if found < least:
            parser.error(f"--{name} must be at least {least}, got {found}")
    return options


def main(argv: list[str] | None = None) -> None:
    """Runs what was asked for and writes one JSON and one Markdown file for each."""
    argv = sys.argv[1:] if argv is None else argv
    if argv == ["page"]:
        print(page.write())
        return
    if argv and argv[0] in SCRIPTS:
        sys.argv = [f"python -m benchmarks {argv[0]}", *argv[1:]]
        importlib.import_module(f"benchmarks.{argv[0]}").main()
        return
    given = parse(argv)
    keep_memory()  # as `sgnkit train` does; for all sides
    cuda = torch.cuda.is_available()
    if given.device == "cuda" and not cuda:
        sys.exit("python -m benchmarks: --device cuda, but torch sees no GPU here")
    devices = ["cpu", "cuda"] if given.device == "auto" and cuda else [given.device]
    if devices == ["auto"]:
        devices = ["cpu"]
        print("No GPU here: the CUDA variants are left out.", flush=True)
    for name in given.names or (BENCHMARKS if given.full else QUICK):
        for device in devices:
            options = Options(
                full=given.full,
                device=device,
                threads=tuple(given.threads) if device == "cpu" else (torch.get_num_threads(),),
                clock=given.clock,
                rounds=given.rounds,
                seconds=given.seconds or (4.0 if given.full else 1.0),
            )
            torch.manual_seed(0)
            results = importlib.import_module(f"benchmarks.{name}").run(options)
            print(f"  -> {results.write(given.out)}", flush=True)
            if given.out.resolve() == page.RESULTS:
                page.write()  # after each one: a run may be interrupted


if __name__ == "__main__":
    main()
