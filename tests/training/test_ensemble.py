import pytest
import torch

from sgnkit.errors import ConfigError, DataError
from sgnkit.training import Scores, fuse


def scores(names, logits, labels=None):
    labels = torch.zeros(len(names), dtype=torch.long) if labels is None else torch.tensor(labels)
    return Scores(list(names), torch.tensor(logits), labels, labels.bool() & False)


def test_joined_by_name_with_weights():
    joint = scores("ab", [[1.0, 0.0], [0.0, 1.0]], [0, 1])
    bone = scores("ba", [[4.0, 0.0], [0.0, 8.0]], [1, 0])
    fused = fuse([joint, bone], [3, 1])
    assert fused.names == ["a", "b"]
    assert fused.logits.tolist() == [[0.75, 2.0], [1.0, 0.75]]
    assert fused.labels.tolist() == [0, 1]


def test_runs_that_do_not_fit():
    joint = scores("ab", [[1.0, 0.0]] * 2)
    for other, message in (
        (scores("ac", [[1.0, 0.0]] * 2), "have not scored the same clips"),
        (scores("ab", [[1.0, 0.0]] * 2, [0, 1]), "clip 'b'"),
        (scores("ab", [[1.0, 0.0, 2.0]] * 2), "numbers of classes"),
    ):
        with pytest.raises(DataError, match=message):
            fuse([joint, other])
    for weights in ([1.0], [1.0, -1.0]):
        with pytest.raises(ConfigError, match="2 numbers with a positive sum"):
            fuse([joint, joint], weights)
