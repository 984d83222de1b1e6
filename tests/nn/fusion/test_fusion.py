import math

import pytest
import torch

from sgnkit.nn import LIF, SkeletonGraph, SpikingMultimodalFusion, mutual_information


def trains(graph, *rates, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (4, 3, graph.joint.numel(), 8)
    return torch.stack([(torch.rand(shape, generator=generator) < r).float() for r in rates])


def test_mutual_information_by_counting(graph):
    x = trains(graph, 0.5, 0.2, 0.7)
    x[2] = torch.where(torch.rand_like(x[2]) < 0.6, x[0], x[2])
    information = mutual_information(x, graph)
    clip = graph.clip[graph.body]
    for b in range(3):
        for i in range(3):
            for j in range(3):
                a, c = x[i][:, :, clip == b].flatten(), x[j][:, :, clip == b].flatten()
                total = 0.0
                for u in (0, 1):
                    for v in (0, 1):
                        p = float(((a == u) & (c == v)).double().mean())
                        q = float((a == u).double().mean() * (c == v).double().mean())
                        total += p * math.log(p / q) if p > 0 else 0.0
                assert float(information[b, i, j]) == pytest.approx(total, abs=1e-5)
    assert information[0, 0, 2] > 0.05 > information[0, 0, 1]


def test_mutual_information_of_extremes(graph):
    x = trains(graph, 0.5, 0.0)
    x = torch.stack([x[0], x[0], 1 - x[0], x[1]])
    information = mutual_information(x, graph)
    assert information[0, 0, 1].item() == pytest.approx(math.log(2), abs=1e-3)  # a copy
    assert information[0, 0, 2].item() == pytest.approx(math.log(2), abs=1e-3)  # its opposite
    assert information[0, 0, 3].item() == pytest.approx(0.0, abs=1e-5)  # silence
    assert torch.isfinite(information).all()


def test_padded_persons_do_not_count(make_batch):
    batch = make_batch(persons=(2,))
    alone = SkeletonGraph.from_data(make_batch(persons=(1,)))
    batch.mask[20:] = False
    graph = SkeletonGraph.from_data(batch)
    x = trains(graph, 0.4, 0.6)
    x[:, :, :, 20:] = 0
    torch.testing.assert_close(
        mutual_information(x, graph), mutual_information(x[:, :, :, :20], alone)
    )


def test_redundant_modality_gains_weight(graph):
    x = trains(graph, 0.5, 0.5, 0.5)
    x[1] = torch.where(torch.rand_like(x[1]) < 0.8, x[0], x[1])
    fusion = SpikingMultimodalFusion(3, 8, temperature=0.1)
    weights = fusion.weights(x, graph)
    assert weights.shape == (3, 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert (weights[:, 0] > weights[:, 2] * 1.5).all()
    opposite = SpikingMultimodalFusion(3, 8, method="complementary", temperature=0.1)
    assert (opposite.weights(x, graph)[:, 2] > opposite.weights(x, graph)[:, 0] * 1.5).all()


def test_running_weights_serve_evaluation(graph):
    x = trains(graph, 0.5, 0.5, 0.2)
    x[1] = x[0]
    fusion = SpikingMultimodalFusion(3, 8, temperature=0.2, momentum=0.5, neuron=LIF(v_th=0.3))
    before = fusion.running_weights.clone()
    batch_weights = fusion.weights(x, graph).mean(0)
    torch.testing.assert_close(fusion.running_weights, (before + batch_weights) / 2)
    fusion.eval()
    kept = fusion.running_weights.clone()
    out = fusion(x, graph)
    assert torch.equal(fusion.running_weights, kept)
    mixed = torch.einsum("q,qstnc->stnc", kept, x)
    expected = fusion.neuron(fusion.norm(mixed @ fusion.lin.weight.t()))
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize(
    ("method", "expected"),
    [("sum", [1.0, 1.0]), ("mean", [0.5, 0.5]), ("learned", [0.5, 0.5])],
)
def test_plain_methods(method, expected, graph):
    x = trains(graph, 0.5, 0.3)
    fusion = SpikingMultimodalFusion(2, 8, 4, method=method, neuron=LIF(v_th=0.3))
    assert fusion.weights(x, graph).tolist() == expected
    mixed = expected[0] * x[0] + expected[1] * x[1]
    torch.testing.assert_close(
        fusion(x, graph), fusion.neuron(fusion.norm(mixed @ fusion.lin.weight.t()))
    )


def test_concat(graph):
    x = trains(graph, 0.5, 0.3)
    fusion = SpikingMultimodalFusion(2, 8, 4, method="concat", neuron=LIF(v_th=0.3))
    assert fusion.lin.weight.shape == (4, 16)
    mixed = torch.cat([x[0], x[1]], -1)
    torch.testing.assert_close(
        fusion(x, graph), fusion.neuron(fusion.norm(mixed @ fusion.lin.weight.t()))
    )


def test_gradient_through_the_weights_is_a_choice(graph):
    x = trains(graph, 0.5, 0.3)
    x[1] = torch.where(torch.rand_like(x[1]) < 0.5, x[0], x[1])
    for through in (False, True):
        source = x.clone().requires_grad_()
        fusion = SpikingMultimodalFusion(2, 8, temperature=0.05, grad_weights=through)
        weights = fusion.weights(source * 1.0, graph)
        assert weights.requires_grad is through


def test_errors(graph):
    with pytest.raises(ValueError, match="method must be one of"):
        SpikingMultimodalFusion(2, 8, method="average")
    with pytest.raises(ValueError, match="temperature > 0"):
        SpikingMultimodalFusion(2, 8, temperature=0)
    with pytest.raises(ValueError, match=r"expected x \[2, S, T, N, C\]"):
        SpikingMultimodalFusion(2, 8)(trains(graph, 0.5, 0.5, 0.5), graph)
    assert str(SpikingMultimodalFusion(2, 8)) == (
        "SpikingMultimodalFusion(2, 8, 8, method=mutual_information)"
    )
