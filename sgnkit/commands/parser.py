"""The argument parser of every command: the same options, examples, and errors with a remedy."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from sgnkit.commands import COMMANDS
from sgnkit.errors import ConfigError

__all__ = ["CommandParser", "KeyParser"]


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` for a command that stands in `COMMANDS`.

    Summary and examples of its help come from there. A mistake is a
    [`ConfigError`][sgnkit.errors.ConfigError] that names the nearest right word.

    Args:
        name: The command.
        text: More about it than its summary.
        json: Whether the command has a result for programs.
    """

    def __init__(self, name: str, text: str = "", *, json: bool = True, **kwargs: Any) -> None:
        command = COMMANDS[name]
        summary = f"{command.summary[0].upper()}{command.summary[1:]}."
        super().__init__(
            prog=f"sgnkit {name}",
            description=f"{summary}\n\n{text}" if text else summary,
            epilog="\n  ".join(["examples:", *command.examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **kwargs,
        )
        common = self.add_argument_group("output")
        common.add_argument(
            "--quiet", action="store_true", help="print the result and nothing else; no bars"
        )
        if json:
            common.add_argument(
                "--json",
                action="store_true",
                help="print the result as JSON; all else goes to standard error",
            )
        else:
            self.set_defaults(json=False)
        common.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong with the arguments, with the remedy."""
        remedy = f"{self.prog} --help shows what there is"
        if found := re.match(r"unrecognized arguments: (\S+)", message):
            word = found.group(1).split("=")[0]
            known = [text for action in self._actions for text in action.option_strings]
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
            message = f"there is no option {word!r}" if word[0] == "-" else f"{word!r} is too much"
            if near and word[0] == "-":
                message += f"; did you mean {near[0]!r}?"
        raise ConfigError(message, remedy=remedy) from None


class KeyParser(CommandParser):
    """The parser of a command that reads an experiment: its keys are checked later, by their types.

    It knows the keys that are used most, for the help; all words go on as `options.words`.
    """

    def __init__(self, name: str, text: str = "", **kwargs: Any) -> None:
        super().__init__(name, text, argument_default=argparse.SUPPRESS, **kwargs)
        self.usage = f"sgnkit {name} --config FILE [--KEY VALUE ...]"
        self.add_argument("--config", metavar="FILE", help="experiment file (YAML)")
        self.add_argument(
            "--print_config",
            action="store_true",
            help="print the experiment with all its keys, and stop",
        )
        self.add_argument(
            "--help_all",
            action="store_true",
            help="list every key, with those of model and dataset; takes a few seconds",
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Sorts out what is not part of the experiment."""
        words = list(args or ())
        if {"-h", "--help"} & set(words):
            self.print_help()
            raise SystemExit(0)
        options = argparse.Namespace(run=self.get_default("run"), name=self.prog.split()[-1])
        for flag in ("quiet", "json", "debug"):
            setattr(options, flag, f"--{flag}" in words)
        words = [word for word in words if word not in ("--quiet", "--json", "--debug")]
        options.words = ["--help" if word == "--help_all" else word for word in words]
        return options
