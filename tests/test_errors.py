import pickle

import pytest

from sgnkit.errors import CheckpointError, ConfigError, DataError


@pytest.mark.parametrize("cls", [DataError, ConfigError, CheckpointError])
def test_message_names_every_part(cls):
    error = cls("bad row", file="a.txt", place="line 3", expected=5, found=4, remedy="cut it")
    lines = str(error).splitlines()
    assert lines[0] == "bad row"
    assert [line.split() for line in lines[1:]] == [
        ["file:", "a.txt"],
        ["place:", "line", "3"],
        ["expected:", "5"],
        ["found:", "4"],
        ["remedy:", "cut", "it"],
    ]
    assert isinstance(error, ValueError)


def test_parts_not_given_are_left_out():
    assert str(DataError("bad row", found=0)) == "bad row\n  found:    0"


def test_errors_survive_pickling():
    error = DataError("bad row", file="a.txt", place="line 3")
    copied = pickle.loads(pickle.dumps(error))
    assert str(copied) == str(error)
    assert (copied.file, copied.place, copied.what) == ("a.txt", "line 3", "bad row")


def test_long_parts_are_cut():
    error = DataError("wrong", found="x" * 100_000, place=["y" * 5000])
    assert len(str(error)) < 2100 and str(error).count(" ...") == 2
    assert len(error.found) == 100_000
