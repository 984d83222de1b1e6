import json
import re

import pytest
import yaml

from sgnkit.errors import DataError
from sgnkit.report import write_report
from sgnkit.report.run_files import read_run
from sgnkit.training.reporting import clips_of_run, report_of_training


def data(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])


def notes(path):
    return re.search(r"What is missing.*?<ul>(.*?)</ul>", path.read_text(), re.DOTALL)[1]


def test_training_writes_a_report(finished):
    path = finished / "report.html"
    assert path.stat().st_size < 5e6
    found, results = data(path), json.loads((finished / "results.json").read_text())
    assert found["confusion"] == results["confusion"]
    assert found["player"]["layers"] == ["encoders.0", "blocks.0", "blocks.1"]
    assert len(found["clips"]["name"]) == results["clips"]
    by_name = dict(zip(found["clips"]["name"], found["clips"]["predicted"], strict=True))
    assert all(by_name[clip["name"]] == clip["predicted"] for clip in found["player"]["clips"])
    assert set(found["curves"]) == {"loss", "accuracy", "lr", "seconds"} | set(found["curves"])
    assert notes(path) == ""
    text = path.read_text()
    assert "Layer by layer" in text and f"{results['energy_mj']['strict']:.4g} mJ" in text


def test_energy_is_the_same_with_and_without_the_clips(finished, tmp_path):
    clips, why = clips_of_run(finished)
    assert why == ""
    (finished / "energy.json").rename(finished / "kept.json")
    try:
        again = write_report(finished, tmp_path / "again.html", clips=clips)
        without = write_report(finished, tmp_path / "without.html")
    finally:
        (finished / "kept.json").rename(finished / "energy.json")
    tables = [
        re.search(r"Layer by layer.*?</table>", path.read_text(), re.DOTALL)
        for path in (again, finished / "report.html")
    ]
    assert tables[0][0] == tables[1][0]
    assert "The energy of single layers is not in the run folder" in notes(without)
    assert "No clips were given" in notes(without)
    assert data(without)["player"] is None


def test_an_unfinished_run(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,train_loss,lr\n0,1.0,0.1\n1,inf,\n")
    path = write_report(tmp_path)
    assert data(path)["curves"] == {"loss": {"train": [[0.0, 1.0]]}, "lr": {"": [[0.0, 0.1]]}}
    assert "has not come to its end" in notes(path)
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


def test_wrong_folders_and_damaged_files(tmp_path):
    with pytest.raises(DataError, match="no run folder"):
        write_report(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        write_report(tmp_path / "absent")
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(DataError, match="no JSON"):
        write_report(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    (tmp_path / "scores.npz").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match="scores cannot be read"):
        write_report(tmp_path)


def test_damaged_weights_leave_the_player_out(finished, tmp_path):
    for name in ("results.json", "config.yaml", "metrics.csv", "scores.npz"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    clips, _ = clips_of_run(finished)
    assert "weights.pt is missing" in notes(write_report(tmp_path, clips=clips))
    (tmp_path / "weights.pt").write_bytes(b"nonsense")
    assert "There is no player" in notes(write_report(tmp_path, clips=clips))


def test_long_lists_keep_the_wrong_clips(finished, monkeypatch):
    monkeypatch.setattr("sgnkit.report.write._LIST_BYTES", 10)
    path = write_report(finished, finished / "other.html")
    scores = read_run(finished).scores
    assert len(data(path)["clips"]["name"]) <= (scores.labels != scores.predicted).sum()
    assert "are listed" in notes(path)


def test_trouble_never_stops_a_training(tmp_path, capsys):
    report_of_training(tmp_path, None)
    out = capsys.readouterr().out
    assert "warning: report.html was not written" in out and f"sgnkit report {tmp_path}" in out


def test_clips_that_are_not_at_hand(finished, tmp_path):
    clips, why = clips_of_run(tmp_path)
    assert clips is None and "no config.yaml" in why
    config = yaml.safe_load((finished / "config.yaml").read_text())
    config["data"] = {"name": "NWUCLA", "root": "nowhere"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    clips, why = clips_of_run(tmp_path)
    assert clips is None and "not at hand" in why and "nowhere" in why
