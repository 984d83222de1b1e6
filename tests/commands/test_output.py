import json
import sys

import torch

from sgnkit.commands.output import Output


def speak(capsys, **options):
    with Output(**options) as out:
        print("one moment")
        print("careful", file=sys.stderr)
        out.result("three clips", {"clips": torch.tensor(3)})
    print("after")
    return capsys.readouterr()


def test_for_people(capsys):
    assert speak(capsys) == ("one moment\nthree clips\nafter\n", "careful\n")


def test_quiet(capsys):
    assert speak(capsys, quiet=True) == ("three clips\nafter\n", "careful\n")


def test_json(capsys):
    captured = speak(capsys, json=True)
    assert json.loads(captured.out.removesuffix("after\n")) == {"clips": 3}
    assert captured.err == "one moment\ncareful\n"


def test_json_and_quiet(capsys):
    captured = speak(capsys, json=True, quiet=True)
    assert captured.err == "careful\n" and "one moment" not in captured.out


def test_standard_output_comes_back_after_an_error(capsys):
    stdout = sys.stdout
    try:
        with Output(quiet=True):
            raise ValueError
    except ValueError:
        assert sys.stdout is stdout
