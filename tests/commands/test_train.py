import csv
import json
import os
import signal
import subprocess
import sys

import pytest

from sgnkit.cli import main
from sgnkit.training import load_model


def test_test_and_predict(finished, config, tmp_path, capsys):
    result = json.loads((finished / "results.json").read_text())
    capsys.readouterr()
    assert main(["test", "--config", str(finished / "config.yaml")]) == 0
    printed = capsys.readouterr().out
    assert f"accuracy {result['accuracy']:.2%} (4 clips)" in printed
    names = list(result["per_class"])
    for word in (*names, "firing rates", "encoders.0.neuron", "paper", "strict"):
        assert word in printed

    for out in (tmp_path / "p.csv", tmp_path / "p.json"):
        words = [
            "--config",
            str(config),
            "--weights",
            str(finished / "weights.pt"),
            "--out",
            str(out),
        ]
        assert main(["predict", *words, "--split", "all"]) == 0
        with out.open(newline="") as file:
            rows = json.load(file) if out.suffix == ".json" else list(csv.DictReader(file))
        assert len(rows) == 20
        assert list(rows[0]) == ["clip", "prediction", *names]
        shares = [float(rows[0][name]) for name in names]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert rows[0]["prediction"] == names[shares.index(max(shares))]


def test_mistakes_give_one_message(config, capsys):
    for words in (["--optim.lrr", "1"], ["--weights", "nothing.pt"], ["--split", "exam"]):
        assert main(["test", "--config", str(config), *words]) == 2
        message = capsys.readouterr().err
        assert message.startswith("sgnkit test: ")
        assert "Traceback" not in message


@pytest.mark.slow
def test_interrupt_and_continue(config):
    words = [sys.executable, "-m", "sgnkit", "train", "--config", str(config)]
    words += ["--trainer.max_epochs", "2000", "--trainer.progress_bar", "auto"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    for line in process.stdout:
        if line.startswith("epoch   2/2000"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "--ckpt_path last" in errors
    (last,) = (config.parent / "runs").rglob("last.ckpt")
    load_model(last)
