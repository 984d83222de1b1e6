import pytest
import torch
from torch import nn
from torch_geometric.data import Batch, Data

from sgnkit.errors import DataError
from sgnkit.models import create_model
from sgnkit.nn import LIF
from sgnkit.training import check_labels, check_precision, check_start
from sgnkit.training.data import training_clips


class Clips(list):
    transform = None


def clips(*labels):
    return Clips(Data(y=torch.tensor([y]), name=f"clip{i}") for i, y in enumerate(labels))


def test_labels():
    assert check_labels(clips(0, 2, 2), 3).tolist() == [1, 0, 2]
    with pytest.raises(DataError, match=r"(?s)clip1.*0 to 2.*3"):
        check_labels(clips(0, 3), 3)
    with pytest.raises(DataError, match="-1"):
        check_labels(clips(-1, 0), 3)
    with pytest.raises(DataError, match="only class 1"):
        check_labels(clips(1, 1), 3)


def test_labels_of_joined_splits_are_read_without_transforms(experiment):
    joined, _ = training_clips(experiment)
    joined.datasets[0].transform = None
    joined.datasets[1].transform = 1 / 2  # would fail if it were called
    assert check_labels(joined, 2).sum() == 16


@pytest.mark.parametrize("name", ["base_sgn_small", "mk_sgn_small"])
def test_presets_start_well(experiment, name):
    joined, _ = training_clips(experiment)
    batch = Batch.from_data_list([joined[i] for i in range(16)])
    model = create_model(name, layout="sbu15", num_classes=2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    check_start(model, batch)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


class Net(nn.Module):
    def __init__(self, gain, scale=0.0):
        super().__init__()
        self.neuron = LIF()
        self.gain, self.scale = gain, scale

    def forward(self, batch):
        self.neuron(torch.full((4, 8), self.gain))
        return F.one_hot(1 - batch.y, 2) * self.scale


F = nn.functional


def test_findings():
    batch = Batch.from_data_list(clips(0, 1))
    assert check_start(Net(1.2), batch) == []
    (silent,) = check_start(Net(0.0), batch)
    assert "hardly fire: neuron (0.0%)" in silent
    (loud,) = check_start(Net(9.0), batch)
    assert "too often: neuron (100.0%)" in loud
    (loss,) = check_start(Net(1.2, scale=5.0), batch)
    assert "5.01" in loss
    assert "0.69" in loss
    (nan,) = check_start(Net(1.2, scale=float("nan")), batch)
    assert "not a number" in nan


@pytest.mark.parametrize("supported", [True, False])
def test_bfloat16_on_a_cpu_without_it(monkeypatch, supported):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    cpu = torch.device("cpu")
    warnings = check_precision("bf16-mixed", cpu)
    assert len(warnings) == (0 if supported else 1)
    assert all("set trainer.precision to 32-true" in text for text in warnings)
    assert check_precision("32-true", cpu) == []
    assert check_precision("bf16-mixed", torch.device("cuda")) == []
