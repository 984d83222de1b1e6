import json
import shutil

import pytest

from sgnkit.cli import main
from sgnkit.training import Scores


@pytest.fixture
def runs(finished, tmp_path):
    """A run, and another that is wrong wherever the first is right."""
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(finished / "results.json", other)
    scores = Scores.load(finished / "scores.npz")
    scores.logits = scores.logits.flip(-1)
    scores.save(other / "scores.npz")
    return finished, other


def test_fuses_runs(runs, tmp_path, capsys):
    alone = json.loads((runs[0] / "results.json").read_text())
    out = tmp_path / "fused.npz"
    words = ["ensemble", *map(str, runs), "--weights", "1", "0", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["accuracy"] == alone["accuracy"]
    assert list(result["per_class"]) == list(alone["per_class"])
    assert [run["weight"] for run in result["runs"]] == [1, 0]
    assert Scores.load(out).names == Scores.load(runs[0] / "scores.npz").names
    assert main(words) == 0
    assert f"together: accuracy {alone['accuracy']:.2%}" in capsys.readouterr().out


def test_mistakes(runs, tmp_path, capsys):
    scores = Scores.load(runs[1] / "scores.npz")
    scores.names[0] = "somebody"
    scores.save(tmp_path / "odd.npz")
    run = str(runs[0])
    (tmp_path / "garbage.npz").write_bytes(b"no")
    for words, message in (
        ([run, str(tmp_path / "garbage.npz")], "damaged or holds no scores"),
        ([run], "needs two runs"),
        ([run, str(tmp_path)], "no such scores"),
        ([run, str(tmp_path / "odd.npz")], "have not scored the same clips"),
        ([run, run, "--weights", "1"], "weights do not fit"),
        ([run, run, "--out", "a.csv"], "cannot write this kind of file"),
    ):
        assert main(["ensemble", *words]) == 2
        err = capsys.readouterr().err
        assert message in err and "Traceback" not in err
