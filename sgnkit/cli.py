"""The `sgnkit` command: a table of contents that hands over to the part that does the work."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from sgnkit._version import __version__

__all__ = ["main"]


class Command(NamedTuple):
    """One subcommand: where its `main(argv)` is, and one line about it."""

    module: str
    passes_name: bool
    summary: str


# Nothing is imported before its command is called: help and doctor work on a broken installation.
COMMANDS = {
    "demo": Command(
        "sgnkit.demo", False, "train a teacher and spiking networks on made-up skeletons"
    ),
    "doctor": Command("sgnkit.doctor", False, "check this installation and name the remedies"),
    "data": Command(
        "sgnkit.data_tools.cli", False, "check, convert, count and show clips of any format"
    ),
    "train": Command("sgnkit.training.cli", True, "train a model from a config file"),
    "distill": Command("sgnkit.training.cli", True, "train a teacher, then a student from it"),
    "test": Command(
        "sgnkit.training.cli", True, "evaluate a trained model, with firing rates and energy"
    ),
    "energy": Command(
        "sgnkit.training.energy_cli", False, "estimate the energy of networks, in one table"
    ),
    "predict": Command("sgnkit.training.cli", True, "write the scores of every clip"),
    "export": Command("sgnkit.export.cli", False, "write trained weights as ONNX, pt2 or NIR"),
}

# The extra that brings a package which a command imports.
EXTRAS = {
    "jsonargparse": "train",
    "lightning": "train",
    "torchmetrics": "train",
    "matplotlib": "viz",
    "PIL": "viz",
    "tensorboard": "all",
    "nir": "export",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
}

EXIT_USER = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    A mistake that the user can mend (a wrong file, value or missing package) prints one message and
    gives 2, an error in sgnkit gives the traceback and 1.

    Args:
        argv: The words after `sgnkit`; those of the process when not given.

    Examples:
        >>> main(["--version"])
        sgnkit 0...
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_contents())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"sgnkit {__version__}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return EXIT_USER
    try:
        return _run(name, rest)
    except KeyboardInterrupt:
        print("sgnkit: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug or not _is_users(error):
            raise
        print(f"sgnkit {name}: {_message(error)}", file=sys.stderr)
        print(f"(sgnkit {name} --debug shows where)", file=sys.stderr)
        return EXIT_USER


def _run(name: str, rest: list[str]) -> int:
    command = COMMANDS[name]
    module = importlib.import_module(command.module)
    code = module.main([name, *rest] if command.passes_name else rest)
    return 0 if code is None else int(code)


def _is_users(error: Exception) -> bool:
    """Tells the errors whose message is meant for the user from those of the program."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("sgnkit."):
        return False
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | ImportError):
        return True
    # The errors of sgnkit.errors, told by name: a broken installation may not import them.
    return any(kind.__module__ == "sgnkit.errors" for kind in type(error).__mro__)


def _message(error: Exception) -> str:
    top = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if top in EXTRAS:
        return f"{top} is not installed. Install it with: pip install 'sgnkit[{EXTRAS[top]}]'"
    return str(error)


def _contents() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: sgnkit COMMAND [options]",
            "",
            "Spiking graph networks for skeleton-based action recognition.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  -h, --help     this page; sgnkit COMMAND --help tells about one command",
            "  -V, --version  the version",
            "  --debug        show the traceback of an error",
        ]
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    kind = "option" if name.startswith("-") else "command"
    return f"sgnkit: there is no {kind} {name!r}.{hint} The commands are: {', '.join(COMMANDS)}."
