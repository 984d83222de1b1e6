import numpy as np
import pytest

import sgnkit
from sgnkit.viz.upright import upright


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_up_is_where_the_head_is(axis, sign):
    layout = sgnkit.get_layout("ntu25")
    places = np.random.default_rng(0).normal((5.0, -9.0, 2.0), 0.05, (25, 7, 3))
    places[:, :, axis] += sign * np.array(layout.coords)[:, 1:]
    places[4, 2] = np.nan
    turn = upright(places, layout, np.arange(25))
    assert turn[1, axis] == sign
    assert np.abs(turn).sum(0).tolist() == np.abs(turn).sum(1).tolist() == [1, 1, 1]
    head, foot = layout.joints.index("head"), layout.joints.index("left_foot")
    turned = places[:, 0] @ turn.T
    assert turned[head, 1] > turned[foot, 1]


def test_nothing_to_go_by():
    layout = sgnkit.get_layout("ntu25")
    nothing = np.full((25, 2, 3), np.nan)
    assert upright(nothing, layout, np.arange(25)).tolist() == np.eye(3).tolist()
