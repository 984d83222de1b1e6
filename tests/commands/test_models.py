import json

from sgnkit.cli import main
from sgnkit.models import list_models

SMALL = ["--layout", "kinect20", "--num-classes", "10"]


def test_list(capsys):
    assert main(["models", "*sgn*", *SMALL, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list_models("*sgn*")
    assert all(row["spiking"] and row["source"]["url"].startswith("https://") for row in rows)
    parameters = {row["name"]: row["parameters"] for row in rows}
    assert parameters["mk_sgn_small"] == 697_322  # as in docs/models/index.md

    assert main(["models", "stgcn", *SMALL]) == 0
    text = capsys.readouterr().out
    for word in ("stgcn", "3,079,202", "real-valued", "arxiv.org/abs/1801.07455"):
        assert word in text


def test_mistakes(capsys):
    for words, message in (
        (["mk_sng"], "no network has such a name"),
        (["--layout", "ntu26"], "ntu25"),
        (["--layout", "none.yaml"], "none.yaml"),
        (["--num-classes", "0"], "must be positive"),
        (["--num-classes", "many"], "invalid int value"),
    ):
        assert main(["models", *words]) == 2
        assert message in capsys.readouterr().err
