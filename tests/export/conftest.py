"""A tiny network with weights, and its exports, written once."""

import pytest
import torch

from sgnkit.cli import main
from sgnkit.models.checkpoint import build_model, describe_model, save_weights

RECIPE = [{"UniformSample": {"num_frames": 6}}]
OPTIONS = {"hidden_channels": [8], "strides": [2], "num_steps": 2, "kernel_size": 3}


def write_weights(path, name="base_sgn_small", **more):
    """Trained-looking weights: batch norms have seen clips."""
    torch.manual_seed(0)
    model = build_model(name, "kinect20", 3, {**OPTIONS, **more})
    from sgnkit.export import TensorModel

    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    x = torch.randn(4, 1, 6, 20, 3)
    TensorModel(model.train())(x, torch.ones(4, 1, dtype=torch.bool))
    description = describe_model(model, name, {**OPTIONS, **more}, ["sit", "stand", "wave"])
    save_weights(path, model, description, config={"test_transforms": RECIPE})
    return model.eval()


@pytest.fixture(name="write_weights", scope="session")
def _write_weights():
    return write_weights


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Returns the file of the network in a format, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("exported")
    write_weights(folder / "net.pt")

    def find(kind):
        path = folder / f"net.{kind}"
        if not path.exists():
            words = ["export", "--format", kind, "--ckpt", str(folder / "net.pt")]
            assert main([*words, "--out", str(path), "--frame_rate", "30"]) == 0
        return path

    return find
