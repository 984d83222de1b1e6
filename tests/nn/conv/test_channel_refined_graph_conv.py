import pytest
import torch

import sgnkit
from sgnkit.nn import ChannelRefinedGraphConv


@pytest.mark.parametrize("transpose", [True, False])
def test_equation(transpose, graph):
    """Against the published form over (bodies, channels, frames, joints), written out."""
    torch.manual_seed(0)
    conv = ChannelRefinedGraphConv(8, 16, "kinect20", transpose=transpose).double().eval()
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn_like(parameter))
    assert conv.embed_channels == 8
    x = torch.randn(6, 80, 8, dtype=torch.float64)
    bodies = x.view(6, 4, 20, 8).permute(1, 3, 0, 2)  # N C T V
    start = conv.adjacency()  # [k, source, target]
    total = torch.zeros(4, 16, 6, 20, dtype=torch.float64)
    for k in range(3):
        theta, phi = (
            torch.einsum("rc,ncv->nrv", conv.embed.weight.view(2, 3, 8, 8)[i, k], bodies.mean(2))
            + conv.embed.bias.view(2, 3, 8)[i, k][:, None]
            for i in range(2)
        )
        pairs = (theta[..., :, None] - phi[..., None, :]).tanh()  # n r u v
        refined = torch.einsum("cr,nruv->ncuv", conv.refine_weight[k], pairs)
        refined = refined + conv.refine_bias[k][:, None, None]
        weight = conv.refine_scale * refined + start[k].t()
        values = torch.einsum("oc,nctv->notv", conv.lin.weight.view(3, 16, 8)[k], bodies)
        values = values + conv.lin.bias.view(3, 16)[k][:, None, None]
        total += torch.einsum("ncuv,nctv->nctu", weight, values)
    out = total.permute(2, 0, 3, 1).reshape(6, 80, 16)
    expected = (conv.norm(out) + conv.shortcut_norm(conv.shortcut(x))).relu()
    torch.testing.assert_close(conv(x, graph), expected)


@pytest.mark.parametrize("layout", ["ntu25", "kinect20"])
def test_the_graph_acts_from_the_left(layout):
    published = sgnkit.get_layout(layout).adjacency("spatial")  # [k, v, w] as in the literature
    conv = ChannelRefinedGraphConv(3, 64, layout)
    assert torch.equal(conv.adjacency(), published.transpose(-1, -2))  # y_u = sum_v A[u, v] x_v
    averages = ChannelRefinedGraphConv(3, 64, layout, transpose=False)
    assert torch.equal(averages.adjacency(), published)


def test_what_a_joint_hears():
    received = ChannelRefinedGraphConv(3, 64, "ntu25").adjacency()  # [k, source, target]
    assert received[1][:, 20].nonzero().flatten().tolist() == [1, 2, 4, 8]
    assert received[1][:, 20].sum() == 4  # the sum of the children, not their mean
    assert set(received[1].sum(0).tolist()) == {0.0, 1.0, 2.0, 4.0}
    assert received[2][20, [1, 2, 4, 8]].tolist() == [0.25] * 4  # a share of the parent
    assert [int((a != 0).sum()) for a in received] == [25, 24, 24]
    assert received.sum((1, 2)).tolist() == pytest.approx([25, 24, 20])
    assert received.norm(dim=(1, 2)).tolist() == pytest.approx([5, 4.899, 4.3301], abs=1e-4)


def test_sizes_of_the_embedding():
    sizes = {c: ChannelRefinedGraphConv(c, 16, "kinect20").embed_channels for c in (2, 3, 9, 64)}
    assert sizes == {2: 8, 3: 8, 9: 8, 64: 8}
    assert ChannelRefinedGraphConv(128, 16, "kinect20").embed_channels == 16
    assert ChannelRefinedGraphConv(16, 16, "kinect20", embed_channels=5).embed.out_channels == 30


def test_the_refinement_is_off_at_first(graph):
    torch.manual_seed(0)
    conv = ChannelRefinedGraphConv(8, 8, "kinect20").eval()
    torch.nn.init.ones_(conv.norm.weight)
    x = torch.randn(6, 80, 8)
    other = x.clone()
    other[:, 19] += 1.0  # a foot of the first body: its ankle (18) hears it, and nobody else
    changed = (conv(other, graph) != conv(x, graph)).any(-1).any(0)
    assert changed.nonzero().flatten().tolist() == [18, 19]
    torch.nn.init.ones_(conv.refine_scale)
    changed = (conv(other, graph) != conv(x, graph)).any(-1).any(0)
    assert changed[:20].all() and not changed[20:].any()


def test_start_values():
    torch.manual_seed(0)
    conv = ChannelRefinedGraphConv(64, 256, "ntu25")
    assert conv.lin.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)
    assert conv.refine_weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.05)
    assert conv.embed.weight.std().item() == pytest.approx((2 / 8) ** 0.5, rel=0.05)
    assert conv.refine_scale.tolist() == [0.0]
