import pytest
import torch

from sgnkit.distill import (
    DistillationLoss,
    Distilled,
    FeatureDistillation,
    SoftLabelDistillation,
    classification_loss,
)


@pytest.fixture
def out():
    torch.manual_seed(0)
    pairs = {name: (torch.rand(4, 6), torch.rand(4, 6)) for name in "ab"}
    heads = {"a": torch.tensor(1.0), "b": torch.tensor(2.0)}
    return Distilled(torch.randn(5, 3), torch.randn(5, 3), pairs, heads)


Y = torch.tensor([0, 1, 2, 0, 1])


def test_the_sum_of_all_terms(out):
    soft, features = SoftLabelDistillation(2.0), FeatureDistillation()
    loss = DistillationLoss(
        soft,
        features,
        soft_weight=0.3,
        feature_weight=2.0,
        head_weight=0.5,
        warmup_epochs=4,
        label_smoothing=0.1,
    )
    hard = classification_loss(out.logits, Y, 0.1)
    pairs = (features(*out.features["a"]) + features(*out.features["b"])) / 2
    expected = 0.7 * hard + 0.3 * soft(out.logits, out.teacher_logits)
    total, terms = loss(out, Y, epoch=1)
    assert torch.allclose(total, expected + 2.0 * 0.25 * pairs + 0.5 * 1.5)
    assert list(terms) == ["cross_entropy", "soft_labels", "features", "translation"]
    assert torch.allclose(terms["features"], pairs)
    assert torch.allclose(terms["cross_entropy"], hard)
    total, _ = loss(out, Y)  # after the warm-up
    assert torch.allclose(total, expected + 2.0 * pairs + 0.5 * 1.5)


def test_terms_that_are_not_given_are_left_out(out):
    total, terms = DistillationLoss()(out._replace(features={}, head_losses={}), Y)
    assert list(terms) == ["cross_entropy"]
    assert torch.equal(total, classification_loss(out.logits, Y))
    total, terms = DistillationLoss(SoftLabelDistillation(), soft_weight=1.0, head_weight=0)(out, Y)
    assert torch.allclose(total, SoftLabelDistillation()(out.logits, out.teacher_logits))


@pytest.mark.parametrize(
    "options", [{"soft_weight": 1.1}, {"soft_weight": -1}, {"feature_weight": -1}]
)
def test_bad_weights(options):
    with pytest.raises(ValueError, match="expected soft_weight from 0 to 1"):
        DistillationLoss(**options)
