import json

import pytest
import yaml

from sgnkit.errors import CheckpointError
from sgnkit.training.run_folder import latest_run, machine, new_run, portable, write_config


def test_folders_of_one_second_differ(experiment):
    folders = {new_run(experiment) for _ in range(3)}
    assert len(folders) == 3


def test_latest_run_is_one_that_can_be_continued(experiment):
    with pytest.raises(CheckpointError, match="no run to continue"):
        latest_run(experiment)
    first, second, _ = (new_run(experiment) for _ in range(3))
    for folder in (first, second):
        (folder / "checkpoints" / "last.ckpt").touch()
    assert latest_run(experiment) == second


def test_config_is_plain(experiment, tmp_path):
    experiment.model["hidden_channels"] = (4, 4)
    write_config(tmp_path / "config.yaml", experiment, "weights.pt")
    content = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert content["weights"] == "weights.pt"
    assert content["model"]["hidden_channels"] == [4, 4]


def test_machine_names_no_host_and_no_folder():
    import getpass
    import platform

    found = machine()
    assert {"cpu", "cores", "threads", "torch", "platform", "python"} <= set(found)
    assert platform.node() not in json.dumps(found)
    assert "/" + getpass.getuser() not in json.dumps(found)


def test_portable():
    words = ["sgnkit", "train", "--config", "/a/b.yaml", "--data.root=/c/d", "--seed", "1"]
    assert portable(words) == "sgnkit train --config b.yaml --data.root=d --seed 1"
