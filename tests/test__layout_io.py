import pytest

from sgnkit.errors import DataError
from sgnkit.layout import SkeletonLayout, get_layout, list_layouts

BUILT_INS = list_layouts()[:8]


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
