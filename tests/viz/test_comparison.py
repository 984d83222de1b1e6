import json

import pytest

from sgnkit.viz import plot_comparison

PLAIN = {
    "metrics": {"epoch": [0, 1], "train_loss": [2.0, 1.0], "val_loss": [2.5, 1.5]},
    "per_class": {"sit": 0.5, "sta_nd": 0.9, "absent": None},
}
TAUGHT = {
    "metrics": {"epoch": [0, 1], "train_loss": [1.8, 0.7], "val_loss": [2.0, 0.9]},
    "per_class": {"sit": 0.8, "sta_nd": 0.8, "absent": None},
}


def test_curves_and_recalls():
    loss, recall = plot_comparison({"plain": PLAIN, "taught": TAUGHT}).axes
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2.5, 1.5], [2.0, 0.9]]
    assert [text.get_text() for text in recall.get_yticklabels()] == ["sta nd", "sit"]
    places = [marks.get_offsets().tolist() for marks in recall.collections]
    assert places == [[[90.0, 0.0], [50.0, 1.0]], [[80.0, 0.0], [80.0, 1.0]]]


def test_run_folders(tmp_path):
    for name, values in (("a", PLAIN), ("b", TAUGHT)):
        (tmp_path / name).mkdir()
        results = json.dumps({"per_class": values["per_class"]})
        (tmp_path / name / "results.json").write_text(results)
    (tmp_path / "a" / "metrics.csv").write_text("epoch,train_loss\n0,1.0\n")
    figure = plot_comparison({"a": tmp_path / "a", "b": tmp_path / "b"})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["recall of each class"]


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="two or more runs, got 1"):
        plot_comparison({"plain": PLAIN})
    with pytest.raises(ValueError, match="share no metric and no class"):
        plot_comparison({"plain": PLAIN, "empty": {}})
    with pytest.raises(ValueError, match=r"neither metrics\.csv nor results\.json"):
        plot_comparison({"plain": PLAIN, "folder": tmp_path})
