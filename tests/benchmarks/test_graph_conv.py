import pytest
import torch

from benchmarks.graph_conv import SLACK, Loop, layers, sizes, taken
from benchmarks.network import clips
from benchmarks.page import RESULTS, load
from sgnkit.nn import SASGC, SkeletonGraph, SpikingGraphConv

GRAPH = SkeletonGraph.from_data(clips("kinect20", 2, frames=3, number=2))
X = (torch.randn(4, 3, 80, 16) > 0.5).float()


@pytest.mark.parametrize("kind", [SpikingGraphConv, SASGC])
@pytest.mark.parametrize("adjacency", ["learned", "fixed"])
def test_all_sides_are_the_same_layer(kind, adjacency):
    sides = layers(kind, 16, "kinect20", adjacency)
    if kind is SpikingGraphConv and adjacency == "fixed":
        sides["loop"] = Loop(sides["auto"])
    expected = sides["dense"].eval()(X, GRAPH)
    assert expected.mean() > 0
    for name, side in sides.items():
        off = side.eval()(X, GRAPH).ne(expected).float().mean()
        assert off < 1e-3, name  # a sum that lands on the threshold may fall on either side


def test_what_is_taken():
    assert taken(layers(SpikingGraphConv, 32, "kinect20", "learned")["auto"], GRAPH) == "dense"
    assert taken(layers(SpikingGraphConv, 32, "kinect20", "fixed")["auto"], GRAPH) == "sparse"
    assert taken(layers(SASGC, 32, "kinect20", "fixed")["auto"], GRAPH) == "both"
    # four bodies of 16 channels are little work
    assert taken(layers(SpikingGraphConv, 16, "kinect20", "fixed")["auto"], GRAPH) == "dense"


def test_sizes():
    quick, full = set(sizes(False)), set(sizes(True))
    assert quick < full
    assert {row[0] for row in full} == {20, 25, 33}
    assert {row[1] for row in full} == {1, 2}
    assert {row[3] for row in full} >= {1, 64}


def test_the_automatic_choice_is_good():
    rows = [
        row for found in load(RESULTS) if found["name"] == "graph_conv" for row in found["rows"]
    ]
    assert rows
    for row in rows:
        assert row["choice"] <= SLACK, row["case"]
