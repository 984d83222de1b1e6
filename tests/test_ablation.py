"""The ablation study: its cells are valid experiments, its table says what ran. Nothing trains."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import pytest

import sgnkit
from sgnkit.training.config import build_transforms

PATH = Path(__file__).resolve().parents[1] / "examples" / "ablation_nw_ucla.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("ablation_nw_ucla", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def options(folder, **values):
    given = {"grid": "tiny", "root": None, "processed_root": None, "epochs": None}
    given |= {"precision": "32-true", "output": folder, "most_seeds": 2}
    return argparse.Namespace(**{**given, **values})


def finish(study, folder, cell, accuracy):
    run = folder / cell.folder / "20260101-000000"
    run.mkdir(parents=True)
    result = {
        **{"accuracy": accuracy, "clean_accuracy": accuracy - 0.1, "firing_rate": 0.12},
        **{"energy_mj": {"paper": 0.1, "strict": 0.2}, "seconds_per_epoch": 5.0},
    }
    (run / "results.json").write_text(json.dumps(result), encoding="utf-8")


def test_every_cell_is_an_experiment_of_its_own(study, tmp_path):
    given = options(tmp_path)
    cells = list(study.cells(list(study.AXES), [3], study.GRIDS["tiny"]))
    teachers = [cell for cell in cells if cell.axis == study.TEACHER]
    assert cells[: len(study.TEACHERS)] == teachers, "before the students that need them"
    for cell in teachers:
        finish(study, tmp_path, cell, 0.9)
    seen = set()
    for cell in {cell.folder: cell for cell in cells}.values():
        experiment = study.experiment_of(cell, given)
        assert experiment.seed == 3
        build_transforms(experiment.train_transforms)
        build_transforms(experiment.test_transforms)
        model = dict(experiment.model)
        name = model.pop("name")
        model.pop("neuron", None)  # built from its name by `sgnkit train`
        sgnkit.create_model(name, layout="kinect20", num_classes=10, **model)
        seen.add(json.dumps({**experiment.to_dict(), "name": ""}, sort_keys=True))
    # a label smoothing, say, that did not arrive would make two cells equal
    assert len(seen) == len({cell.folder for cell in cells})


def test_the_reference_stands_in_each_part(study):
    rows = list(study.cells(list(study.AXES), [0], study.GRIDS["tiny"]))
    reference = {cell.axis: cell.label for cell in rows if cell.folder == "reference_seed0"}
    assert reference.keys() == study.AXES.keys()
    assert reference["steps"] == "S = 2" and reference["fusion"] == "mutual information"


def test_the_table_says_what_ran(study, tmp_path):
    given = options(tmp_path)
    grid = study.GRIDS["tiny"]
    cells = {(c.label, c.seed): c for c in study.cells(list(study.AXES), [0, 1], grid)}
    assert study.collect(given) == []
    finish(study, tmp_path, cells["sum", 0], 0.5)
    finish(study, tmp_path, cells["sum", 1], 0.6)
    finish(study, tmp_path, cells["TET loss", 0], 0.7)
    finish(study, tmp_path, cells["mutual information", 1], 0.3)
    study.write(given)
    text = (tmp_path / "ablation.md").read_text(encoding="utf-8")
    assert (
        "| fusion | sum | 2 | 55.0 ± 7.1 % | +30.0 | 45.0 ± 7.1 % | 12.0 % "
        "| 0.100 / 0.200 mJ | 5 s |" in text
    )
    # the reference has run with another seed
    assert "|  | TET loss | 1 | 70.0 % |  | 60.0 % |" in text
    references = len(study.AXES)
    assert len(text.splitlines()) == 4 + references
    assert (tmp_path / "ablation.png").stat().st_size > 1000
    lines = (tmp_path / "ablation.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 + references


def test_shards_share_out_all_cells(study, tmp_path, capsys):
    found = []
    for shard in ("0/2", "1/2"):
        study.main(["--grid", "tiny", "--list", "--shard", shard, "--output", str(tmp_path)])
        found.append(set(capsys.readouterr().out.split("\n")) - {""})
    study.main(["--grid", "tiny", "--list", "--output", str(tmp_path)])
    everything = set(capsys.readouterr().out.split("\n")) - {""}
    assert found[0] | found[1] == everything and not found[0] & found[1]
