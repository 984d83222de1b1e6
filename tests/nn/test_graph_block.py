import pytest
import torch

from sgnkit.nn import AdaptiveGraphConv, GraphBlock, TemporalConv


def make_block(c_in, c_out, stride=1, **options):
    torch.manual_seed(0)
    spatial = AdaptiveGraphConv(c_in, c_out, "kinect20")
    return GraphBlock(spatial, TemporalConv(c_out, c_out, stride=stride), c_in, **options)


@pytest.mark.parametrize(
    ("sizes", "projects"), [((8, 8, 1), False), ((8, 16, 1), True), ((8, 8, 2), True)]
)
def test_shortcut(sizes, projects, graph):
    block = make_block(*sizes).eval()
    assert block.projects == projects
    x = torch.randn(7, 80, 8)
    path = block.shortcut_norm(block.shortcut(x[:: sizes[2]])) if projects else x
    out = block.temporal(block.spatial(x, graph))
    torch.testing.assert_close(block(x, graph), (out + path).relu())
    assert block(x, graph).shape == (-(-7 // sizes[2]), 80, sizes[1])


def test_without_a_shortcut(graph):
    block = make_block(3, 16, residual=False).eval()
    assert not block.projects
    x = torch.randn(6, 80, 3)
    torch.testing.assert_close(block(x, graph), block.temporal(block.spatial(x, graph)).relu())


def test_dropout_leaves_the_shortcut(graph):
    block = make_block(8, 8, dropout=1.0)
    x = torch.randn(6, 80, 8)
    assert torch.equal(block(x, graph), x.relu())
    assert not torch.equal(block.eval()(x, graph), x.relu())
