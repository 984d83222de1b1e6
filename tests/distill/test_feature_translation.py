import pytest
import torch
from torch import nn

from sgnkit.distill import FeatureDistillation, FeatureTranslation
from sgnkit.nn import LIF, BatchNorm


def test_repr_shape_and_spikes():
    module = FeatureTranslation(8, 3, 6, num_classes=4)
    assert repr(module) == "FeatureTranslation(8, 6, num_steps=3, head=True)"
    x = torch.randn(5, 20, 8, requires_grad=True)
    spikes = module(x)
    assert spikes.shape == (3, 5, 20, 6)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    spikes.sum().backward()
    assert x.grad is None  # nothing flows back into the teacher
    assert module.lin.weight.grad.abs().sum() > 0


def test_it_starts_as_the_identity():
    torch.manual_seed(0)
    module = FeatureTranslation(6, 4).train()
    x = torch.randn(7, 10, 6)
    normalised = BatchNorm(6)(x)
    expected = LIF(v_th=0.5)(normalised.expand(4, *x.shape))
    assert torch.equal(module(x), expected)
    nn.init.zeros_(module.lin.weight)
    module.reset_parameters()
    assert torch.equal(module.lin.weight, torch.eye(6))


def lesson(safeguard, epochs=150):
    """Trains translation and student on nothing but their difference; returns what is left."""
    torch.manual_seed(0)
    classes, width = 4, 16
    centres = torch.randn(classes, width) * 2
    y = torch.arange(64) % classes
    feature = centres[y] + 0.3 * torch.randn(64, width)
    translation = FeatureTranslation(width, 4, num_classes=classes if safeguard else None)
    student = nn.Sequential(nn.Linear(8, width), BatchNorm(width), LIF(v_th=0.5))
    x = torch.randn(4, 64, 8)  # a student that sees nothing of the teacher's input
    parts = [*translation.parameters(), *student.parameters()]
    optimizer = torch.optim.SGD(parts, lr=0.5, momentum=0.9, weight_decay=1e-4)
    for _ in range(epochs):
        spikes = translation(feature)
        loss = FeatureDistillation()(student(x), spikes)
        if safeguard:
            loss = loss + translation.head_loss(spikes, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    rates = translation(feature).mean(0)  # [64, width]
    means = torch.stack([rates[y == c].mean(0) for c in range(classes)])
    return rates.mean().item(), means.var(0).sum().item()


def test_the_safeguard_prevents_collapse():
    rate_without, told_apart_without = lesson(safeguard=False)
    rate_with, told_apart_with = lesson(safeguard=True)
    assert rate_without < 0.01  # the easiest agreement is silence
    assert told_apart_without < 0.01
    assert rate_with > 0.1
    assert told_apart_with > 0.5


def test_the_head_sees_graphs_or_nodes():
    torch.manual_seed(0)
    module = FeatureTranslation(8, 2, num_classes=3)
    spikes = module(torch.randn(6, 10, 8))
    batch = torch.tensor([0] * 4 + [1] * 6)
    graphs = module.head_loss(spikes, torch.tensor([2, 0]), batch)
    rates = spikes.mean((0, 1))
    expected = torch.stack([rates[:4].mean(0), rates[4:].mean(0)])
    expected = nn.functional.cross_entropy(module.head(expected), torch.tensor([2, 0]))
    assert torch.allclose(graphs, expected)
    nodes = module.head_loss(spikes, torch.randint(3, (10,)))
    assert nodes.isfinite()


def test_bad_input():
    with pytest.raises(ValueError, match="num_steps must be at least 1, got 0"):
        FeatureTranslation(8, 0)
    module = FeatureTranslation(8, 2)
    with pytest.raises(ValueError, match="has no head; pass num_classes"):
        module.head_loss(module(torch.rand(4, 8)), torch.zeros(4).long())
