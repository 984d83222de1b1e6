from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sgnkit.distill import FrozenTeacher, ScoreTeacher, TeacherEnsemble
from sgnkit.errors import DataError


def test_the_logits_are_summed_with_weights():
    torch.manual_seed(0)
    models = [nn.Linear(3, 5) for _ in range(4)]
    ensemble = TeacherEnsemble(models, weights=[6, 6, 4, 4])
    assert torch.allclose(ensemble.weights, torch.tensor([0.3, 0.3, 0.2, 0.2]))
    x = torch.rand(7, 3)
    expected = sum(w * model(x) for w, model in zip((0.3, 0.3, 0.2, 0.2), models, strict=True))
    assert torch.allclose(ensemble(x), expected, atol=1e-6)
    logits, features = FrozenTeacher(ensemble, ["models.2"])(x)
    assert torch.allclose(logits, expected, atol=1e-6)
    assert torch.equal(features["models.2"], models[2](x))


def test_on_another_device(elsewhere):
    models = [nn.Linear(3, 5) for _ in range(2)]
    x, clips = torch.rand(7, 3), SimpleNamespace(name=["b", "a"], x=torch.zeros(1))
    ensemble, teacher = TeacherEnsemble(models, [3, 1]), ScoreTeacher([scores(a=[1.0], b=[2.0])])
    expected = ensemble(x), teacher(clips)
    with elsewhere:
        clips.x = clips.x.to(elsewhere.name)
        found = ensemble.to(elsewhere.name)(x.to(elsewhere.name)), teacher(clips)
    assert {t.device.type for t in found} == {elsewhere.name}
    for there, here in zip(found, expected, strict=True):
        assert torch.equal(there.cpu(), here)


@pytest.mark.parametrize("weights", [[1, 2], [0, 0, 0], []])
def test_weights_that_do_not_fit(weights):
    with pytest.raises(ValueError, match="one weight for each of 3 teachers"):
        TeacherEnsemble([nn.Linear(1, 1)] * 3, weights)


def scores(**rows):
    return {name: torch.tensor(row) for name, row in rows.items()}


def batch(*names):
    return SimpleNamespace(name=list(names), x=torch.zeros(1))


def test_scores_are_joined_by_name():
    teacher = ScoreTeacher(
        [scores(a=[1.0, 0.0], b=[0.0, 1.0]), scores(b=[4.0, 0.0], a=[0.0, 8.0])], weights=[3, 1]
    )
    assert teacher(batch("b", "a")).tolist() == [[1.0, 0.75], [0.75, 2.0]]


def test_runs_that_scored_other_clips():
    with pytest.raises(DataError, match=r"(?s)clip 'b' \(2 clips in all\).*only in run 0"):
        ScoreTeacher([scores(a=[1.0], b=[1.0]), scores(a=[1.0], c=[1.0])])


def test_a_clip_without_scores():
    with pytest.raises(DataError, match=r"(?s)clip 'z'.*one of 1 clips"):
        ScoreTeacher([scores(a=[1.0])])(batch("a", "z"))
