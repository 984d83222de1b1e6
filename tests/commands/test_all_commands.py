"""What holds for every command of `sgnkit`: help, examples, mistakes, quick start."""

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import sgnkit.commands
from sgnkit.cli import main
from sgnkit.commands import COMMANDS, GROUPS
from sgnkit.commands.parser import KeyParser

HEAVY = ("torch", "numpy", "norse", "lightning", "matplotlib", "jsonargparse", "shtab")
NAMES = list(COMMANDS)


def parser(name):
    return sgnkit.cli.importlib.import_module(COMMANDS[name].module).parser(name)


def examples(name):
    text = parser(name).format_help().split("examples:\n")[1]
    return [shlex.split(line.split(" > ")[0]) for line in text.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_help(name, capsys):
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: sgnkit {name} ")
    assert COMMANDS[name].summary[1:] in text
    for word in ("--quiet", "--debug", "examples:"):
        assert word in text
    assert COMMANDS[name].group in GROUPS


def test_help_of_all_commands_imports_nothing_heavy():
    """All help pages in one process: whatever one of them imports is seen."""
    code = (
        "import sys\nfrom sgnkit.cli import main\nfrom sgnkit.commands import COMMANDS\n"
        "for name in ['', *COMMANDS]:\n    assert main([*name.split(), '--help']) == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_examples_parse(name):
    found = examples(name)
    assert found
    for words in found:
        assert " ".join(words[1 : 1 + len(name.split())]) == name
        options = parser(name).parse_args(words[1 + len(name.split()) :])
        assert callable(options.run)
        known = {text for action in parser(name)._actions for text in action.option_strings}
        for word in getattr(options, "words", []):
            assert not word.startswith("--") or word in known


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option(name, capsys):
    if isinstance(parser(name), KeyParser):
        words = [*KEYS, "--optim.lrr", "1"]
    else:
        words = [*examples(name)[0][1 + len(name.split()) :], "--quiett"]
    assert main([*name.split(), *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err.startswith(f"sgnkit {name}: ")
    assert "did you mean" in captured.err and "remedy:" in captured.err


KEYS = ["--model.name", "base_sgn_small", "--data.name", "SyntheticActions"]


@pytest.mark.parametrize("name", NAMES)
def test_commands_have_one_form(name):
    run = parser(name).get_default("run")
    assert list(inspect.signature(run).parameters) == ["options", "out"]
    assert re.fullmatch(r"[a-z][^.]*", COMMANDS[name].summary)


def test_the_documentation_names_every_command():
    page = Path(__file__).resolve().parents[2] / "docs" / "api" / "cli.md"
    rows = re.findall(r"^\| `(sgnkit .*?) \|", page.read_text(encoding="utf-8"), re.M)
    words = {word for row in rows for word in re.findall(r"[a-z]+", row)}
    assert {word for name in NAMES for word in name.split()} <= words
