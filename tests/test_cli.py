import subprocess
import sys
import types

import pytest

from sgnkit import _version
from sgnkit.cli import main
from sgnkit.commands import COMMANDS
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError


@pytest.fixture
def command(monkeypatch):
    """Puts a function in the place of what `sgnkit demo` does."""

    def install(function):
        module = types.ModuleType("sgnkit.commands.demo")

        def parser(name):
            sub = CommandParser(name)
            sub.add_argument("--seed", type=int, default=0)
            sub.set_defaults(run=function)
            return sub

        module.parser = parser
        monkeypatch.setitem(sys.modules, "sgnkit.commands.demo", module)

    return install


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(argv, capsys):
    assert main(argv) == 0
    out = capsys.readouterr().out
    for name, entry in COMMANDS.items():
        assert f"  {name}" in out
        assert entry.summary in out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sgnkit {_version.__version__}\n"


def test_unknown_command_names_the_nearest(capsys):
    assert main(["trian"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no command 'trian'. Did you mean 'train'?" in captured.err
    assert main(["--verbose"]) == 2
    assert "no option '--verbose'" in capsys.readouterr().err


def test_hands_over_options_and_exit_code(command):
    seen = []
    command(lambda options, out: seen.append((options.seed, out.quiet, out.json)) or 7)
    assert main(["demo", "--seed", "1", "--debug"]) == 7
    assert main(["--debug", "demo", "--quiet", "--json"]) == 7
    assert seen == [(1, False, False), (0, True, True)]
    command(lambda options, out: None)
    assert main(["demo"]) == 0


def test_commands_of_two_words(capsys):
    assert main(["data", "--help"]) == 0
    text = capsys.readouterr().out
    assert "usage: sgnkit data COMMAND" in text and "data check" in text and "train" not in text
    assert main(["help", "data", "check"]) == 0
    assert "usage: sgnkit data check" in capsys.readouterr().out
    assert main(["data"]) == 2
    capsys.readouterr()
    assert main(["data", "chek"]) == 2
    assert "no command 'data chek'. Did you mean 'data check'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("There is no key 'modell'.", remedy="Use 'model'."),
        FileNotFoundError(2, "No such file or directory", "clips.zip"),
        NotADirectoryError(20, "Not a directory", "clips.zip/a"),
        ImportError("lightning is not installed. Install it with: pip install 'sgnkit[train]'"),
    ],
)
def test_mistakes_of_the_user_get_one_message(error, command, capsys, monkeypatch):
    def fail(options, out):
        raise error

    command(fail)
    assert main(["demo"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"sgnkit demo: {error}")
    assert "Traceback" not in err
    with pytest.raises(type(error)):
        main(["demo", "--debug"])
    monkeypatch.setenv("SGNKIT_DEBUG", "1")
    with pytest.raises(type(error)):
        main(["demo"])


def test_package_of_an_extra_that_is_missing(command, capsys):
    def fail(options, out):
        raise ModuleNotFoundError("No module named 'lightning'", name="lightning.pytorch")

    command(fail)
    assert main(["demo"]) == 2
    assert "Install it with: pip install 'sgnkit[train]'" in capsys.readouterr().err


def test_part_of_sgnkit_that_is_missing(command):
    def fail(options, out):
        raise ModuleNotFoundError("No module named 'sgnkit.lost'", name="sgnkit.lost")

    command(fail)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


def test_other_errors_keep_their_traceback(command):
    def fail(options, out):
        raise ValueError("a bug")

    command(fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["demo"])


def test_full_disk_is_a_failure_without_traceback(command, capsys):
    def fail(options, out):
        raise OSError(28, "No space left on device")

    command(fail)
    assert main(["demo"]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_interrupt(command, capsys):
    def stop(options, out):
        raise KeyboardInterrupt

    command(stop)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "sgnkit: interrupted\n"


def test_runs_as_a_module():
    command = [sys.executable, "-m", "sgnkit", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"sgnkit {_version.__version__}\n"


def test_reader_that_has_enough():
    command = f"{sys.executable} -m sgnkit --help | true"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in result.stderr
