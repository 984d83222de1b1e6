import pytest
import torch

from sgnkit.nn import Adjacency


@pytest.mark.parametrize("mode", ["learned", "fixed", "identity"])
@pytest.mark.parametrize("partition", ["spatial", "distance", "uniform"])
def test_edges_say_the_same_as_the_dense_form(mode, partition, graph):
    adjacency = Adjacency("kinect20", mode, partition).double()
    if mode != "fixed":
        with torch.no_grad():
            adjacency.weight.add_(torch.rand_like(adjacency.weight))
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


def test_errors(make_batch):
    from sgnkit.nn import SkeletonGraph

    with pytest.raises(ValueError, match="'learned', 'fixed' or 'identity', got 'lernt'"):
        Adjacency("ntu25", "lernt")
    with pytest.raises(ValueError, match="needs a layout"):
        Adjacency(None, "learned")
    ntu = SkeletonGraph.from_data(make_batch(layout="ntu25"))
    with pytest.raises(ValueError, match=r"joint 24, but Adjacency\(kinect20.*20 joints"):
        Adjacency("kinect20").edges(ntu)
    assert str(Adjacency("ntu25")) == "Adjacency(ntu25, mode=learned, partition=spatial)"
