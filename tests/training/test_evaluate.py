import pytest
import torch
from torch import nn
from torch_geometric.data import Batch, Data

from sgnkit.errors import DataError
from sgnkit.training import Scores, evaluate, score_clips
from sgnkit.training.evaluate import clip_logits


def test_evaluate_by_hand():
    logits = torch.eye(6)[torch.tensor([0, 0, 1, 2, 5])] + torch.arange(6) * 0.01
    labels = torch.tensor([0, 1, 1, 0, 5])
    duplicate = torch.tensor([True, False, False, False, True])
    result = evaluate(Scores(list("abcde"), logits, labels, duplicate), list("ABCDEF"))
    assert result["accuracy"] == 0.6
    assert (result["clips"], result["clean_clips"]) == (5, 3)
    assert result["clean_accuracy"] == pytest.approx(1 / 3, abs=1e-6)
    assert result["top5_accuracy"] == 0.6  # for b and d the true class is the last of six
    assert result["per_class"] == {"A": 0.5, "B": 0.5, "C": None, "D": None, "E": None, "F": 1.0}
    assert result["clean_per_class"]["A"] == 0.0
    assert result["confusion"][0] == [1, 0, 1, 0, 0, 0]
    assert sum(map(sum, result["confusion"])) == 5


def test_two_classes():
    scores = Scores(["a"], torch.tensor([[0.0, 1.0]]), torch.tensor([1]), torch.tensor([False]))
    assert evaluate(scores, ["A", "B"])["top5_accuracy"] == 1.0


class Model(nn.Module):
    def forward(self, batch):
        assert not self.training
        return nn.functional.one_hot(batch.y, 3).bfloat16()


@pytest.mark.parametrize("marked", [True, False])
def test_scores_follow_the_clips(tmp_path, marked):
    clips = [
        Data(
            x=torch.zeros(1),
            y=torch.tensor([i % 3]),
            name=f"clip{i}",
            **({"duplicate": i == 4} if marked else {}),
        )
        for i in range(5)
    ]
    loader = [Batch.from_data_list(clips[:3]), Batch.from_data_list(clips[3:])]
    scores = score_clips(Model(), loader)
    assert scores.names == [f"clip{i}" for i in range(5)]
    assert scores.logits.dtype == torch.float32
    assert scores.logits.argmax(-1).tolist() == scores.labels.tolist() == [0, 1, 2, 0, 1]
    assert scores.duplicate.tolist() == [False, False, False, False, marked]
    scores.save(tmp_path / "scores.npz")
    again = Scores.load(tmp_path / "scores.npz")
    assert again.names == scores.names
    assert torch.equal(again.logits, scores.logits)
    assert torch.equal(again.duplicate, scores.duplicate)


def test_names_tell_clips_apart():
    with pytest.raises(DataError, match="clip 'a'"):
        Scores(["a", "b", "a"], torch.zeros(3, 2), torch.zeros(3), torch.zeros(3))


def test_clip_logits():
    assert torch.equal(clip_logits(torch.ones(4, 2, 3)), torch.ones(2, 3))
    assert torch.equal(clip_logits(torch.ones(2, 3)), torch.ones(2, 3))
