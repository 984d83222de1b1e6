import math

import pytest
import torch
from torch.nn import functional as F

from sgnkit.distill import FeatureDistillation, SoftLabelDistillation, classification_loss


def test_soft_labels_by_hand():
    student, teacher = torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[0.0, 3.0, 1.0]])
    tau = 2.0
    p = [math.exp(z / tau) for z in (0, 3, 1)]
    q = [math.exp(z / tau) for z in (1, 0, 2)]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    expected = tau**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(SoftLabelDistillation(tau)(student, teacher)) == pytest.approx(expected, rel=1e-6)


def test_the_squared_temperature_keeps_the_size_of_the_gradient():
    torch.manual_seed(0)
    teacher = torch.randn(64, 10) * 0.1
    norms = []
    for tau in (4.0, 40.0):
        student = torch.zeros(64, 10, requires_grad=True)
        SoftLabelDistillation(tau)(student, teacher).backward()
        norms.append(float(student.grad.norm()))
    # without the factor the second would be a hundredth of the first
    assert norms[1] == pytest.approx(norms[0], rel=0.05)


def test_soft_labels_of_every_step():
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 8, 10), torch.randn(8, 10)
    loss = SoftLabelDistillation()
    steps = torch.stack([loss(step, teacher) for step in student])
    assert torch.allclose(loss(student, teacher), steps.mean())


def test_soft_labels_do_not_train_the_teacher():
    teacher = torch.randn(2, 3, requires_grad=True)
    student = torch.randn(2, 3, requires_grad=True)
    SoftLabelDistillation()(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_rates_and_steps():
    student = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    teacher = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert float(FeatureDistillation("rate")(student, teacher)) == 0.0
    assert float(FeatureDistillation("step")(student, teacher)) == 0.5


def test_sums_of_spikes_are_divided_by_their_maximum():
    teacher = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    student = torch.tensor([[3.0, 0.0], [3.0, 1.5]])
    expected = (0.0 + 0.25**2) / 2
    assert float(FeatureDistillation()(student, teacher)) == pytest.approx(expected)


def test_gradients_flow_to_both_sides_of_a_feature():
    student = torch.rand(4, 6, requires_grad=True)
    teacher = torch.rand(4, 6, requires_grad=True)
    FeatureDistillation()(student, teacher).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad.abs().sum() > 0


def test_bfloat16_features_are_compared_in_float32():
    student = (torch.rand(4, 1000) < 0.3).bfloat16()
    teacher = (torch.rand(4, 1000) < 0.3).bfloat16()
    loss = FeatureDistillation()(student, teacher)
    assert loss.dtype is torch.float32
    assert torch.equal(loss, FeatureDistillation()(student.float(), teacher.float()))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SoftLabelDistillation(0), "temperature must be positive, got 0"),
        (lambda: FeatureDistillation("sum"), "compare must be 'rate' or 'step', got 'sum'"),
        (
            lambda: SoftLabelDistillation()(torch.rand(2, 3), torch.rand(2, 4)),
            r"\(2, 3\).*\(2, 4\)",
        ),
        (lambda: FeatureDistillation()(torch.rand(2, 3), torch.rand(2, 4)), r"\(2, 3\).*\(2, 4\)"),
        (lambda: classification_loss(torch.rand(3, 5), torch.zeros(2).long()), "each of 2 labels"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_classification_loss():
    torch.manual_seed(0)
    logits, y = torch.randn(3, 8, 10), torch.randint(10, (8,))
    expected = torch.stack([F.cross_entropy(step, y, label_smoothing=0.1) for step in logits])
    assert torch.allclose(classification_loss(logits, y, 0.1), expected.mean())
    assert torch.allclose(classification_loss(logits[0], y), F.cross_entropy(logits[0], y))


def test_repr():
    assert repr(SoftLabelDistillation(2)) == "SoftLabelDistillation(temperature=2)"
    assert repr(FeatureDistillation()) == "FeatureDistillation(compare=rate)"
