import pytest
import torch

from sgnkit.nn import LIF, SpikingShortcut


@pytest.mark.parametrize("mode", ["sew", "or", "membrane"])
def test_how_spikes_join(mode):
    shortcut = SpikingShortcut(1, 1, mode=mode)
    assert str(shortcut) == f"SpikingShortcut(mode={mode}, identity)"
    x = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 4, 1, 1)
    current = torch.tensor([0.0, 4.0, 0.0, 4.0]).view(1, 4, 1, 1)  # fires in the 2nd and the 4th
    out = shortcut.join(x, current, LIF(tau=2.0, v_th=0.6)).flatten().tolist()
    expected = {"sew": [0, 1, 1, 2], "or": [0, 1, 1, 1], "membrane": [0, 1, 0, 1]}
    assert out == expected[mode]


def test_or_passes_the_gradient_where_the_layer_is_silent():
    x = torch.tensor([0.0, 0.0, 1.0, 1.0], requires_grad=True)
    current = torch.tensor([-9.0, 9.0, -9.0, 9.0])
    shortcut = SpikingShortcut(1, 1, mode="or")
    out = shortcut.join(x.view(1, 4, 1, 1), current.view(1, 4, 1, 1), LIF())
    out.sum().backward()
    assert x.grad.tolist() == [1, 0, 1, 0]


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="'sew', 'or', 'membrane' or None, got 'add'"):
        SpikingShortcut(1, 1, mode="add")
