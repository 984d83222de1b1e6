import pytest

from sgnkit.datasets._split_rules import Member, check_fraction, draw, in_split, settle

MEMBERS = [Member(f"c{i}", i % 10 + 1) for i in range(100)]


def test_draw_by_subject():
    names = draw(MEMBERS, 0.2, 0)
    assert len(names) == 20 and len({int(name[1:]) % 10 for name in names}) == 2
    assert draw(MEMBERS, 0.2, 0) == names and draw(MEMBERS, 0.2, 1) != names
    half = [member for i, member in enumerate(MEMBERS) if i < 50]
    assert set(draw(half, 0.2, 0)) <= set(names)  # more clips do not move subjects
    assert draw(MEMBERS, 0.0, 0) == []
    assert len(draw(MEMBERS, 0.999, 0)) == 90  # a subject is left
    assert draw(MEMBERS[:1], 0.5, 0) == [] and draw([], 0.5, 0) == []


def test_draw_by_clip():
    members = [Member(f"c{i}", None) for i in range(10)]
    assert len(draw(members, 0.25, 0)) == 3
    assert len(draw([*members, Member("x", 1)], 0.5, 0)) == 6  # not all subjects are known


def test_settle():
    words = settle(MEMBERS, {}, 0.1, 0.2, 0)
    counts = {word: list(words.values()).count(word) for word in ("train", "val", "test")}
    assert counts == {"train": 70, "val": 10, "test": 20}
    given = {"c0": "train", "c1": "test", "c2": "val"}
    words = settle(MEMBERS, given, 0.1, 0.2, 0)
    assert {n: w for n, w in words.items() if w} == given
    words = settle(MEMBERS, {"c1": "test"}, 0.0, 0.2, 0)
    assert words["c1"] == "test" and list(words.values()).count("train") == 99


def test_in_split():
    words = ["train", "val", "test", ""]
    found = {
        s: [in_split(w, s) for w in words] for s in ("train", "val", "trainval", "test", "all")
    }
    assert found["trainval"] == [True, True, False, False] and found["all"] == [True] * 4
    assert found["test"] == [False, False, True, False]
    assert check_fraction("X", "f", 0.5) == 0.5
    for value in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="X: f must be from 0"):
            check_fraction("X", "f", value)
