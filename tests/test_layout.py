import copy
import pickle

import numpy as np
import pytest

from sgnkit.layout import (
    SkeletonLayout,
    get_layout,
    list_layouts,
    register_layout,
)

BUILT_INS = (
    "ntu25",
    "kinect20",
    "utd_mhad20",
    "sbu15",
    "coco17",
    "openpose18",
    "mediapipe33",
    "hand21",
)

# Parents and (left, right) pairs as the sources print them; -1 is a root.
TABLES = {
    "ntu25": (
        "1,20,20,2,20,4,5,6,20,8,9,10,0,12,13,14,0,16,17,18,-1,22,7,24,11",
        "4-8 5-9 6-10 7-11 12-16 13-17 14-18 15-19 21-23 22-24",
        20,
    ),
    "kinect20": (
        "1,2,-1,2,2,4,5,6,2,8,9,10,0,12,13,14,0,16,17,18",
        "4-8 5-9 6-10 7-11 12-16 13-17 14-18 15-19",
        2,
    ),
    "utd_mhad20": (
        "1,-1,1,2,1,4,5,6,1,8,9,10,3,12,13,14,3,16,17,18",
        "4-8 5-9 6-10 7-11 12-16 13-17 14-18 15-19",
        1,
    ),
    "sbu15": (
        "1,-1,1,1,3,4,1,6,7,2,9,10,2,12,13",
        "3-6 4-7 5-8 9-12 10-13 11-14",
        1,
    ),
    "coco17": (
        "-1,0,0,1,2,0,0,5,6,7,8,5,6,11,12,13,14",
        "1-2 3-4 5-6 7-8 9-10 11-12 13-14 15-16",
        0,
    ),
    "openpose18": (
        "1,-1,1,2,3,1,5,6,2,8,9,5,11,12,0,0,14,15",
        "5-2 6-3 7-4 11-8 12-9 13-10 15-14 17-16",
        1,
    ),
    "mediapipe33": (
        "-1,0,1,2,0,4,5,3,6,0,0,0,0,11,12,13,14,15,16,15,16,15,16,11,12,23,24,25,26,27,28,29,30",
        "1-4 2-5 3-6 7-8 9-10 11-12 13-14 15-16 17-18 19-20 21-22 23-24 25-26 27-28 29-30 31-32",
        0,
    ),
    "hand21": ("-1,0,1,2,3,0,5,6,7,0,9,10,11,0,13,14,15,0,17,18,19", "", 0),
}


def chain(num_joints=4, **kwargs):
    names = tuple("abcdefgh"[:num_joints])
    parents = tuple(max(j - 1, 0) for j in range(num_joints))
    return SkeletonLayout(kwargs.pop("name", "chain"), names, parents, **kwargs)


@pytest.fixture
def registry(monkeypatch):
    """A registry of its own, with the built-ins alone."""
    built_ins = {name: get_layout(name) for name in BUILT_INS}
    monkeypatch.setattr("sgnkit.layout._REGISTRY", built_ins)


def test_built_ins_are_registered():
    assert tuple(list_layouts()[: len(BUILT_INS)]) == BUILT_INS


@pytest.mark.parametrize("name", BUILT_INS)
def test_built_in_tables(name):
    parents, pairs, center = TABLES[name]
    layout = get_layout(name)
    expected = [int(p) for p in parents.split(",")]
    assert [j if p < 0 else p for j, p in enumerate(expected)] == list(layout.parents)
    assert tuple(tuple(map(int, p.split("-"))) for p in pairs.split()) == layout.pairs
    assert layout.center == center
    assert layout.num_joints == len(expected) == int(name[-2:])
    assert layout.roots == (expected.index(-1),)
    assert layout.source
    assert len(layout.coords) == layout.num_joints
    for left, right in layout.pairs:
        assert "left" in layout.joints[left] and "right" in layout.joints[right]
        assert layout.coords[left][0] == -layout.coords[right][0] < 0


def test_layout_is_frozen_hashable_and_copies():
    layout = get_layout("ntu25")
    assert str(layout) == "SkeletonLayout('ntu25', joints=25)"
    with pytest.raises(AttributeError):
        layout.name = "other"
    assert pickle.loads(pickle.dumps(layout)) == copy.deepcopy(layout) == layout
    assert len({layout, copy.deepcopy(layout)}) == 1


def test_lists_become_tuples():
    layout = SkeletonLayout("two", ["a", "b"], [0, 0], [[0, 1]], coords=[[0, 0], [1, 2]])
    assert layout.joints == ("a", "b")
    assert layout.parents == (0, 0)
    assert layout.pairs == ((0, 1),)
    assert layout.coords == ((0.0, 0.0), (1.0, 2.0))


def test_numpy_indices():
    layout = SkeletonLayout("numpy", ("a", "b"), np.array([0, 0]), pairs=np.array([[0, 1]]))
    assert layout == SkeletonLayout("numpy", ("a", "b"), (0, 0), ((0, 1),))
    assert type(layout.index(np.int64(1))) is int
    assert SkeletonLayout.from_dict(layout.to_dict()) == layout


def test_index():
    layout = get_layout("ntu25")
    assert layout.index("head") == layout.index(3) == 3
    with pytest.raises(ValueError, match=r"no joint 'haed' \(did you mean 'head'\?\)"):
        layout.index("haed")
    for joint in (25, -1, True, 1.0):
        with pytest.raises(ValueError, match="has joints 0 to 24, got joint"):
            layout.index(joint)


def test_subset_hangs_joints_on_the_nearest_kept_ancestor():
    layout = chain(6, pairs=((0, 1), (2, 4)), center=3, coords=tuple((j, -j) for j in range(6)))
    part = layout.subset(["f", "a", "c", "e"], name="part")
    assert part == SkeletonLayout(
        name="part",
        joints=("f", "a", "c", "e"),
        parents=(3, 1, 1, 2),
        pairs=((2, 3),),
        center=2,
        source="4 joints of chain: ",
        coords=((5, -5), (0, 0), (2, -2), (4, -4)),
    )


def test_subset_without_ancestor_makes_roots():
    layout = get_layout("ntu25")
    arms = layout.subset([j for j in layout.joints if "elbow" in j or "wrist" in j])
    assert arms.name == "ntu25_subset4"
    assert arms.joints == ("left_elbow", "left_wrist", "right_elbow", "right_wrist")
    assert arms.parents == (0, 0, 2, 2)
    assert arms.roots == (0, 2)
    assert arms.center == 0
    assert arms.pairs == ((0, 2), (1, 3))


def test_subset_of_everything_is_the_layout():
    layout = get_layout("openpose18")
    part = layout.subset(layout.joints, name=layout.name)
    assert (part.joints, part.parents, part.pairs) == (layout.joints, layout.parents, layout.pairs)
    assert part.center == layout.center


@pytest.mark.parametrize(
    "joints, message",
    [
        (["head", "nose"], "no joint 'nose'"),
        (["head", 3], "share name 'head'"),
        ([25], "has joints 0 to 24"),
        ([], "joints is empty"),
    ],
)
def test_subset_errors(joints, message):
    with pytest.raises(ValueError, match=message):
        get_layout("ntu25").subset(joints)


def test_registry(registry):
    layout = chain(name="mine")
    assert register_layout(layout) is layout
    assert get_layout("mine") is layout
    assert get_layout(layout) is layout
    assert list_layouts() == [*BUILT_INS, "mine"]
    register_layout(chain(name="mine"))  # an equal one changes nothing
    other = chain(3, name="mine")
    with pytest.raises(ValueError, match="'mine' belongs to a different layout"):
        register_layout(other)
    assert get_layout("mine").num_joints == 4
    register_layout(other, overwrite=True)
    assert get_layout("mine") is other
    with pytest.raises(TypeError, match="must be a SkeletonLayout, got 'ntu25'"):
        register_layout("ntu25")


def test_unknown_layout_lists_names_and_the_nearest():
    with pytest.raises(ValueError, match=r"'ntu52' \(did you mean 'ntu25'\?\); known are ntu25, "):
        get_layout("ntu52")
