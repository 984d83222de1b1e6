import pytest
import torch
from torch import nn

from sgnkit.distill import tap


def network():
    return nn.Sequential(
        nn.Linear(3, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 4)), nn.Linear(4, 2)
    )


def test_features_are_what_the_submodules_return():
    model, x = network(), torch.rand(5, 3)
    out, features = tap(model, ["0", "1.1"], x)
    assert torch.equal(out, model(x))
    assert torch.equal(features["0"], model[0](x))
    assert torch.equal(features["1.1"], model[1](model[0](x)))
    assert not any(part._forward_hooks for part in model.modules())


def test_unknown_names_are_answered_with_the_nearest():
    model = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(2, 2)])})
    with pytest.raises(ValueError, match=r"no submodule 'block\.0'; did you mean 'blocks\.0'\?"):
        tap(model, ["block.0"], torch.rand(1, 2))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(2, 2)
        self.idle = nn.Linear(2, 2)
        self.pair = nn.LSTM(2, 2)

    def forward(self, x):
        return self.lin(self.lin(self.pair(x)[0]))


@pytest.mark.parametrize(
    ("name", "words"), [("lin", "ran 2 times"), ("idle", "ran 0 times"), ("pair", "returned tuple")]
)
def test_a_tap_must_give_one_tensor(name, words):
    model = Twice()
    with pytest.raises(ValueError, match=words):
        tap(model, [name], torch.rand(1, 2))
    assert not any(part._forward_hooks for part in model.modules())


def test_hooks_are_taken_away_after_an_error():
    model = network()
    with pytest.raises(RuntimeError):
        tap(model, ["0"], torch.rand(5, 4))
    assert not model[0]._forward_hooks
