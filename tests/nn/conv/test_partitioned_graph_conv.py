import pytest
import torch

import sgnkit
from sgnkit.nn import PartitionedGraphConv


@pytest.mark.parametrize("partition", ["spatial_released", "spatial_full", "uniform"])
def test_equation(partition, graph):
    """Against the published form over (bodies, channels, frames, joints), written out."""
    torch.manual_seed(0)
    conv = PartitionedGraphConv(8, 16, "kinect20", partition=partition).double().eval()
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn_like(parameter))
    x = torch.randn(6, 80, 8, dtype=torch.float64)
    bodies = x.view(6, 4, 20, 8).permute(1, 3, 0, 2)  # N C T V
    weight = sgnkit.get_layout("kinect20").adjacency(partition).double()
    subsets = len(weight)
    z = torch.einsum("kcd,ndtv->nkctv", conv.lin.weight.view(subsets, 16, 8), bodies)
    z = z + conv.lin.bias.view(subsets, 16)[..., None, None]
    total = torch.einsum("nkctv,kvw->nctw", z, weight * conv.adjacency.importance)
    expected = conv.norm(total.permute(2, 0, 3, 1).reshape(6, 80, 16)).relu()
    torch.testing.assert_close(conv(x, graph), expected)


def test_the_released_partition_is_the_default():
    conv = PartitionedGraphConv(3, 64, "ntu25")
    assert conv.adjacency.partition == "spatial_released"
    assert [int((a != 0).sum()) for a in conv.adjacency()] == [25, 40, 8]
    assert conv.adjacency().sum((1, 2)).tolist() == pytest.approx([8.95, 13.3, 2.75])
    full = PartitionedGraphConv(3, 64, "ntu25", partition="spatial_full")
    assert [int((a != 0).sum()) for a in full.adjacency()] == [25, 24, 24]


def test_directions(graph):
    """The subset of nearer joints takes what lies outwards from the centre, and not back."""
    conv = PartitionedGraphConv(8, 8, "kinect20", partition="spatial_full").eval()
    with torch.no_grad():
        conv.lin.weight.zero_()
        conv.lin.weight.view(3, 8, 8)[2] = torch.eye(8)
    x = torch.zeros(1, 80, 8)
    x[:, 4] = 1.0  # left shoulder: the elbow (5) hears it, the centre (2) does not
    heard = conv(x, graph)[0].sum(-1).nonzero().flatten().tolist()
    assert heard == [5]


def test_importance_starts_at_one_and_is_reset():
    conv = PartitionedGraphConv(3, 16, "ntu25")
    assert conv.adjacency.importance.shape == (3, 25, 25)
    assert (conv.adjacency.importance == 1).all()
    torch.nn.init.zeros_(conv.adjacency.importance)
    conv.reset_parameters()
    assert (conv.adjacency.importance == 1).all()
    assert conv.norm.weight.unique().tolist() == [1.0]  # no residual path, so no small start
