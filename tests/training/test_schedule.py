import pytest

from sgnkit.training import OptimOptions, lr_factor


@pytest.mark.parametrize("schedule", ["cosine", "step", "one_cycle"])
def test_peak_comes_after_the_warm_up(schedule):
    options = OptimOptions(schedule=schedule, warmup_epochs=4, milestones=[10, 15])
    factors = [lr_factor(step / 10, 20, options) for step in range(201)]
    assert max(factors) == factors[40] == 1
    assert factors[:41] == sorted(factors[:41])
    assert factors[40:] == sorted(factors[40:], reverse=True)
    assert all(factor >= 0 for factor in factors)


def test_known_values():
    step = OptimOptions(schedule="step", warmup_epochs=0, milestones=[15, 10], gamma=0.1)
    assert [lr_factor(e, 20, step) for e in (0, 9.9, 10, 15)] == pytest.approx([1, 1, 0.1, 0.01])
    cycle = OptimOptions(schedule="one_cycle", warmup_epochs=3)
    assert lr_factor(0, 10, cycle) == pytest.approx(1 / 25)
    assert lr_factor(10, 10, cycle) == pytest.approx(0)


def test_no_warm_up_and_short_trainings():
    assert lr_factor(0, 10, OptimOptions(warmup_epochs=0)) == 1
    assert lr_factor(1, 2, OptimOptions(warmup_epochs=5)) == 0.5
    assert lr_factor(2, 2, OptimOptions(warmup_epochs=5)) == 1
