import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sgnkit.cli import main
from sgnkit.training import Scores, load_model


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
    for words in (
        ["--optim.lrr", "1"],
        ["--weights", "nothing.pt"],
        ["--split", "exam"],
        ["--seed", "-1"],
        ["--num_workers", "-2"],
        ["--optim.warmup_epochs", "-1"],
    ):
        assert main(["test", "--config", str(config), *words]) == 2
        message = capsys.readouterr().err
        assert message.startswith("sgnkit test: ")
        assert "Traceback" not in message


def test_json_on_standard_output_and_nothing_else(finished, config, tmp_path, capfd):
    saved = json.loads((finished / "results.json").read_text())
    run = ["--config", str(finished / "config.yaml"), "--json"]

    def answer(*words):
        assert main(list(words)) == 0
        return json.loads(capfd.readouterr().out)

    found = answer("test", *run)
    assert found["accuracy"] == saved["accuracy"] and "encoders.0.neuron" in found["firing_rates"]
    rows = answer("predict", *run)
    assert len(rows) == saved["clips"] and not (tmp_path / "predictions.csv").exists()
    ckpt = ["--ckpt", str(finished / "weights.pt"), "--synthetic", "--frames", "6"]
    (report,) = answer("energy", *ckpt, "--clips", "1", "--json").values()
    assert report["estimate"]
    trained = answer("train", "--config", str(config), "--json", "--trainer.max_epochs", "1")
    assert trained["epochs"] == 1 and (Path(trained["folder"]) / "weights.pt").is_file()


def test_quiet(config, capfd):
    words = ["--config", str(config), "--quiet", "--trainer.max_epochs", "1"]
    assert main(["train", *words, "--trainer.progress_bar", "on"]) == 0
    captured = capfd.readouterr()
    first, second = captured.out.splitlines()
    assert first.startswith("base_sgn_small: accuracy ") and second.startswith("results: ")
    assert captured.err == ""


def test_scores_as_a_teacher(finished, tmp_path, capsys):
    out = tmp_path / "scores.npz"
    words = ["--config", str(finished / "config.yaml"), "--split", "train", "--out", str(out)]
    assert main(["predict", *words]) == 0
    assert len(Scores.load(out).names) > 0
    assert main(["predict", *words[:-1], "a.doc"]) == 2
    assert "cannot write this kind of file" in capsys.readouterr().err
    assert main(["predict", *words[:4], "--data.layout", "ntu25"]) == 2
    assert "the weights were trained on other data" in capsys.readouterr().err


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
