import copy
import pickle

import pytest
import torch

from sgnkit.errors import DataError
from sgnkit.layout import (
    PARTITIONS,
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

# Sum of the third (from the children) subset: the number of joints that have children.
NUM_INNER = {
    "ntu25": 20,
    "kinect20": 15,
    "utd_mhad20": 15,
    "sbu15": 10,
    "coco17": 11,
    "openpose18": 12,
    "mediapipe33": 21,
    "hand21": 16,
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


@pytest.mark.parametrize("name", BUILT_INS)
def test_spatial_check_numbers(name):
    layout = get_layout(name)
    adj = layout.adjacency("spatial")
    num_bones = layout.num_joints - 1
    assert (adj > 0).sum(dim=(1, 2)).tolist() == [layout.num_joints, num_bones, num_bones]
    sums = adj.sum(dim=(1, 2))
    expected = torch.tensor([layout.num_joints, num_bones, NUM_INNER[name]], dtype=sums.dtype)
    torch.testing.assert_close(sums, expected)


def test_spatial_frobenius_norms():
    norms = get_layout("ntu25").adjacency().norm(dim=(1, 2))
    torch.testing.assert_close(norms, torch.tensor([5.0, 4.899, 4.3301]), atol=1e-4, rtol=0)
    norms = get_layout("kinect20").adjacency().norm(dim=(1, 2))
    torch.testing.assert_close(norms, torch.tensor([4.4721, 4.3589, 3.7081]), atol=1e-4, rtol=0)


def test_spatial_directions():
    adj = get_layout("ntu25").adjacency("spatial")
    # From the parent: each column has one source at most; rows are the numbers of children.
    assert set(adj[1].sum(dim=0).tolist()) == {0.0, 1.0}
    assert set(adj[1].sum(dim=1).tolist()) == {0.0, 1.0, 2.0, 4.0}
    # From the children of spine_shoulder: their mean.
    assert adj[2][:, 20].nonzero().flatten().tolist() == [1, 2, 4, 8]
    assert adj[2][[1, 2, 4, 8], 20].tolist() == [0.25] * 4


@pytest.mark.parametrize("name", BUILT_INS)
def test_joint_normalisation_sums_to_the_joint_count(name):
    layout = get_layout(name)
    distance, uniform = layout.adjacency("distance"), layout.adjacency("uniform")
    torch.testing.assert_close(distance.sum(), torch.tensor(float(layout.num_joints)))
    torch.testing.assert_close(distance.sum(dim=0), uniform[0])
    torch.testing.assert_close(uniform[0].sum(dim=0), torch.ones(layout.num_joints))
    assert torch.equal(uniform[0] > 0, (uniform[0] > 0).t())


def test_distance_check_numbers():
    own = get_layout("ntu25").adjacency("distance")[0]
    assert own.sum().item() == pytest.approx(8.95, abs=1e-3)
    assert own.norm().item() == pytest.approx(1.831, abs=1e-3)
    assert get_layout("kinect20").adjacency("distance")[0].sum().item() == pytest.approx(
        7.2833, abs=1e-4
    )


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", BUILT_INS)
def test_edges_and_adjacency_agree(name, partition):
    layout = get_layout(name)
    edge_index, edge_type = layout.edge_index(partition)
    num_subsets = layout.num_subsets(partition)
    assert edge_index.dtype == edge_type.dtype == torch.long
    assert edge_index.shape == (2, 3 * layout.num_joints - 2)
    assert edge_type.unique().tolist() == list(range(num_subsets))
    dense = torch.zeros(num_subsets, layout.num_joints, layout.num_joints, dtype=torch.bool)
    dense[edge_type, edge_index[0], edge_index[1]] = True
    adj = layout.adjacency(partition)
    assert torch.equal(adj > 0, dense)
    assert dense.sum() == edge_index.size(1)


def test_edges_are_fresh_tensors():
    layout = get_layout("ntu25")
    layout.edge_index()[0].zero_()
    assert layout.edge_index()[0].max() == 24


def test_unknown_partition():
    with pytest.raises(ValueError, match="spatial, distance, uniform, got 'spacial'"):
        get_layout("ntu25").edge_index("spacial")
    with pytest.raises(ValueError, match="got 'spacial'"):
        get_layout("ntu25").adjacency("spacial")


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


def test_forest_of_single_joints():
    layout = SkeletonLayout("dots", ("a", "b", "c"), (0, 1, 2))
    assert layout.roots == (0, 1, 2)
    assert layout.bones == ()
    edge_index, edge_type = layout.edge_index()
    assert edge_index.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert edge_type.tolist() == [0, 0, 0]
    assert layout.adjacency().sum(dim=(1, 2)).tolist() == [3.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": ""}, "name must be a non-empty text"),
        ({"joints": (), "parents": ()}, "joints is empty"),
        ({"joints": ("a", "b", "a")}, "joints 0 and 2 share name 'a'"),
        ({"joints": ("a", "", "c")}, "joint 1 must have a text as name"),
        ({"joints": ("a", 7, "c")}, "joint 1 must have a text as name, got 7"),
        ({"parents": (0, 0)}, "3 joints but 2 parents"),
        ({"parents": (0, 0, 3)}, r"parent of joint 2 \('c'\) must be an index in \[0, 3\).*got 3"),
        ({"parents": (0, -1, 1)}, r"parent of joint 1 \('b'\).*got -1"),
        ({"parents": (0, 2, 1)}, r"in a circle: 1 \('b'\) -> 2 \('c'\) -> 1 \('b'\)"),
        ({"parents": (1, 2, 0)}, "in a circle: 0"),
        ({"pairs": ((0, 3),)}, r"pair \(0, 3\) must hold joint indices in \[0, 3\), got 3"),
        ({"pairs": ((1, 1),)}, r"joint 1 \('b'\) is paired with itself"),
        (
            {"pairs": ((0, 1), (2, 0))},
            r"joint 0 \('a'\) stands in two pairs, \(0, 1\) and \(2, 0\)",
        ),
        ({"center": 3}, r"center must be a joint index in \[0, 3\), got 3"),
        ({"center": True}, "got True"),
        ({"coords": ((0, 0),)}, "3 joints but 1 coords"),
    ],
)
def test_table_errors_name_the_joint(changes, message):
    table = {"name": "arm", "joints": ("a", "b", "c"), "parents": (0, 0, 1), **changes}
    with pytest.raises(ValueError, match=message):
        SkeletonLayout(**table)


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


@pytest.mark.parametrize("name", BUILT_INS)
def test_yaml_and_dict_round_trip(name, tmp_path):
    layout = get_layout(name)
    assert SkeletonLayout.from_dict(layout.to_dict()) == layout
    text = layout.to_yaml(tmp_path / "layout.yaml")
    assert (tmp_path / "layout.yaml").read_text(encoding="utf-8") == text
    assert SkeletonLayout.from_yaml(tmp_path / "layout.yaml") == layout


def test_yaml_takes_names_and_indices(tmp_path):
    path = tmp_path / "arm.yaml"
    path.write_text(
        "name: arm\njoints: [shoulder, elbow, hand]\nparents: [shoulder, 0, elbow]\ncenter: 1\n"
    )
    assert SkeletonLayout.from_yaml(path) == SkeletonLayout(
        "arm", ("shoulder", "elbow", "hand"), (0, 0, 1), center=1
    )


GOOD = "name: arm\njoints: [a, b, c]\nparents: [a, a, b]\n"


@pytest.mark.parametrize(
    "text, parts",
    [
        (GOOD + "centre: a\n", ["unknown key 'centre'", "remedy:   write 'center'"]),
        (GOOD + "bones: []\n", ["unknown key 'bones'", "one of name, joints, parents, pairs"]),
        ("name: arm\njoints: [a]\n", ["needs the key 'parents'", "found:    name, joints"]),
        ("- a\n- b\n", ["a layout is a mapping", "['a', 'b'] (list)"]),
        ("", ["a layout is a mapping", "None (NoneType)"]),
        ("name: [", ["not YAML", "name, joints, parents"]),
        (GOOD.replace("arm", "12"), ["place:    name", "12 (int)", "put it in quotes"]),
        (GOOD.replace("[a, b, c]", "[a, no, c]"), ["joints[1]", "False (bool)", "quotes"]),
        (GOOD.replace("[a, b, c]", "abc"), ["place:    joints", "a list", "'abc' (str)"]),
        (GOOD.replace("[a, a, b]", "[a, a, x]"), ["parents[2]", "'x' (str)", "joints are a, b, c"]),
        (GOOD.replace("[a, a, b]", "[a, a, 3]"), ["parents[2]", "index in [0, 3)", "3 (int)"]),
        (GOOD.replace("[a, a, b]", "[a, c, b]"), ["in a circle", "1 ('b') -> 2 ('c') -> 1 ('b')"]),
        (GOOD + "pairs: [[a, b, c]]\n", ["pairs[0]", "[left joint, right joint]"]),
        (GOOD + "pairs: [[a, d]]\n", ["pairs[0][1]", "'d' (str)"]),
        (GOOD + "center: 1.5\n", ["place:    center", "1.5 (float)"]),
        (GOOD + "coords: [[0, up], [0, 0], [0, 0]]\n", ["coords[0][1]", "a number", "'up' (str)"]),
        (GOOD + "coords: [[0, 0]]\n", ["3 joints but 1 coords"]),
    ],
)
def test_yaml_errors_name_file_key_expected_found(tmp_path, text, parts):
    path = tmp_path / "arm.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as info:
        SkeletonLayout.from_yaml(path)
    for part in [str(path), *parts]:
        assert part in str(info.value)


def test_yaml_runs_no_code(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text("name: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(DataError, match="not YAML"):
        SkeletonLayout.from_yaml(path)


def test_yaml_file_missing(tmp_path):
    with pytest.raises(DataError, match="no such layout file"):
        SkeletonLayout.from_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["ntu25", "hand21"])
def test_plot(name, tmp_path):
    pytest.importorskip("matplotlib")
    layout = get_layout(name)
    figure = layout.plot(path=tmp_path / "layout.png")
    assert (tmp_path / "layout.png").stat().st_size > 1000
    (ax,) = figure.axes
    assert len(ax.lines) == layout.num_joints - 1
    assert [text.get_text() for text in ax.texts] == [str(j) for j in range(layout.num_joints)]
    assert name in ax.get_title()


def test_plot_draws_a_tree_without_coords():
    figure_module = pytest.importorskip("matplotlib.figure")
    ax = figure_module.Figure().add_subplot()
    layout = SkeletonLayout("fork", ("a", "b", "c", "d"), (0, 0, 0, 3))
    assert layout.plot(ax) is ax.figure
    places = [text.get_position() for text in ax.texts]
    assert places == [(0.5, 0.0), (0.0, -1.0), (1.0, -1.0), (2.0, 0.0)]
