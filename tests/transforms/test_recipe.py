import pytest

from sgnkit.errors import ConfigError
from sgnkit.transforms.recipe import transforms_from_recipe


def test_builds():
    built = transforms_from_recipe(["MinMaxNormalize", {"UniformSample": {"num_frames": 4}}])
    assert [type(t).__name__ for t in built.transforms] == ["MinMaxNormalize", "UniformSample"]
    assert transforms_from_recipe([]).transforms == []


@pytest.mark.parametrize(
    "entry", ["os.system", {"torch_geometric.transforms.ToDevice": {}}, "Compose", "_base", "draw"]
)
def test_knows_only_its_own(entry):
    with pytest.raises(ConfigError, match="no transform of sgnkit"):
        transforms_from_recipe([entry])


@pytest.mark.parametrize(
    "entry", [3, {}, {"Center": {"nonsense": 1}}, {"Center": 3}, {"a": 1, "b": 2}]
)
def test_wrong_entries(entry):
    with pytest.raises(ConfigError, match=r"transforms\[0\]"):
        transforms_from_recipe([entry])


def test_not_a_list():
    with pytest.raises(ConfigError, match="not a list"):
        transforms_from_recipe("Center")
