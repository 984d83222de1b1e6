import os

import pytest

from sgnkit.data_tools.pool import chunks, progress, spread
from sgnkit.layout import SkeletonLayout, get_layout, register_layout


def look(name):
    return os.getpid(), get_layout(name).num_joints


def fail(number):
    if number == 3:
        raise ValueError(f"number {number}")
    return number


def test_chunks():
    assert chunks(list(range(5)), 2) == [[0, 1], [2, 3], [4]] and chunks([], 2) == []


def test_one_process_is_this_one():
    assert {pid for pid, _ in spread(look, ["ntu25"] * 3, 1)} == {os.getpid()}


def test_several_processes_know_the_layouts_and_keep_the_order():
    register_layout(SkeletonLayout("pair_for_pool", ("a", "b"), (0, 0)))
    found = list(spread(look, ["ntu25", "pair_for_pool"] * 6, 2))
    assert [joints for _, joints in found] == [25, 2] * 6
    assert os.getpid() not in {pid for pid, _ in found}
    results = spread(fail, range(100), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="number 3"):
        next(results)


def test_progress_is_silent_without_a_terminal(capsys):
    with progress(3, "reading") as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""
