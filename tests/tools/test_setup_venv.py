import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """The set-up script over an empty project whose commands are written down and not run."""
    spec = importlib.util.spec_from_file_location("setup_venv", ROOT / "tools" / "setup_venv.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "a folder"
    (root / "tools").mkdir(parents=True)
    for name in ("setup.cfg", "pyproject.toml", "constraints.txt", "tools/setup_venv.py"):
        (root / name).write_text("")
    monkeypatch.setattr(module, "ROOT", str(root))
    monkeypatch.setattr(module, "VENV", str(root / ".venv"))
    monkeypatch.setattr(module, "STAMP", str(root / ".venv" / "setup.json"))
    monkeypatch.setattr(module, "WHEELS", str(root / ".venv" / "wheels"))
    monkeypatch.setattr(module, "scatter_folder", lambda: str(root / ".venv" / "wheels" / "fits"))
    monkeypatch.delenv("SCATTER", raising=False)
    module.commands, module.failing = [], set()

    def run(*command, **kwargs):
        module.commands.append(" ".join(command))
        if command[1:3] == ("-m", "venv"):
            python = Path(module.venv_python())
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "works", lambda code: code not in module.failing)
    return module


def test_second_call_does_nothing(setup):
    setup.install("demo")
    assert "-m venv" in setup.commands[0]
    assert setup.commands[-1].endswith("--constraint constraints.txt --editable .[train,viz]")
    setup.commands.clear()
    setup.install("demo")
    assert setup.commands == []


def test_the_set_up_for_the_tests_contains_the_others(setup):
    setup.install("test")
    setup.commands.clear()
    setup.install("demo")
    setup.install("docs")
    assert setup.commands == []
    assert json.loads(Path(setup.STAMP).read_text())["done"] == ["demo", "docs", "scatter", "test"]


@pytest.mark.parametrize("name", ["setup.cfg", "constraints.txt"])
def test_a_change_of_the_versions_installs_again(setup, name):
    setup.install("demo")
    setup.commands.clear()
    Path(setup.ROOT, name).write_text("changed")
    setup.install("demo")
    assert not any("-m venv" in command for command in setup.commands)
    assert any("--editable" in command for command in setup.commands)


def test_a_moved_folder_makes_the_environment_anew(setup):
    setup.install("demo")
    record = json.loads(Path(setup.STAMP).read_text())
    Path(setup.STAMP).write_text(json.dumps(record | {"root": "/elsewhere"}))
    setup.commands.clear()
    setup.install("demo")
    assert "-m venv" in setup.commands[0]


def test_torchvision_goes_only_when_it_is_broken(setup):
    setup.install("demo")
    assert not any("uninstall" in command for command in setup.commands)
    setup.commands.clear()
    setup.failing.add("import torchvision")
    setup.drop_broken_torchvision()
    assert setup.commands[0].endswith("pip uninstall --quiet --yes torchvision")


def test_scatter_is_built_once(setup, monkeypatch):
    setup.failing.add("import torch_scatter")
    built = []

    def build(folder):
        built.append(folder)
        Path(folder).mkdir(parents=True)
        Path(folder, "torch_scatter.whl").touch()

    monkeypatch.setattr(setup, "build_scatter", build)
    monkeypatch.setattr(setup.shutil, "which", lambda name: "/usr/bin/" + name)
    setup.install("test")
    setup.install_scatter()
    assert len(built) == 1
    assert setup.commands[-1].endswith("torch_scatter.whl")


def test_without_a_compiler(setup, monkeypatch, capsys):
    setup.failing.add("import torch_scatter")
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup.sys, "argv", ["setup_venv.py", "test"])
    assert setup.main() == 1
    assert "make SCATTER=0 test" in capsys.readouterr().err
    monkeypatch.setenv("SCATTER", "0")
    assert setup.main() == 0


def test_python_that_is_too_old(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup.sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(setup.sys, "argv", ["setup_venv.py", "demo"])
    assert setup.main() == 1
    err = capsys.readouterr().err
    assert "Python 3.10 or newer is needed" in err
    assert "make PYTHON=/path/to/python3.12 demo" in err
    assert setup.commands == []
