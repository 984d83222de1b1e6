from pathlib import Path

import yaml

from sgnkit.training import Experiment
from sgnkit.training.options import plain


def test_plain():
    value = {"a": (1, 2.0, None), 3: [Path("b"), True], "c": {"d": "e"}}
    assert plain(value) == {"a": [1, 2.0, None], "3": ["b", True], "c": {"d": "e"}}


def test_an_experiment_is_yaml():
    experiment = Experiment({"name": "m", "strides": (1, 2)}, {"name": "d"})
    content = yaml.safe_load(yaml.safe_dump(experiment.to_dict()))
    assert content["model"] == {"name": "m", "strides": [1, 2]}
    assert content["optim"]["momentum"] == 0.9
    assert content["epoch_rule"] == "last"
