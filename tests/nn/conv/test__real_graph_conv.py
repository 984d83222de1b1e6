"""What holds for all real-valued graph convolutions."""

import pytest
import torch

from sgnkit.nn import (
    AdaptiveGraphConv,
    ChannelRefinedGraphConv,
    PartitionedGraphConv,
    SkeletonGraph,
)

LAYERS = [AdaptiveGraphConv, ChannelRefinedGraphConv, PartitionedGraphConv]
RESIDUAL = LAYERS[:2]


@pytest.mark.parametrize("channels", [(8, 8), (8, 16)])
@pytest.mark.parametrize("layer", RESIDUAL)
def test_the_layer_is_its_residual_path_at_first(layer, channels, graph):
    torch.manual_seed(0)
    conv = layer(*channels, "kinect20")
    x = torch.randn(6, 80, 8)
    path = conv.shortcut_norm(conv.shortcut(x)) if conv.projects else x
    torch.testing.assert_close(conv(x, graph), path.relu(), rtol=0, atol=5e-6)
    conv.eval()
    path = conv.shortcut_norm(conv.shortcut(x)) if conv.projects else x
    torch.testing.assert_close(conv(x, graph), path.relu(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", RESIDUAL)
def test_the_start_scale_comes_back(layer):
    conv = layer(3, 16, "kinect20")
    torch.nn.init.ones_(conv.norm.weight)
    conv.reset_parameters()
    assert conv.norm.weight.unique().tolist() == pytest.approx([1e-6])


@pytest.mark.parametrize("layer", LAYERS)
def test_the_path_follows_the_batch(layer, graph, make_batch):
    conv = layer(3, 16, "kinect20")
    assert str(conv) == f"{layer.__name__}(3, 16)"
    assert conv.uses_dense(graph)
    assert not conv.uses_dense(graph._replace(num_joints=None))
    conv.path = "sparse"
    assert not conv.uses_dense(graph)


@pytest.mark.parametrize("layer", LAYERS)
def test_errors(layer, graph, make_batch):
    name = layer.__name__
    with pytest.raises(ValueError, match=f"{name}: path must be 'auto', 'dense' or 'sparse'"):
        layer(3, 16, "kinect20", path="fast")
    other = SkeletonGraph.from_data(make_batch(layout="ntu25", persons=(1,)))
    x = torch.randn(6, 25, 3)
    with pytest.raises(ValueError, match=r"the batch has joint 24, but .*kinect20.* has 20 joints"):
        layer(3, 16, "kinect20")(x, other)
    conv = layer(3, 16, "kinect20", path="dense")
    with pytest.raises(ValueError, match=f"{name}: .*20 joints of kinect20.*has 25 joints a body"):
        conv(x, other)
    with pytest.raises(ValueError, match="has mixed joints a body"):
        conv(torch.randn(6, 80, 3), graph._replace(num_joints=None))
