import itertools

import pytest

from sgnkit.datasets._ntu_facts import (
    BENCHMARKS,
    KNOWN_COUNTS,
    NUM_SUBJECTS,
    TRAIN_SUBJECTS,
    action_names,
    in_train,
    missing_names,
    parse_name,
)


def test_parse_name():
    assert parse_name("S017C003P020R002A060") == (17, 3, 20, 2, 60)
    for name in ("S17C003P020R002A060", "S017C003P020R002A060.skeleton", "", "wave"):
        assert parse_name(name) is None


def test_action_names():
    names = action_names(120)
    assert len(set(names)) == 120 and action_names(60) == names[:60]
    assert [names[i - 1] for i in (1, 23, 43, 60)] == [
        *("drink water", "hand waving", "falling down", "walking apart")
    ]
    assert [names[i - 1] for i in (61, 99, 112, 120)] == [
        *("put on headphone", "run on the spot", "high-five", "rock-paper-scissors")
    ]


def test_missing_names():
    few, many = missing_names(60), missing_names(120)
    assert (len(few), len(many)) == (302, 535) and few < many
    assert all(parse_name(name) is not None for name in many)
    assert "S001C002P005R002A008" in few


def test_counts_add_up():
    for num_classes, recordings, missing in ((60, 56_880, 302), (120, 114_480, 535)):
        for benchmark in BENCHMARKS[num_classes]:
            assert sum(KNOWN_COUNTS[num_classes, benchmark]) == recordings - missing


def test_train_subjects():
    assert [len(TRAIN_SUBJECTS[n]) for n in (60, 120)] == [20, 53]
    for num_classes, subjects in TRAIN_SUBJECTS.items():
        assert len(set(subjects)) == len(subjects)
        assert all(1 <= subject <= NUM_SUBJECTS[num_classes] for subject in subjects)
    assert set(TRAIN_SUBJECTS[60]) < set(TRAIN_SUBJECTS[120])


@pytest.mark.parametrize(
    ("benchmark", "axis", "trained"),
    [("xsub", 0, set(TRAIN_SUBJECTS[60])), ("xview", 1, {2, 3}), ("xset", 2, {2, 4, 6})],
)
def test_in_train(benchmark, axis, trained):
    for place in itertools.product(range(1, 41), (1, 2, 3), range(1, 8)):
        assert in_train(benchmark, 60, *place) == (place[axis] in trained)
