import os
import struct
import zipfile

import pytest

from sgnkit.datasets._safe import (
    inside,
    is_noise,
    parse_json,
    read_bytes,
    read_json,
    read_member,
    read_text,
    whole_file,
    zip_members,
)
from sgnkit.errors import DataError


def test_inside(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.csv").write_text("1")
    (tmp_path / "secret.csv").write_text("1")
    assert inside(root, "a.csv") == root / "a.csv"
    assert inside(root, root / "a.csv") == root / "a.csv"
    (root / "near.csv").symlink_to("a.csv")
    assert inside(root, "near.csv").read_text() == "1"
    (tmp_path / "link").symlink_to(root)
    assert inside(tmp_path / "link", "a.csv").read_text() == "1"  # the root itself may be a link

    (root / "far.csv").symlink_to(tmp_path / "secret.csv")
    (root / "circle").symlink_to("circle")
    for name in ("far.csv", "../secret.csv", "/etc/passwd", "circle", "a\0b"):
        with pytest.raises(DataError, match=r"leads out(?s:.*)remedy"):
            inside(root, name)


def test_is_noise():
    names = ["__MACOSX/a.json", "x/.DS_Store", "", "~$clips.csv", "Thumbs.db"]
    assert all(is_noise(name) for name in names)
    assert not is_noise("a/b.json")


def test_read_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffä,b\r\nc\rd\n".encode())
    assert read_text(path) == "ä,b\nc\nd\n"
    path.write_bytes("ok\nfrüh".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 2, byte 5(?s:.*)UTF-8(?s:.*)0xfc"):
        read_text(path)
    path.write_bytes(b"a\n\nb\0")
    with pytest.raises(DataError, match=r"line 3(?s:.*)zero byte"):
        read_text(path)
    with pytest.raises(DataError, match=r"at most 3 bytes(?s:.*)5 bytes"):
        read_text(path, limit=3)
    assert len(read_bytes(path, limit=5)) == 5


def test_read_bytes_of_what_is_no_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_bytes(tmp_path / "none")
    with pytest.raises(DataError, match="not a file"):
        read_bytes(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # would never end
    with pytest.raises(DataError, match="not a file"):
        read_bytes(tmp_path / "pipe")


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"[1" + b"0" * 10_000 + b"]", b""])
def test_parse_json(content):
    with pytest.raises(DataError, match=r"not JSON(?s:.*)a\.json(?s:.*)member 3"):
        parse_json(content, "a.json", "member 3")


def test_read_json(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1, null]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, None]}


def make_zip(path, members, **kwargs):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, **kwargs)
    return path


def test_zip_members(tmp_path):
    members = [("b/2.json", "2"), ("a/", ""), ("a/1.json", "1"), ("__MACOSX/._1.json", "x")]
    path = make_zip(tmp_path / "a.zip", members)
    assert zip_members(path) == ["a/1.json", "b/2.json"]
    assert zip_members(path, keep=lambda name: name.startswith("b")) == ["b/2.json"]
    assert read_member(path, "b/2.json") == b"2"
    make_zip(path, [("c.json", "longer than before")])  # the open archive is not taken for this
    assert zip_members(path) == ["c.json"] and read_member(path, "c.json").startswith(b"longer")
    with pytest.raises(DataError, match=r"c\.json(?s:.*)at most 3 bytes"):
        read_member(path, "c.json", limit=3)
    with pytest.raises(DataError, match=r"none\.json(?s:.*)KeyError"):
        read_member(path, "none.json")


@pytest.mark.parametrize("name", ["/etc/a", "../a", "a/../../b", "C:\\a", "..\\a"])
def test_zip_names_that_lead_out(tmp_path, name):
    path = make_zip(tmp_path / "a.zip", [("fine", ""), (name, "")])
    with pytest.raises(DataError, match="leads out"):
        zip_members(path)


def test_zip_limits(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a", "1" * 100), ("b", "1" * 100)])
    with pytest.raises(DataError, match="too many members"):
        zip_members(path, max_members=1)
    with pytest.raises(DataError, match=r"place: +a(?s:.*)at most 99 bytes"):
        zip_members(path, max_member=99)
    with pytest.raises(DataError, match=r"all members together(?s:.*)at most 150"):
        zip_members(path, max_total=150)
    with pytest.warns(UserWarning, match="Duplicate"):
        make_zip(path, [("a", "1"), ("a", "2")])
    with pytest.raises(DataError, match="holds a file twice"):
        zip_members(path)


def test_zip_that_lies_about_its_sizes(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("bomb", "0" * 10_000_000)])
    content = path.read_bytes().replace(struct.pack("<L", 10_000_000), struct.pack("<L", 10))
    path.write_bytes(content)
    assert zip_members(path, max_member=100) == ["bomb"]
    with pytest.raises(DataError, match=r"a\.zip"):  # whatever is unpacked, it is not 10 MB
        assert len(read_member(path, "bomb", limit=100)) <= 100
        raise DataError("a.zip")


def test_zip_that_is_none(tmp_path):
    path = tmp_path / "a.zip"
    whole = make_zip(path, [("a", "1" * 500), ("b", "2")]).read_bytes()
    for content in (b"", b"hello", whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read(?s:.*)a\.zip"):
            zip_members(path)
    path.write_bytes(b" <html>")
    with pytest.raises(DataError, match="a web page"):
        zip_members(path)
    with pytest.raises(DataError, match="No such file"):
        zip_members(tmp_path / "none.zip")


def test_whole_file(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with whole_file(path) as part:
        part.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(KeyError), whole_file(path) as part:
        part.write_text("half")
        raise KeyError
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    with pytest.raises(DataError, match="cannot be written"), whole_file(path / "below") as part:
        part.write_text("x")
