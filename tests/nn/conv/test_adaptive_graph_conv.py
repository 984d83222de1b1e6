import pytest
import torch

import sgnkit
from sgnkit.nn import AdaptiveGraphConv


@pytest.mark.parametrize("data_dependent", [True, False])
def test_equation(data_dependent, graph):
    """Against the published form over (bodies, channels, frames, joints), written out."""
    torch.manual_seed(0)
    conv = AdaptiveGraphConv(8, 16, "kinect20", data_dependent=data_dependent).double().eval()
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    x = torch.randn(6, 80, 8, dtype=torch.float64)
    bodies = x.view(6, 4, 20, 8).permute(1, 3, 0, 2)  # N C T V
    fixed = sgnkit.get_layout("kinect20").adjacency("spatial").double()
    total = torch.zeros(4, 16, 6, 20, dtype=torch.float64)
    for k in range(3):
        weight = (fixed[k] + conv.learned[k]).expand(4, 20, 20)
        if data_dependent:
            rows = conv.embed.weight.view(2, 3, 4, 8)[:, k]
            bias = conv.embed.bias.view(2, 3, 4)[:, k]
            theta, phi = (
                torch.einsum("oc,nctv->notv", rows[i], bodies) + bias[i][:, None, None]
                for i in range(2)
            )
            scores = torch.einsum("nctv,nctw->nvw", theta, phi) / (4 * 6)
            weight = weight + scores.softmax(-2)
        moved = torch.einsum("nctv,nvw->nctw", bodies, weight)
        total += torch.einsum("oc,nctw->notw", conv.lin.weight.view(16, 3, 8)[:, k], moved)
        total += conv.bias[k][:, None, None]
    out = total.permute(2, 0, 3, 1).reshape(6, 80, 16)
    expected = (conv.norm(out) + conv.shortcut_norm(conv.shortcut(x))).relu()
    torch.testing.assert_close(conv(x, graph), expected)


def test_graph_of_the_layout():
    conv = AdaptiveGraphConv(3, 64, "kinect20")
    fixed = conv.fixed()
    assert [int((a != 0).sum()) for a in fixed] == [20, 19, 19]
    assert fixed.sum((1, 2)).tolist() == pytest.approx([20, 19, 15])
    assert fixed.norm(dim=(1, 2)).tolist() == pytest.approx([4.4721, 4.3589, 3.7081], abs=1e-4)
    assert fixed[1][4, 5] == 1 and fixed[1][5, 4] == 0  # the elbow hears the shoulder
    assert conv.learned.unique().tolist() == pytest.approx([1e-6])
    assert "fixed.weight" in conv.state_dict()


def test_a_joint_without_parent_still_hears_the_others(graph):
    torch.manual_seed(0)
    conv = AdaptiveGraphConv(8, 8, "kinect20").eval()
    torch.nn.init.ones_(conv.norm.weight)
    x = torch.randn(6, 80, 8)
    other = x.clone()
    other[:, 19] += 1.0  # a foot of the first body
    changed = (conv(other, graph) != conv(x, graph)).any(-1).any(0)
    assert changed[:20].all() and not changed[20:].any()


def test_start_values():
    torch.manual_seed(0)
    conv = AdaptiveGraphConv(64, 256, "ntu25")
    assert conv.lin.weight.std().item() == pytest.approx((2 / (256 * 64 * 3)) ** 0.5, rel=0.02)
    assert conv.embed.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    assert conv.shortcut.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)
    assert not conv.bias.any() and not conv.embed.bias.any() and not conv.shortcut.bias.any()
