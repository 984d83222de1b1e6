import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from sgnkit.errors import CheckpointError, ConfigError
from sgnkit.training import Interrupted, Scores, load_model, read_checkpoint, read_experiment, train
from sgnkit.training import callbacks as module
from sgnkit.training.testing import test as run_test


def experiment_of(config, *words):
    return read_experiment("train", ["--config", str(config), *words])[0]


def state(folder):
    return read_checkpoint(folder / "weights.pt")["state_dict"]


def equal(one, two):
    return list(one) == list(two) and all(torch.equal(one[key], two[key]) for key in one)


@pytest.fixture
def interrupt(monkeypatch):
    """Sends Ctrl-C to this process after a batch of an epoch."""
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

    def at(epoch, batch):
        def send(self, trainer, pl_module, outputs, data, batch_idx):
            if trainer.current_epoch == epoch and batch_idx == batch:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(module.EpochLog, "on_train_batch_end", send)

    yield at
    signal.signal(signal.SIGINT, handler)


def test_train_writes_a_run_folder(finished):
    folder = finished
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "checkpoints",
        "config.yaml",
        "confusion.png",
        "curves.png",
        "energy.json",
        "metrics.csv",
        "report.html",
        "results.json",
        "run.json",
        "scores.npz",
        "weights.pt",
    }
    result = json.loads((folder / "results.json").read_text())
    assert result["epoch"] == result["epochs"] == 3
    assert (result["train_clips"], result["clips"], result["clean_clips"]) == (16, 4, 4)
    assert result["energy_mj"]["paper"] > 0
    assert result["energy_mj"]["strict"] > 0
    assert result["seconds_per_epoch"] > 0
    assert str(folder.parents[1]) not in json.dumps(result["machine"])
    assert (folder / "weights.pt").stat().st_size < 5e6

    # The folder alone repeats the figure, from any working directory.
    again, _ = read_experiment("test", ["--config", str(folder / "config.yaml")])
    report = run_test(again)
    assert report.result["accuracy"] == result["accuracy"]
    saved = Scores.load(folder / "scores.npz")
    assert saved.names == report.scores.names
    assert torch.equal(saved.logits, report.scores.logits)

    # A checkpoint of the training builds the same model.
    last = load_model(folder / "checkpoints" / "last.ckpt")
    assert equal(last.state_dict(), load_model(folder / "weights.pt").state_dict())


def test_seed_decides(config, finished):
    assert equal(state(finished), state(train(experiment_of(config))))
    assert not equal(state(finished), state(train(experiment_of(config, "--seed", "1"))))


@pytest.mark.parametrize(("epoch", "batch"), [(0, 1), (1, 2), (2, 3)])
def test_continued_training_equals_uninterrupted_training(
    config, finished, interrupt, monkeypatch, epoch, batch
):
    with monkeypatch.context():
        interrupt(epoch, batch)
        with pytest.raises(Interrupted, match="saved in"):
            train(experiment_of(config, "--name", "parts"))
        monkeypatch.undo()
    continued = train(experiment_of(config, "--name", "parts"), "last")
    assert len(list(continued.parent.iterdir())) == 1
    assert equal(state(finished), state(continued))
    ends = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (finished, continued)
    ]
    momenta = [end["optimizer_states"][0]["state"] for end in ends]
    for key, value in momenta[0].items():
        assert torch.equal(value["momentum_buffer"], momenta[1][key]["momentum_buffer"])
    rows = (continued / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"]


def test_on_another_device(config, finished, interrupt, monkeypatch, train_elsewhere):
    with train_elsewhere:
        interrupt(1, 2)
        with pytest.raises(Interrupted):
            train(experiment_of(config))
        monkeypatch.undo()
        folder = train(experiment_of(config), "last")
    assert len(train_elsewhere.waits) > 100  # it was there
    assert equal(state(finished), state(folder))
    results = [json.loads((f / "results.json").read_text()) for f in (finished, folder)]
    for key in ("accuracy", "firing_rate", "energy_mj"):
        assert results[0][key] == results[1][key]


def test_validation_on_another_device(config, train_elsewhere):
    words = ["--validation", "true", "--epoch_rule", "best_val", "--optim.name", "adamw"]
    words += ["--optim.grad_clip", "1.0"]
    expected = train(experiment_of(config, *words))
    with train_elsewhere:
        folder = train(experiment_of(config, *words))
    assert equal(state(expected), state(folder))


def test_loader_processes_change_nothing(config, finished):
    assert equal(state(finished), state(train(experiment_of(config, "--num_workers", "2"))))


def test_best_val_keeps_the_best_validated_epoch(config):
    folder = train(experiment_of(config, "--validation", "true", "--epoch_rule", "best_val"))
    result = json.loads((folder / "results.json").read_text())
    rows = (folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("val_accuracy")
    values = [float(row.split(",")[column]) for row in rows[1:]]
    assert result["epoch"] == values.index(max(values)) + 1
    assert result["val_clips"] == 2
    assert result["train_clips"] == 14


def test_bf16_and_deterministic(config, monkeypatch, capsys):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    words = ["--trainer.precision", "bf16-mixed", "--trainer.deterministic", "true"]
    try:
        folder = train(experiment_of(config, *words, "--trainer.max_epochs", "1"))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.isfinite(value).all() for value in state(folder).values())
    assert "trainer.precision to 32-true" in capsys.readouterr().out


def test_tensorboard(config):
    words = ["--trainer.tensorboard", "true", "--trainer.max_epochs", "1"]
    folder = train(experiment_of(config, *words))
    assert list((folder / "tensorboard").iterdir())


def test_mistakes(config, finished, tmp_path):
    with pytest.raises(ConfigError, match="at most 16"):
        train(experiment_of(config, "--batch_size", "17"))
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"(?i)gpu|cuda|accelerator"):
            train(experiment_of(config, "--trainer.accelerator", "gpu"))
    assert not (tmp_path / "runs").exists()
    with pytest.raises(CheckpointError, match="no run to continue"):
        train(experiment_of(config, "--name", "none"), "last")
    with pytest.raises(ConfigError, match="strides"):
        train(experiment_of(config, "--model.strides", "[1]"))
    (tmp_path / "foreign.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="damaged"):
        train(experiment_of(config), str(tmp_path / "foreign.ckpt"))
    with pytest.raises(CheckpointError, match="another model"):
        words = ["--model.hidden_channels", "[8, 8]"]
        train(experiment_of(config, *words), str(finished / "checkpoints" / "last.ckpt"))
    with pytest.raises(CheckpointError, match="weights only"):
        train(experiment_of(config), str(finished / "weights.pt"))


@pytest.mark.slow
def test_two_processes_share_the_batch(config):
    code = (
        "import sys, sgnkit.training.data as data\n"
        "from sgnkit.cli import main\n"
        "make = data.DataLoader\n"
        "def loud(clips, batch_size, **more):\n"
        "    print('clips per process', batch_size, flush=True)\n"
        "    return make(clips, batch_size=batch_size, **more)\n"
        "data.DataLoader = loud\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    script = config.parent / "run.py"
    script.write_text(code)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*torchrun, "--nproc_per_node=2", str(script), "train", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("clips per process 2") == 2
    (result,) = (config.parent / "runs").rglob("results.json")
    assert json.loads(result.read_text())["devices"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["sgnkit", "torchrun"])
def test_two_processes_train_as_one(config, launcher):
    """To rounding, with statistics over the whole batch; bodies, dropout aside, are the same."""
    words = ["train", "--config", str(config), "--model.dropout", "0", "--trainer.max_epochs", "2"]
    words += ["--validation", "true", "--trainer.firing_rates", "false", "--name", "two"]
    one = train(experiment_of(config, *words[3:], "--name", "one"))
    command = [sys.executable, "-m", "sgnkit", *words, "--trainer.devices", "2"]
    if launcher == "torchrun":
        run = ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "sgnkit"]
        command = [sys.executable, "-m", *run, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (config.parent / "runs" / "two").rglob("results.json")
    result, alone = (json.loads((p / "results.json").read_text()) for p in (path.parent, one))
    assert (result["devices"], alone["devices"]) == (2, 1)
    two = state(path.parent)
    for key, value in state(one).items():
        torch.testing.assert_close(two[key], value, rtol=1e-3, atol=1e-5, msg=key)
    # each test clip counts once, and each clip of the validation in each process
    assert Scores.load(path.parent / "scores.npz").names == Scores.load(one / "scores.npz").names
    assert result["accuracy"] == alone["accuracy"]
    rows = [(p / "metrics.csv").read_text().splitlines() for p in (path.parent, one)]
    for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
        column = rows[0][0].split(",").index(name)
        first, second = ([float(r.split(",")[column]) for r in part[1:]] for part in rows)
        assert first == pytest.approx(second, rel=1e-3)
