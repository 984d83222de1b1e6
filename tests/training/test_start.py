import csv
from pathlib import Path

import pytest
import torch

from sgnkit.errors import CheckpointError
from sgnkit.models import create_model
from sgnkit.training import read_checkpoint, read_experiment, train
from sgnkit.training.start import start_from


def net(num_classes=2, hidden_channels=(4, 4), num_steps=2):
    return create_model(
        "base_sgn_small",
        layout="sbu15",
        num_classes=num_classes,
        hidden_channels=hidden_channels,
        strides=[1, 1],
        num_steps=num_steps,
    )


def test_other_steps_take_every_weight(finished):
    model = net(num_steps=4)
    assert start_from(model, finished / "weights.pt") == []
    saved = read_checkpoint(finished / "weights.pt")["state_dict"]
    assert all(torch.equal(value, saved[key]) for key, value in model.state_dict().items())


def test_other_classes_keep_a_fresh_readout(finished):
    model = net(num_classes=5)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fresh = start_from(model, finished / "weights.pt")
    assert fresh and all("readout" in key for key in fresh)
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in fresh)


def test_another_network_is_refused(finished):
    with pytest.raises(CheckpointError, match="the weights belong to another model"):
        start_from(net(hidden_channels=(16, 16)), finished / "weights.pt")


def test_a_training_starts_from_them(finished, config, capsys):
    words = ["--start_from", str(finished / "weights.pt"), "--model.num_steps", "1"]
    words += ["--optim.lr", "1e-9", "--optim.weight_decay", "0", "--trainer.max_epochs", "1"]
    experiment, _ = read_experiment("train", ["--config", str(config), *words])
    folder = train(experiment)
    again, _ = read_experiment("train", ["--config", str(folder / "config.yaml")])
    assert Path(again.start_from).samefile(finished / "weights.pt")
    saved = read_checkpoint(finished / "weights.pt")["state_dict"]
    state = read_checkpoint(folder / "weights.pt")["state_dict"]
    assert all(
        torch.allclose(value, saved[key], atol=1e-6)
        for key, value in state.items()
        if "running" not in key and "num_batches" not in key
    )
    assert "so new:" not in capsys.readouterr().out
    with (folder / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert 0 < float(row["firing_rate"]) < 1


def test_the_path_is_relative_to_the_experiment_file(config, finished):
    config.write_text(config.read_text() + "start_from: some/weights.pt\n")
    experiment, _ = read_experiment("train", ["--config", str(config)])
    assert experiment.start_from == str(config.parent / "some/weights.pt")
