import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, QUICK, SCRIPTS, main, parse

ROOT = Path(__file__).resolve().parents[2]


def test_every_module_has_its_place():
    for path in (ROOT / "benchmarks").glob("*.py"):
        if "def run(options: Options) -> Results" in path.read_text(encoding="utf-8"):
            assert path.stem in (*BENCHMARKS, "harness"), path
    assert set(QUICK) <= set(BENCHMARKS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["neurons"], "no benchmark is named 'neurons'"),
        (["--rounds", "1"], "--rounds must be at least 3, got 1"),
        (["--threads", "2", "0"], "--threads must be at least 1, got 0"),
    ],
)
def test_mistakes_are_named(words, message, capsys):
    with pytest.raises(SystemExit):
        parse(words)
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_benchmark_runs(tmp_path, capsys):
    quick = ["--threads", "1", "--rounds", "3", "--seconds", "0.1", "--device", "cpu"]
    main(["neuron", *quick, "--clock", "cpu", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "neuron.json").read_text(encoding="utf-8"))
    assert {row["case"]["type"] for row in found["rows"]} == {"float32", "bfloat16"}
    assert {"sgnkit compiled", "Norse cell", "floor"} <= set(found["rows"][0]["sides"])
    assert "neuron.json" in capsys.readouterr().out


@pytest.mark.slow
def test_scripts_have_help():
    for name in SCRIPTS:
        command = [sys.executable, "-m", "benchmarks", name, "--help"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "usage" in found.stdout
