import csv
import json

import pytest
import torch
import yaml

from sgnkit.cli import main
from sgnkit.errors import CheckpointError, ConfigError
from sgnkit.training import (
    distill,
    load_model,
    read_checkpoint,
    read_experiment,
    score_clips,
    train,
)
from sgnkit.training.data import load_split
from sgnkit.training.data import test_loader as loader_of
from sgnkit.training.teaching import load_teacher, with_teacher

TAPS = {"blocks.0": "blocks.0", "blocks.1": "blocks.1"}


@pytest.fixture(scope="module")
def taught(tmp_path_factory, values):
    """A folder with the experiments of a teacher and its student, and their runs."""
    folder = tmp_path_factory.mktemp("taught")
    output = str(folder / "runs")
    model = {"name": "multimodal_gcn_small", "hidden_channels": [4, 4], "strides": [1, 1]}
    teacher = {**values, "model": model, "output": output}
    (folder / "teacher.yaml").write_text(yaml.safe_dump(teacher))
    lesson = {"teacher": "weights.pt", "teacher_config": "teacher.yaml", "taps": TAPS}
    student = {**values, "output": output, "distill": lesson}
    (folder / "student.yaml").write_text(yaml.safe_dump(student))
    experiment, _ = read_experiment("distill", ["--config", str(folder / "student.yaml")])
    return folder, distill(experiment)


def student_of(folder, *words):
    return read_experiment("train", ["--config", str(folder / "student.yaml"), *words])[0]


def test_teacher_and_student_in_one_call(taught):
    _, (teacher, student) = taught
    assert teacher.parts[-2] == "teacher"
    assert student.parts[-2] == "student"
    result = json.loads((student / "results.json").read_text())
    assert result["model"] == "base_sgn_small"
    with (student / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    terms = [f"loss_{name}" for name in ("cross_entropy", "soft_labels", "features", "translation")]
    assert set(terms) <= set(rows[0])
    row = {name: float(rows[-1][name]) for name in (*terms, "train_loss")}
    hard, soft, features, heads = (row[name] for name in terms)
    weights = [min((8 + step) / 4 / 5, 1) for step in range(4)]  # 4 steps an epoch, 5 of warm-up
    expected = (hard + soft) / 2 + heads + sum(weights) / 4 * features
    assert row["train_loss"] == pytest.approx(expected, rel=0.02)


def test_on_another_device(taught, train_elsewhere):
    folder, (teacher, student) = taught
    words = ("--distill.teacher", str(teacher / "weights.pt"), "--name", "elsewhere")
    with train_elsewhere:
        again = train(student_of(folder, *words))
    first, second = (read_checkpoint(f / "weights.pt")["state_dict"] for f in (student, again))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_student_carries_nothing_of_its_teacher(taught):
    _, (_, student) = taught
    expected = set(load_model(student / "weights.pt").state_dict())
    assert set(read_checkpoint(student / "weights.pt")["state_dict"]) == expected
    assert set(read_checkpoint(student / "checkpoints" / "last.ckpt")["state_dict"]) == expected
    whole = torch.load(student / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    others = {key.split(".")[0] for key in whole if not key.startswith("model.")}
    assert others == {"translations"}


def test_the_run_folder_names_the_teacher(taught):
    folder, (teacher, student) = taught
    again, _ = read_experiment("train", ["--config", str(student / "config.yaml")])
    (file,) = again.distill.teachers
    assert torch.equal(
        load_model(file).readout.lin.weight, load_model(teacher / "weights.pt").readout.lin.weight
    )
    weights = str(teacher / "weights.pt")
    repeated = train(student_of(folder, "--distill.teacher", weights, "--name", "again"))
    first = read_checkpoint(student / "weights.pt")["state_dict"]
    second = read_checkpoint(repeated / "weights.pt")["state_dict"]
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_trained_teacher_is_not_trained_again(taught):
    folder, (teacher, _) = taught
    experiment = student_of(folder, "--distill.teacher", str(teacher / "weights.pt"))
    experiment.trainer.max_epochs = 1
    before = sorted(teacher.parent.iterdir())
    none, student = distill(experiment)
    assert none is None
    assert student is not None
    assert sorted(teacher.parent.iterdir()) == before


def test_continued_distillation(taught):
    folder, (teacher, _) = taught
    weights = str(teacher / "weights.pt")
    words = ("--distill.teacher", weights, "--name", "parts")
    part = student_of(folder, *words)
    part.trainer.max_epochs = 3
    whole = train(part)
    # the checkpoint of the last epoch continues to nothing: same weights
    continued = train(part, str(whole / "checkpoints" / "last.ckpt"))
    one = read_checkpoint(whole / "weights.pt")["state_dict"]
    two = read_checkpoint(continued / "weights.pt")["state_dict"]
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_several_teachers_and_scores(taught):
    folder, (teacher, _) = taught
    weights = str(teacher / "weights.pt")
    experiment = student_of(folder, "--distill.teacher", f"[{weights}, {weights}]")
    experiment.distill.teacher_weights = [3.0, 1.0]
    experiment.distill.taps = {"models.1.blocks.0": "blocks.0"}
    clips = load_split(experiment, "train")
    model = load_model(weights)
    names = list(clips.class_names)
    both = load_teacher(experiment.distill, names)
    scores = score_clips(model, loader_of(experiment, clips))
    assert torch.allclose(
        score_clips(both, loader_of(experiment, clips)).logits, scores.logits, atol=1e-5
    )
    distiller, _ = with_teacher(experiment, _student(experiment), clips, names)
    assert list(distiller.translations) == ["blocks_0"]
    scores.save(folder / "scores.npz")
    experiment = student_of(folder, "--distill.teacher", str(folder / "scores.npz"))
    experiment.distill.taps = {}
    by_heart = load_teacher(experiment.distill, names)
    loader = loader_of(experiment, clips)
    assert torch.equal(score_clips(by_heart, loader).logits, scores.logits)
    experiment.trainer.max_epochs = 1
    with pytest.raises(ValueError, match="never scored"):  # validation clips are trained on too
        train(experiment)
    experiment.validation = True
    assert train(experiment) is not None


def _student(experiment):
    from sgnkit.training import build_model

    options = {key: value for key, value in experiment.model.items() if key != "name"}
    return build_model(experiment.model["name"], "sbu15", 2, options)


def test_what_can_be_wrong_is_said_before_the_first_epoch(taught, tmp_path):
    folder, (teacher, _) = taught
    weights = str(teacher / "weights.pt")
    given = ("--distill.teacher", weights)
    with pytest.raises(CheckpointError, match=r"(?s)no such teacher.*sgnkit distill"):
        train(student_of(folder))
    wrong = student_of(folder, *given)
    wrong.distill.taps = {"blocks.9": "blocks.0"}
    with pytest.raises(ConfigError, match=r"no submodule 'blocks\.9'"):
        train(wrong)
    wrong = student_of(folder, *given, "--model.hidden_channels", "[4, 6]")
    with pytest.raises(ConfigError, match=r"\(6, 30?, 4\)|features differ in shape"):
        train(wrong)
    wrong = student_of(folder, *given, "--data.num_classes", "3")
    with pytest.raises(CheckpointError, match="other classes than the student"):
        train(wrong)
    wrong = student_of(folder, *given)
    wrong.distill.soft_weight = 2.0
    with pytest.raises(ConfigError, match="soft_weight from 0 to 1"):
        train(wrong)
    wrong = student_of(folder, *given)
    wrong.distill.teacher = [weights, "scores.npz"]
    with pytest.raises(ConfigError, match="either all teachers are networks"):
        train(wrong)
    wrong = student_of(folder, "--distill.teacher", "nowhere.npz")
    with pytest.raises(CheckpointError, match="no such scores"):
        train(wrong)
    wrong = student_of(folder)
    wrong.distill.teacher_config = None
    with pytest.raises(ConfigError, match="nothing says how to train it"):
        distill(wrong)


def test_the_cache_is_refused_with_random_transforms(taught, tmp_path):
    folder, (teacher, _) = taught
    experiment = student_of(folder, "--distill.teacher", str(teacher / "weights.pt"))
    experiment.distill.cache = str(tmp_path / "cache")
    experiment.trainer.max_epochs = 2
    with pytest.raises(ConfigError, match=r"(?s)clips change with every epoch.*distill.cache"):
        train(experiment)
    plain = student_of(folder, "--distill.teacher", str(teacher / "weights.pt"))
    plain.trainer.max_epochs = 2
    plain.train_transforms = plain.test_transforms
    expected = read_checkpoint(train(plain) / "weights.pt")["state_dict"]
    plain.distill.cache = str(tmp_path / "cache")
    cached = read_checkpoint(train(plain) / "weights.pt")["state_dict"]
    assert all(torch.allclose(expected[key], cached[key], atol=1e-5) for key in expected)
    assert len(list((tmp_path / "cache").rglob("*.pt"))) == 16


def test_command(taught, capsys):
    folder, (teacher, _) = taught
    words = ["--config", str(folder / "student.yaml"), "--distill.teacher"]
    words += [str(teacher / "weights.pt"), "--trainer.max_epochs", "1"]
    assert main(["distill", *words]) == 0
    assert "base_sgn_small: accuracy" in capsys.readouterr().out
    assert main(["distill", "--config", str(folder / "teacher.yaml")]) == 2
    assert "distill.teacher_config" in capsys.readouterr().err
