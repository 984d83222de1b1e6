import pickle

import pytest
import torch

from sgnkit.errors import CheckpointError
from sgnkit.layout import SkeletonLayout
from sgnkit.models.checkpoint import (
    build_model,
    describe_model,
    load_model,
    read_checkpoint,
    save_weights,
)

NAMES = ["sit", "stand"]


@pytest.fixture
def saved(tmp_path):
    """A file of weights, and the model that it came from."""
    layout = SkeletonLayout("stick", ("hip", "knee", "foot"), (0, 0, 1))
    options = {"hidden_channels": [8, 8], "strides": [1, 1], "neuron": {"LIF": {"v_th": 0.7}}}
    model = build_model("mk_sgn_small", layout, 2, options)
    path = tmp_path / "weights.pt"
    save_weights(path, model, describe_model(model, "mk_sgn_small", options, NAMES), epoch=3)
    return path, model


def test_a_file_alone_builds_the_model(saved):
    path, model = saved
    again = load_model(path)
    assert not again.training
    assert again.class_names == NAMES
    assert again.layout == model.layout
    assert str(again) == str(model)
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    assert read_checkpoint(path)["epoch"] == 3


def test_same_logits(make_batch, tmp_path):
    batch = make_batch()
    options = {"hidden_channels": [8, 8], "strides": [1, 2]}
    model = build_model("base_sgn_small", "kinect20", 2, options).eval()
    save_weights(tmp_path / "w.pt", model, describe_model(model, "base_sgn_small", options, NAMES))
    assert torch.equal(load_model(tmp_path / "w.pt")(batch), model(batch))


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": {"hidden_channels": [8]}},
        {"layout": "ntu25"},
        {"class_names": None},
        {"state_dict": [1]},
        {"versions": 3},
    ],
)
def test_wrong_parts_are_named(saved, change):
    path, _ = saved
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(CheckpointError, match=next(iter(change))):
        load_model(path)


def test_half_precision_is_stored_as_float32(saved, tmp_path):
    _, model = saved
    save_weights(tmp_path / "w.pt", model.bfloat16(), describe_model(model, "m", {}, NAMES))
    state = read_checkpoint(tmp_path / "w.pt")["state_dict"]
    assert {v.dtype for v in state.values() if v.is_floating_point()} == {torch.float32}


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    "save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o, protocol=2))]
)
def test_code_is_never_run(tmp_path, capsys, save):
    path = tmp_path / "evil.pt"
    save({"format": "sgnkit-1", "state_dict": Evil()}, path)
    with pytest.raises(CheckpointError, match=r"(?s)could run code.*remedy"):
        load_model(path)
    assert "code ran" not in capsys.readouterr().out


def test_damaged_and_foreign_files(saved, tmp_path):
    path, _ = saved
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_model(tmp_path / "nothing.pt")
    content = path.read_bytes()
    broken = tmp_path / "broken.pt"
    for part in (b"", b"text", content[: len(content) // 2], b"PK" + content[50:]):
        broken.write_bytes(part)
        with pytest.raises(CheckpointError, match=r"(?s)damaged.*broken.pt.*remedy"):
            load_model(broken)
    torch.save({"model_state": {}, "epoch": 1}, broken)
    with pytest.raises(CheckpointError, match="keys model_state, epoch"):
        load_model(broken)
    torch.save([1, 2], broken)
    with pytest.raises(CheckpointError, match="list"):
        load_model(broken)


def test_other_versions(saved, tmp_path):
    path, _ = saved
    content = torch.load(path, weights_only=True)
    content["versions"]["sgnkit"] = "9.9"
    for change in ({"no_such_option": 1}, {"name": "no_such_model"}, {"hidden_channels": [4, 4]}):
        torch.save({**content, "model": {**content["model"], **change}}, path)
        with pytest.raises(CheckpointError, match=r"(?s)do not fit.*written by sgnkit 9.9"):
            load_model(path)


def test_neurons_by_name(saved):
    layout = saved[1].layout
    model = build_model("base_sgn_small", layout, 2, {"neuron": "LIF"})
    assert float(model.encoders[0].neuron.v_th) == 1.0
    with pytest.raises(ValueError, match="no 'Linear'"):
        build_model("base_sgn_small", layout, 2, {"neuron": "Linear"})
