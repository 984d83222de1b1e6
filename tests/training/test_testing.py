import pytest

from sgnkit.errors import ConfigError, DataError
from sgnkit.training import read_experiment
from sgnkit.training.testing import test as run_test


@pytest.fixture
def experiment(finished):
    return read_experiment("test", ["--config", str(finished / "config.yaml")])[0]


def test_any_split(experiment):
    report = run_test(experiment, split="all")
    assert report.result["clips"] == len(report.scores.names) == 20
    assert sum(map(sum, report.result["confusion"])) == 20
    assert {neuron.name for neuron in report.energy.neurons} >= {"encoders.0.neuron"}
    assert not report.model.training
    with pytest.raises((ConfigError, DataError), match="split"):
        run_test(experiment, split="exam")


def test_weights_must_fit_the_data(experiment):
    experiment.data["layout"] = "coco17"
    with pytest.raises(ConfigError, match=r"(?s)joints of sbu15.*joints of coco17"):
        run_test(experiment)
    experiment.weights = None
    with pytest.raises(ConfigError, match="no weights"):
        run_test(experiment)
