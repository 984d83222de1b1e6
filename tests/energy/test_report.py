import csv
import io
import json

import pytest
import torch
from torch import nn

from sgnkit.energy import PRESETS, EnergyPreset, compare, get_preset, profile
from sgnkit.errors import ConfigError
from sgnkit.nn import LIF


def report(preset="45nm"):
    net = nn.Sequential(nn.Linear(3, 8), LIF(), nn.Linear(8, 2, bias=False))
    nn.init.constant_(net[0].weight, 1.0)
    nn.init.zeros_(net[0].bias)
    return profile(net, torch.full((4, 5, 3), 0.5), preset=preset, num_clips=5)


def test_totals_are_millijoules_for_a_clip():
    totals = report().totals  # a current of 1.5 fires every second step
    assert totals["paper"] == pytest.approx((4.6 * 96 + 0.9 * 64 / 2) * 1e-9)
    assert totals["strict"] == pytest.approx(totals["paper"])
    assert totals["dense"] == pytest.approx(4.6 * (96 + 64) * 1e-9)


def test_to_dict_is_json():
    values = json.loads(json.dumps(report().to_dict()))
    assert values["counts"] == {
        "operations": 160.0,
        "synaptic_operations": 32.0,
        "paper_mac": 96.0,
        "paper_ac": 32.0,
        "strict_mac": 96.0,
        "strict_ac": 32.0,
    }
    assert values["preset"]["mac_pj"] == 4.6 and values["layers"][0]["rate"] is None
    assert values["estimate"] and values["layers"][0]["paper_pj"] == pytest.approx(4.6 * 96)


def test_table():
    lines = str(report()).splitlines()
    head = "layer kind operations synaptic rate sparsity binary paper MAC AC pJ strict MAC AC pJ"
    assert " ".join(lines[0].split()) == head
    first = "0 matmul 96 0 - 0.0% 0.0% 96 0 442 96 0 442"
    last = "2 matmul 64 32 0.5000 50.0% 100.0% 0 32 28.8 0 32 28.8"
    total = "total 160 32 0.5000 20.0% 40.0% 96 32 470 96 32 470"
    for line, words in ((2, first), (3, last), (6, total)):
        assert " ".join(lines[line].split()) == words
    assert "Estimate for one clip (mean of 5), not measured" in lines[8]


def test_markdown_csv_and_files(tmp_path):
    made = report()
    assert made.to_markdown().splitlines()[2].startswith("| `0` | matmul | 96 | 0 | - |")
    rows = list(csv.DictReader(io.StringIO(made.to_csv())))
    assert [row["layer"] for row in rows] == ["0", "2"]
    assert float(rows[1]["strict_pj"]) == pytest.approx(28.8)
    assert rows[0]["not_spike_driven"].startswith("analog input")
    for ending in ("json", "csv", "md", "txt"):
        made.save(tmp_path / f"energy.{ending}")
    assert json.loads((tmp_path / "energy.json").read_text())["estimate"] is True
    assert "Not spike-driven" in (tmp_path / "energy.txt").read_text()
    with pytest.raises(ValueError, match=r"cannot write 'energy.doc'; expected .json, .csv"):
        made.save(tmp_path / "energy.doc")


def test_audit():
    made = report()
    assert [layer.name for layer in made.not_spike_driven] == ["0"]
    assert made.audit().splitlines() == [
        "Not spike-driven, in the strict counting:",
        "  0 (matmul): analog input: no neuron comes before. 96 operations, layer 442 pJ",
        "Together 60.0% of all operations.",
    ]


def test_teacher_and_student_in_one_table():
    teacher = profile(nn.Linear(3, 8), torch.rand(5, 3))
    lines = compare({"teacher": teacher, "student": report()}).splitlines()
    assert lines[2].split()[:5] == ["teacher", "45nm", "120", "0", "-"]
    assert lines[3].split()[:5] == ["student", "45nm", "160", "32", "0.5000"]
    assert "not measured" in lines[-1]
    assert compare({"teacher": teacher}, "markdown").startswith("| network | preset |")
    assert compare({"teacher": teacher}, "csv").count("\n") == 2
    with pytest.raises(ValueError, match="style must be 'text', 'markdown' or 'csv'"):
        compare({}, "html")


def test_presets(tmp_path):
    own = EnergyPreset("own", mac_pj=1.0, ac_pj=0.1)
    assert report(own).totals["strict"] == pytest.approx((96 + 3.2) * 1e-9)
    assert report().with_preset(own) == report(own)
    assert get_preset("45nm") is PRESETS["45nm"] and "Horowitz" in PRESETS["45nm"].source
    assert (get_preset("45nm-int8").mac_pj, get_preset("pas-net").ac_pj) == (0.23, 0.1)
    with pytest.raises(ValueError, match="unknown energy preset '7nm'; known are 45nm"):
        report("7nm")
    with pytest.raises(ValueError, match="must not be negative"):
        EnergyPreset("bad", -1.0, 0.9)
    path = tmp_path / "chip.yaml"
    path.write_text("mac_pj: 2\nac_pj: 0.5\nsource: my chip\n")
    assert get_preset(path) == EnergyPreset("chip", 2, 0.5, "my chip")
    for text, message in (
        ("mac_pj: 2", "not an energy preset"),
        ("{mac_pj: 2, ac_pj: 1, volts: 3}", "not an energy preset"),
        ("{mac_pj: 2, ac_pj: high}", "wrong type"),
        ("{mac_pj: 2, ac_pj: -1}", "must not be negative"),
        ("{mac_pj: [", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            get_preset(path)
