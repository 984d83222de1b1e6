"""The examples: each explains itself quickly, and each runs."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

import sgnkit.layout

FOLDER = Path(__file__).resolve().parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
NAMES = [path.stem for path in EXAMPLES]
ACCURACY = re.compile(r"^test accuracy +([\d.]+)%", re.M)


def load(path):
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # PyG looks a layer's annotations up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_help(path, capsys):
    module = load(path)
    with pytest.raises(SystemExit) as exit_:
        module.main(["--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert module.__doc__.splitlines()[0] in text
    assert f"examples/{path.name}" in text
    assert "--output" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_is_short_and_listed(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 120
    assert f"[{path.name}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_ladder_is_whole():
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 15


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_runs(path, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(sgnkit.layout, "_REGISTRY", dict(sgnkit.layout._REGISTRY))
    output = tmp_path / "made"
    with torch.random.fork_rng():
        load(path).main(["--output", str(output)])
    captured = capfd.readouterr()  # capfd, as one of them starts processes
    assert "100%|" in captured.err or "frames:" in captured.err
    text = captured.out
    pictures = [*output.glob("*.png"), *output.glob("*.gif")]
    assert pictures and str(output) in text
    assert all(picture.name in text for picture in pictures)
    for accuracy in ACCURACY.findall(text):
        assert float(accuracy) >= 80
