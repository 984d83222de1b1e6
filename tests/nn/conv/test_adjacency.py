import pytest
import torch

from sgnkit.layout import PARTITIONS, get_layout
from sgnkit.nn import Adjacency


@pytest.mark.parametrize("mode", ["learned", "fixed", "identity", "importance"])
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("transpose", [False, True])
def test_edges_say_the_same_as_the_dense_form(mode, partition, transpose, graph):
    adjacency = Adjacency("kinect20", mode, partition, transpose=transpose).double()
    with torch.no_grad():
        for parameter in adjacency.parameters():
            parameter.add_(torch.rand_like(parameter))
    edge_index, subset, weight = adjacency.edges(graph)
    dense = torch.zeros(adjacency.num_subsets, 80, 80, dtype=torch.float64)
    dense.index_put_((subset, *edge_index), weight.double(), accumulate=True)
    expected = torch.stack([torch.block_diag(*[a] * 4) for a in adjacency()])
    torch.testing.assert_close(dense, expected, rtol=1e-6, atol=1e-7)


def test_start_values():
    fixed = Adjacency("ntu25", "fixed")
    assert [int((a != 0).sum()) for a in fixed()] == [25, 24, 24]
    assert fixed().sum((1, 2)).tolist() == pytest.approx([25, 24, 20])
    assert not list(fixed.parameters())
    identity = Adjacency("ntu25", "identity")
    torch.testing.assert_close(identity(), torch.eye(25).expand(3, 25, 25), rtol=0, atol=2e-4)
    with torch.no_grad():
        identity.weight.mul_(5.0)
    torch.testing.assert_close(identity().norm(dim=1), torch.ones(3, 25), rtol=0, atol=1e-4)
    identity.reset_parameters()
    assert torch.equal(identity.weight[0], torch.eye(25))


def test_importance():
    adjacency = Adjacency("ntu25", "importance", "spatial_released")
    start = get_layout("ntu25").adjacency("spatial_released")
    assert torch.equal(adjacency(), start)
    assert [name for name, _ in adjacency.named_parameters()] == ["importance"]
    with torch.no_grad():
        adjacency.importance.mul_(2.0)
    assert torch.equal(adjacency(), 2 * start)
    adjacency.reset_parameters()
    assert torch.equal(adjacency(), start)


def test_transpose():
    turned = Adjacency("ntu25", "fixed", transpose=True)
    assert torch.equal(turned(), Adjacency("ntu25", "fixed")().transpose(1, 2))
    assert str(turned).endswith("partition=spatial, transpose=True)")


def test_errors(make_batch):
    from sgnkit.nn import SkeletonGraph

    with pytest.raises(
        ValueError, match="'learned', 'fixed', 'identity' or 'importance', got 'lernt'"
    ):
        Adjacency("ntu25", "lernt")
    with pytest.raises(ValueError, match="needs a layout"):
        Adjacency(None, "learned")
    with pytest.raises(ValueError, match="needs a layout"):
        Adjacency(None, "fixed", transpose=True)
    ntu = SkeletonGraph.from_data(make_batch(layout="ntu25"))
    with pytest.raises(ValueError, match=r"joint 24, but Adjacency\(kinect20.*20 joints"):
        Adjacency("kinect20").edges(ntu)
    assert str(Adjacency("ntu25")) == "Adjacency(ntu25, mode=learned, partition=spatial)"
