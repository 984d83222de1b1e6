import subprocess
import sys
import types

import pytest

import sgnkit.cli
from sgnkit import _version
from sgnkit.cli import COMMANDS, main
from sgnkit.errors import ConfigError


@pytest.fixture
def command(monkeypatch):
    """Puts a function in the place of `sgnkit demo`."""

    def install(function):
        module = types.ModuleType("sgnkit.demo")
        module.main = function
        monkeypatch.setitem(sys.modules, "sgnkit.demo", module)

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


def test_hands_over_words_and_exit_code(command):
    seen = []
    command(lambda argv: seen.append(argv) or 7)
    assert main(["demo", "--seed", "1", "--debug"]) == 7
    assert seen == [["--seed", "1"]]
    command(lambda argv: None)
    assert main(["demo"]) == 0


def test_commands_of_the_training_get_their_name(monkeypatch):
    seen = []
    module = types.ModuleType("sgnkit.training.cli")
    module.main = seen.append
    monkeypatch.setattr(sgnkit.cli.importlib, "import_module", lambda name: module)
    for name in ("train", "test", "predict"):
        assert main([name, "--config", "a.yaml"]) == 0
    assert seen == [[name, "--config", "a.yaml"] for name in ("train", "test", "predict")]


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("There is no key 'modell'.", remedy="Use 'model'."),
        FileNotFoundError(2, "No such file or directory", "clips.zip"),
        ImportError("lightning is not installed. Install it with: pip install 'sgnkit[train]'"),
    ],
)
def test_mistakes_of_the_user_get_one_message(error, command, capsys):
    def fail(argv):
        raise error

    command(fail)
    assert main(["demo"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"sgnkit demo: {error}")
    assert "Traceback" not in err
    with pytest.raises(type(error)):
        main(["demo", "--debug"])


def test_package_of_an_extra_that_is_missing(command, capsys):
    def fail(argv):
        raise ModuleNotFoundError("No module named 'lightning'", name="lightning.pytorch")

    command(fail)
    assert main(["demo"]) == 2
    assert "Install it with: pip install 'sgnkit[train]'" in capsys.readouterr().err


def test_part_of_sgnkit_that_is_missing(command):
    def fail(argv):
        raise ModuleNotFoundError("No module named 'sgnkit.lost'", name="sgnkit.lost")

    command(fail)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


def test_other_errors_keep_their_traceback(command):
    def fail(argv):
        raise ValueError("a bug")

    command(fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["demo"])


def test_interrupt(command, capsys):
    def stop(argv):
        raise KeyboardInterrupt

    command(stop)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "sgnkit: interrupted\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys, sgnkit.cli; sgnkit.cli.main(['--help']);"
        "print([m for m in ('torch', 'numpy', 'norse', 'lightning') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_runs_as_a_module():
    command = [sys.executable, "-m", "sgnkit", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"sgnkit {_version.__version__}\n"
