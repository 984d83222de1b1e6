import pytest
import torch

from sgnkit.nn import Readout, SkeletonGraph


def test_mean_over_steps_frames_joints_then_persons(graph):
    readout = Readout(6, 4)
    x = torch.rand(3, 5, 80, 6)
    bodies = x.view(3, 5, 4, 20, 6).mean((0, 1, 3))
    clips = torch.stack([bodies[0], (bodies[1] + bodies[2]) / 2, bodies[3]])
    torch.testing.assert_close(readout.features(x, graph), clips)
    torch.testing.assert_close(readout(x, graph), readout.lin(clips))


def test_options(graph):
    x = torch.rand(3, 5, 80, 6)
    assert Readout(6, 4, persons="each")(x, graph).shape == (4, 4)
    steps = Readout(6, 4, per_step=True)
    assert steps(x, graph).shape == (3, 3, 4)
    mean = steps.features(x, graph).mean(0)
    torch.testing.assert_close(mean, Readout(6, 4).features(x, graph))
    with pytest.raises(ValueError, match="persons must be"):
        Readout(6, 4, persons="max")


def test_padded_persons_do_not_count(make_batch):
    batch = make_batch(persons=(2, 1))
    batch.mask[20:40] = False
    graph = SkeletonGraph.from_data(batch)
    x = torch.rand(3, 5, 60, 6)
    expected = x[:, :, :20].mean((0, 1, 2))
    torch.testing.assert_close(Readout(6, 4).features(x, graph)[0], expected)
