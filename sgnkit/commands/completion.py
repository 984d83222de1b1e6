"""The command `sgnkit completion`: a script that a shell reads once."""

from __future__ import annotations

import argparse
import importlib
from argparse import Namespace
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from sgnkit.commands import COMMANDS
from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser, KeyParser

__all__ = ["parser", "whole_parser"]

SHELLS = ("bash", "zsh", "fish")
_FILES = {"config", "ckpt", "ckpt_path", "out", "path", "weights", "output", "root"}


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "The shell reads the script when it starts; the Tab key then runs no Python.",
        json=False,
    )
    sub.add_argument("shell", choices=SHELLS, help="whose script to print")
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    import shtab

    out.result(shtab.complete(whole_parser(), options.shell), None)


def whole_parser() -> argparse.ArgumentParser:
    """Returns one parser of all commands with all their options, and every key of experiments."""
    import shtab

    whole = argparse.ArgumentParser(prog="sgnkit")
    whole.add_argument("-V", "--version", action="store_true", help="the version")
    commands = whole.add_subparsers()
    families: dict[str, Any] = {}
    for name, command in COMMANDS.items():
        sub = importlib.import_module(command.module).parser(name)
        family, _, last = name.rpartition(" ")
        if family and family not in families:
            families[family] = commands.add_parser(
                family, help=f"{command.group.lower()}"
            ).add_subparsers()
        if isinstance(sub, KeyParser):
            known = {action.dest: action for action in sub._actions}
            for key, text, choices in experiment_keys():
                if key in known:
                    known[key].choices = choices
                else:
                    sub.add_argument(f"--{key}", help=text, choices=choices)
        for action in sub._actions:
            if {action.dest.rpartition(".")[2], *_words(action)} & _FILES and not action.choices:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        (families[family] if family else commands).add_parser(
            last, parents=[sub], add_help=False, help=command.summary
        )
    return whole


def experiment_keys() -> list[tuple[str, str | None, list[str] | None]]:
    """Returns each key of an experiment, what it means, and what it may be if that is a choice."""
    from docstring_parser import parse

    from sgnkit.models import list_models
    from sgnkit.training.options import Experiment

    found: list[tuple[str, str | None, list[str] | None]] = [
        ("model.name", "network", list_models())
    ]

    def visit(kind: Any, prefix: str) -> None:
        texts = {part.arg_name: part.description for part in parse(kind.__doc__ or "").params}
        hints = get_type_hints(kind)
        for field in fields(kind):
            hint, key = hints[field.name], f"{prefix}{field.name}"
            if is_dataclass(hint):
                visit(hint, f"{key}.")
            elif key not in ("model", "data"):
                choices = ["true", "false"] if hint is bool else _literals(hint)
                text = " ".join((texts.get(field.name) or "").split()).partition(". ")[0]
                found.append((key, text or None, choices))

    visit(Experiment, "")
    return found


def _literals(hint: Any) -> list[str] | None:
    values = [value for value in get_args(hint) if isinstance(value, str)]
    return values or None


def _words(action: argparse.Action) -> set[str]:
    return {action.metavar.lower()} if isinstance(action.metavar, str) else set()
