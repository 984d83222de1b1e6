import json

import pytest
import torch
from torch import nn

from sgnkit.energy import PRESETS, EnergyPreset, get_preset, profile
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
        "paper_mac": 96.0,
        "paper_ac": 32.0,
        "strict_mac": 96.0,
        "strict_ac": 32.0,
    }
    assert values["preset"]["mac_pj"] == 4.6 and values["layers"][0]["rate"] is None


def test_table():
    lines = str(report()).splitlines()
    assert " ".join(lines[0].split()) == "layer kind operations rate MAC AC paper nJ strict nJ"
    assert lines[2].split() == ["0", "matmul", "96", "-", "96", "0", "0.44", "0.44"]
    assert lines[3].split() == ["2", "matmul", "64", "0.5000", "0", "32", "0.03", "0.03"]
    assert lines[5].split() == ["total", "160", "96", "32", "0.47", "0.47"]
    assert "Estimate for one clip (mean of 5), not measured" in lines[7]


def test_presets():
    own = EnergyPreset("own", mac_pj=1.0, ac_pj=0.1)
    assert report(own).totals["strict"] == pytest.approx((96 + 3.2) * 1e-9)
    assert get_preset("45nm") is PRESETS["45nm"] and "Horowitz" in PRESETS["45nm"].source
    with pytest.raises(ValueError, match="unknown energy preset '7nm'; known are 45nm"):
        report("7nm")
    with pytest.raises(ValueError, match="must not be negative"):
        EnergyPreset("bad", -1.0, 0.9)
