from pathlib import Path

import pytest
import yaml

from sgnkit.datasets import NWUCLA
from sgnkit.errors import ConfigError
from sgnkit.training import build_transforms, read_experiment
from sgnkit.training.config import dataset_class

CONFIGS = sorted(Path(__file__).parents[2].glob("configs/*/*.yaml"))


def read(config, *words):
    return read_experiment("train", ["--config", str(config), *words])[0]


def test_values_come_from_preset_file_and_command_line(config):
    experiment = read(config, "--optim.lr", "0.3", "--model.num_steps=3")
    assert experiment.optim.lr == 0.3
    assert experiment.optim.warmup_epochs == 1
    assert experiment.model["num_steps"] == 3
    assert experiment.model["hidden_channels"] == [4, 4]
    assert experiment.model["spatial"] == "sgc"
    assert experiment.data["num_clips"] == 20
    assert experiment.name == f"{config.parent.name}/tiny"
    other = read(config, "--model.name", "mk_sgn_small")
    assert other.model["spatial"] == "sa_sgc"
    assert len(other.model["modalities"]) == 4


def test_later_files_win(config, tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text("optim: {lr: 0.7}\nmodel: {name: mk_sgn_small}\n")
    experiment = read(config, "--config", str(more))
    assert experiment.optim.lr == 0.7
    assert experiment.optim.warmup_epochs == 1
    assert experiment.model["name"] == "mk_sgn_small"


def test_print_config_is_an_experiment_file(config, capsys, tmp_path):
    with pytest.raises(SystemExit):
        read(config, "--print_config", "--seed", "3")
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    again = read(printed)
    assert again.seed == 3
    assert again == read(config, "--seed", "3")


def test_help_names_every_option(config, capsys):
    with pytest.raises(SystemExit):
        read(config, "--help")
    text = capsys.readouterr().out
    for word in ("--model.heads", "--data.num_clips", "--optim.lr", "--trainer.max_epochs"):
        assert word in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--optim.lrr", "1"], "'optim.lrr'; did you mean 'optim.lr'"),
        (["--model.num_stepz", "1"], "did you mean 'model.num_steps'"),
        (["--data.num_clip", "1"], "did you mean 'data.num_clips'"),
        (["--trainr.max_epochs", "1"], "did you mean 'trainer.max_epochs'"),
        (["--optim.lr", "fast"], "optim.lr"),
        (["--optim.schedule", "exponential"], "cosine"),
        (["--optim.lr", "0"], "must be positive"),
        (["--model.name", "mk_sgn_smal"], "did you mean 'mk_sgn_small'"),
        (["--data.name", "NWUCL"], "did you mean 'NWUCLA'"),
        (["--data.name", "os.system"], "no Dataset"),
        (["--config", "nowhere.yaml"], "no such experiment file"),
        (["--epoch_rule", "best_val"], "validation: true"),
        (["--epoch_rule", "best_test"], "best_val"),
    ],
)
def test_mistakes_on_the_command_line(config, words, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        read(config, *words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim: {learningrate: 1}", "no key 'optim.learningrate'"),
        ("optimiser: {lr: 1}", "no key 'optimiser"),
        ("model: {num_steps: many}", "model.num_steps"),
        ("batch_size: 2.5", "batch_size"),
        ("train_transforms: [Centre]", "did you mean 'Center'"),
        ("train_transforms: [Center: {joints: 1}]", "did you mean 'joint'"),
        ("train_transforms: [Jitter: {std: -1}]", "at least 0"),
        ("train_transforms: [os.system: {command: ls}]", "no BaseTransform"),
        ("train_transforms: [[Center]]", "train_transforms"),
        ("pre_transforms: [Clean: {policy: ntu}]", "(?s)no policy 'ntu'.*pre_transforms"),
        ("- a list", "no experiment"),
        ("a: [", "not YAML"),
    ],
)
def test_mistakes_in_the_file(config, tmp_path, text, message):
    more = tmp_path / "more.yaml"
    more.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(config, "--config", str(more))


def test_model_and_data_are_needed(tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)which model.*mk_sgn_small"):
        read_experiment("train", [])
    path = tmp_path / "half.yaml"
    path.write_text("model: {name: base_sgn_small}")
    with pytest.raises(ConfigError, match=r"(?s)which data.*NWUCLA"):
        read(path)


def test_weights_are_relative_to_the_file(config, tmp_path):
    content = yaml.safe_load(config.read_text())
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(yaml.safe_dump({**content, "weights": "weights.pt"}))
    assert read(run / "config.yaml").weights == str(run / "weights.pt")
    assert read(run / "config.yaml", "--weights", "other.pt").weights == "other.pt"


def test_build_transforms():
    compose = build_transforms(["MinMaxNormalize", {"UniformSample": {"num_frames": 4}}])
    assert [type(t).__name__ for t in compose.transforms] == ["MinMaxNormalize", "UniformSample"]
    own = build_transforms(["torch_geometric.transforms.NormalizeScale"])
    assert type(own.transforms[0]).__name__ == "NormalizeScale"


def test_dataset_class():
    assert dataset_class("NWUCLA") is dataset_class("sgnkit.datasets.NWUCLA") is NWUCLA


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_configs_of_the_project(path):
    experiment = read(path)
    name = path.stem
    for ending in ("_distilled", "_spike_driven", "_1step", "_aligned"):
        name = name.removesuffix(ending)
    assert experiment.model["name"] == name
    assert (experiment.model.get("num_steps") == 1) == ("_1step" in path.stem)
    assert experiment.model.get("spike_driven", False) == path.stem.endswith("_spike_driven")
    if path.stem.endswith("_aligned"):
        assert "AlignBody" in experiment.train_transforms
    assert bool(experiment.distill.teachers) == path.stem.endswith("_distilled")
    assert experiment.name == f"{path.parent.name}/{path.stem}"


def test_there_are_configs():
    assert len(CONFIGS) >= 5
