import json

import pytest

import sgnkit.cli
from sgnkit.commands import data
from sgnkit.datasets.formats import FORMATS


def run(*words):
    return sgnkit.cli.main(["data", *map(str, words)])


def test_check(folder, capsys):
    path = folder()
    assert run("check", path, "--layout", "sbu15") == 0
    assert "6 clips, format pose-folder" in capsys.readouterr().out
    (path / "b" / "clip1.npz").write_bytes(b"no")
    assert run("check", path, "--layout", "sbu15", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["healthy"] is False and report["damaged"][0]["clip"] == "clip1"


def test_convert_stats_and_show(folder, tmp_path, capsys):
    path, out = folder(), tmp_path / "out.json"
    assert run("convert", path, out, "--to", "sgnkit", "--layout", "sbu15") == 0
    assert capsys.readouterr().out == f"{out}: 6 clips, 0 skipped\n"
    assert run("stats", out) == 0 and "clips       6" in capsys.readouterr().out
    assert run("stats", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 6
    pytest.importorskip("PIL")
    assert run("show", out, "clip3", "--out", tmp_path / "a.gif", "--azimuth", "30") == 0
    assert (tmp_path / "a.gif").read_bytes()[:3] == b"GIF"
    (path / "b" / "clip1.npz").write_bytes(b"no")
    words = ["convert", path, tmp_path / "b.json", "--to", "sgnkit", "--layout", "sbu15"]
    assert run(*words, "--on-error", "skip") == 0
    captured = capsys.readouterr()
    assert "5 clips, 1 skipped" in captured.out and "clip: clip1" in captured.err


def test_mistakes(folder, tmp_path, capsys):
    assert run("stats", tmp_path / "none") == 2
    assert "nothing to read" in capsys.readouterr().err
    assert run("check", folder()) == 2 or "--layout" in capsys.readouterr().out
    shown = folder(name="shown")
    for words, message in (
        (["--out", "a.png"], "expected: .gif"),
        (["--fps", "0"], "place:    --fps"),
        (["--up", "up"], "no such coordinate"),
    ):
        assert run("show", shown, *words) == 2
        assert message in capsys.readouterr().err
    for words in ([], ["chek"], ["check"], ["convert", "a", "b", "--to", "avi"]):
        assert run(*words) == 2


def test_formats_are_listed(capsys):
    assert run("formats") == 0
    listed = capsys.readouterr().out
    assert tuple(FORMATS) == data.FORMATS
    for name, form in FORMATS.items():
        assert f"{name} " in listed and form.summary in listed


@pytest.mark.parametrize(
    ("to", "name", "words"),
    [
        ("json", "out", "json has no place for: splits"),
        ("ctr-gcn", "out.npz", "ctr-gcn has no place for: names, subjects"),
        ("pose-pickle", "out.pkl", ""),
    ],
)
def test_convert_says_what_is_not_kept(folder, tmp_path, capsys, write_recording, to, name, words):
    write_recording(tmp_path / "raw" / "S001C001P001R001A001.skeleton")
    assert run("convert", tmp_path / "raw", tmp_path / name, "--to", to) == 0
    error = capsys.readouterr().err
    assert words in error
    assert ("no place" in error) == bool(words)
