import pytest
import torch
from torch.nn import functional as F

from sgnkit.nn import JointNorm, SkeletonGraph


@pytest.fixture
def x():
    return torch.randn(6, 80, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1


def test_statistics_of_a_joint_and_a_channel(x, graph):
    norm = JointNorm(20, 3)
    out = norm(x, graph).view(6 * 4, 20, 3)  # 4 bodies
    torch.testing.assert_close(out.mean(0), torch.zeros(20, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(0, correction=0), torch.ones(20, 3), atol=1e-4, rtol=0)
    assert str(norm) == "JointNorm(20, 3)"
    assert sum(p.numel() for p in norm.parameters()) == 2 * 60


@pytest.mark.parametrize("persons", [2, 3])
def test_person_major_norm_is_the_published_one(persons, x, graph):
    """The features are persons, joints, channels; who is absent is zero and counts."""
    norm = JointNorm(20, 3, num_persons=persons)
    assert sum(p.numel() for p in norm.parameters()) == 2 * persons * 60
    dense = torch.zeros(3, 6, persons, 20, 3)  # 1, 2 and 1 persons
    bodies = x.view(6, 4, 20, 3)
    dense[0, :, 0], dense[1, :, 0], dense[1, :, 1], dense[2, :, 0] = bodies.unbind(1)
    rows = F.batch_norm(dense.view(18, -1), None, None, training=True).view(dense.shape)
    expected = torch.stack([rows[0, :, 0], rows[1, :, 0], rows[1, :, 1], rows[2, :, 0]], dim=1)
    torch.testing.assert_close(norm(x, graph), expected.view(x.shape))
    assert str(norm) == f"JointNorm(20, 3, num_persons={persons})"


def test_padded_persons_give_the_same(x, make_batch):
    from sgnkit.transforms import PadPersons

    batch = make_batch()
    padded = type(batch).from_data_list([PadPersons(2)(clip) for clip in batch.to_data_list()])
    norms = JointNorm(20, 3, num_persons=2), JointNorm(20, 3, num_persons=2)
    x = batch.x.transpose(0, 1)
    out = norms[0](x, SkeletonGraph.from_data(batch))
    norms[1](padded.x.transpose(0, 1), SkeletonGraph.from_data(padded))
    torch.testing.assert_close(norms[0].norm.running_mean, norms[1].norm.running_mean)
    torch.testing.assert_close(norms[0].norm.running_var, norms[1].norm.running_var)
    assert out.shape == x.shape


def test_one_person_needs_no_choice(make_batch):
    batch = make_batch(persons=(1, 1))
    x, graph = batch.x.transpose(0, 1), SkeletonGraph.from_data(batch)
    assert torch.equal(JointNorm(20, 3)(x, graph), JointNorm(20, 3, num_persons=1)(x, graph))


def test_errors(x, graph, make_batch):
    with pytest.raises(ValueError, match="expected 25 joints a body, got 80 nodes in 4 bodies"):
        JointNorm(25, 3)(x, graph)
    with pytest.raises(ValueError, match="num_persons=1, but a clip of the batch has 2 persons"):
        JointNorm(20, 3, num_persons=1)(x, graph)
    with pytest.raises(ValueError, match="num_persons must be 1 or more, got 0"):
        JointNorm(20, 3, num_persons=0)
