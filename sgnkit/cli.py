"""The `sgnkit` command: a table of contents that hands over to the part that does the work."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from sgnkit._version import __version__
from sgnkit.commands import COMMANDS, GROUPS

__all__ = ["main"]

# The extra that brings a package which a command imports.
EXTRAS = {
    "jsonargparse": "train",
    "lightning": "train",
    "torchmetrics": "train",
    "shtab": "train",
    "matplotlib": "viz",
    "PIL": "viz",
    "tensorboard": "all",
    "nir": "export",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
}

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USER = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    | code | meaning |
    |---|---|
    | 0 | done |
    | 1 | a failure: an error in sgnkit, a full disk, or `data check` and `doctor` found damage |
    | 2 | a mistake that the user can mend: a wrong option, file or value, a missing package |
    | 130 | interrupted |

    A mistake prints one message without a traceback, which `--debug` or the variable
    `SGNKIT_DEBUG=1` brings back; an error in sgnkit always gives it.

    Args:
        argv: The words after `sgnkit`; those of the process when not given.

    Examples:
        >>> main(["--version"])
        sgnkit 0...
        0
    """
    try:
        code = _main(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `sgnkit ... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILURE


def _main(words: list[str]) -> int:
    debug = "--debug" in words or os.environ.get("SGNKIT_DEBUG", "") not in ("", "0")
    while words and words[0] == "--debug":
        del words[0]
    if words and words[0] == "help":
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(contents())
        return EXIT_OK
    if words[0] in ("-V", "--version"):
        print(f"sgnkit {__version__}")
        return EXIT_OK
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    family = [command for command in COMMANDS if command.startswith(f"{name} ")]
    if family and (len(words) == 1 or words[1] in ("-h", "--help")):
        print(contents(family))
        return EXIT_OK if len(words) > 1 else EXIT_USER
    if name not in COMMANDS:
        print(_unknown(words, family), file=sys.stderr)
        return EXIT_USER
    try:
        return _run(name, words[len(name.split()) :])
    except KeyboardInterrupt as stop:
        print(f"sgnkit: {str(stop) or 'interrupted'}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        code = _code(error)
        if debug or code is None:
            raise
        print(f"sgnkit {name}: {_message(error)}", file=sys.stderr)
        print(f"(sgnkit {name} --debug shows where)", file=sys.stderr)
        return code


def contents(names: Sequence[str] = tuple(COMMANDS)) -> str:
    """Returns the table of contents of some commands.

    Args:
        names: The commands; all of them by default.
    """
    width = max(map(len, names))
    whole = len(names) == len(COMMANDS)
    head = "" if whole else f" {names[0].split()[0]}"
    lines = [f"usage: sgnkit{head} COMMAND [options]"]
    if whole:
        lines += ["", "Spiking graph networks for skeleton-based action recognition."]
    for group in GROUPS:
        part = [name for name in names if COMMANDS[name].group == group]
        if part:
            lines += ["", group]
            lines += [f"  {name:<{width}}  {COMMANDS[name].summary}" for name in part]
    return "\n".join([*lines, "", *_OPTIONS])


def _run(name: str, rest: list[str]) -> int:
    from sgnkit.commands.output import Output

    module = importlib.import_module(COMMANDS[name].module)
    parser = module.parser(name)
    try:
        options = parser.parse_args(rest)
        with Output(quiet=options.quiet, json=options.json) as out:
            code = options.run(options, out)
    except SystemExit as stop:  # after --help or --print_config
        code = stop.code
    return EXIT_OK if code is None else int(code)


def _code(error: Exception) -> int | None:
    """Returns the exit code of an error whose message is meant for the user, None of any other."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("sgnkit."):
        return None
    # The errors of sgnkit.errors, told by name: a broken installation may not import them.
    if any(kind.__module__ == "sgnkit.errors" for kind in type(error).__mro__):
        return EXIT_USER
    if isinstance(error, ImportError | FileNotFoundError | PermissionError | FileExistsError):
        return EXIT_USER
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return EXIT_USER
    return EXIT_FAILURE if isinstance(error, OSError) else None


def _message(error: Exception) -> str:
    top = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if top in EXTRAS:
        return f"{top} is not installed. Install it with: pip install 'sgnkit[{EXTRAS[top]}]'"
    return str(error)


def _unknown(words: Sequence[str], family: Sequence[str]) -> str:
    name = " ".join(words[:2]) if family else words[0]
    near = difflib.get_close_matches(name, family or COMMANDS, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    kind = "option" if words[-1 if family else 0].startswith("-") else "command"
    listed = ", ".join(family or COMMANDS)
    return f"sgnkit: there is no {kind} {name!r}.{hint} The commands are: {listed}."


_OPTIONS = (
    "Options",
    "  -h, --help     this page; sgnkit COMMAND --help tells about one command, with examples",
    "  -V, --version  the version",
    "  --quiet        print the result and nothing else (of most commands)",
    "  --json         print the result as JSON (of most commands)",
    "  --debug        show the traceback of an error; so does SGNKIT_DEBUG=1",
    "",
    "Exit codes: 0 done, 1 failure, 2 a mistake that you can mend, 130 interrupted.",
)
