"""A training that takes a second: twelve clips of two classes, a network of two blocks."""

import copy

import lightning as L
import pytest
import torch
import yaml
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.strategies import SingleDeviceStrategy

from sgnkit.training import read_experiment, run, train

EXPERIMENT = {
    "model": {
        "name": "base_sgn_small",
        "hidden_channels": [4, 4],
        "strides": [1, 1],
        "num_steps": 2,
        "dropout": 0.2,
    },
    "data": {"name": "SyntheticActions", "num_clips": 20, "num_classes": 2, "layout": "sbu15"},
    "train_transforms": [
        "Center",
        {"Jitter": {"std": 0.05}},
        {"UniformSample": {"num_frames": 6, "random": True}},
    ],
    "test_transforms": ["Center", {"UniformSample": {"num_frames": 6}}],
    "batch_size": 4,
    "optim": {"lr": 0.05, "warmup_epochs": 1},
    "trainer": {"max_epochs": 3, "accelerator": "cpu", "check": False, "progress_bar": "off"},
}


def write(folder):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**EXPERIMENT, "output": str(folder / "runs")}))
    return path


@pytest.fixture(scope="session")
def values():
    """The experiment as plain values."""
    return copy.deepcopy(EXPERIMENT)


@pytest.fixture
def config(tmp_path):
    """An experiment file."""
    return write(tmp_path)


@pytest.fixture
def experiment(config):
    return read_experiment("train", ["--config", str(config)])[0]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The run folder of the experiment."""
    path = write(tmp_path_factory.mktemp("finished"))
    return train(read_experiment("train", ["--config", str(path)])[0], command="sgnkit train")


class ElsewhereAccelerator(Accelerator):
    """The device of the fixture `elsewhere` as Lightning sees it."""

    def setup_device(self, device):
        pass

    def teardown(self):
        pass

    @staticmethod
    def parse_devices(devices):
        return devices

    @staticmethod
    def get_parallel_devices(devices):
        return [torch.device("elsewhere", 0)]

    @staticmethod
    def auto_device_count():
        return 1

    @staticmethod
    def is_available():
        return True

    @staticmethod
    def name():
        return "elsewhere"


@pytest.fixture
def train_elsewhere(elsewhere):
    """`with train_elsewhere:` experiments are trained on another device."""

    def trainer(**options):
        if not torch.elsewhere.is_available():
            return make(**options)
        strategy = SingleDeviceStrategy("elsewhere:0", accelerator=ElsewhereAccelerator())
        return make(**{**options, "accelerator": "auto", "strategy": strategy})

    make = L.Trainer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.L, "Trainer", trainer)
        yield elsewhere
