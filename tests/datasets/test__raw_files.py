import os
import zipfile

import pytest

from sgnkit.datasets._raw_files import list_files
from sgnkit.errors import DataError

FILES = {
    "b/two.txt": b"2",
    "a/x/one.TXT": b"1",
    "zero.txt": b"0",
    "other.dat": b"",
    "._zero.txt": b"",
}


def make(tmp_path, packed):
    if packed:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        return tmp_path / "set.zip"
    for name, content in FILES.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "set"


@pytest.mark.parametrize("packed", [True, False])
def test_list_files(tmp_path, packed):
    root = make(tmp_path, packed)
    files = list(list_files(root, ".txt"))
    assert [file.name for file in files] == ["a/x/one.TXT", "b/two.txt", "zero.txt"]
    assert [file.read() for file in files] == [b"1", b"2", b"0"]
    assert files[0].file == (root if packed else root / "a/x/one.TXT")
    assert files[0].at("line 3") == ("a/x/one.TXT, line 3" if packed else "line 3")
    with pytest.raises(DataError, match="far too large"):
        files[0].read(limit=0)


def test_links_out_of_the_folder(tmp_path):
    root = make(tmp_path, packed=False)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(b"secret")
    os.symlink(outside / "secret.txt", root / "link.txt")
    os.symlink(root / "a", root / "again")  # leads to what is listed anyway
    link = next(file for file in list_files(root, ".txt") if file.name == "link.txt")
    with pytest.raises(DataError, match="leads out of its folder"):
        link.read()
    os.symlink(outside, root / "c")
    with pytest.raises(DataError, match="leads out of its folder"):
        list(list_files(root, ".txt"))


def test_roots_that_are_no_archive(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(list_files(tmp_path / "nothing.zip", ".txt"))
    (tmp_path / "page.zip").write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(DataError, match="a web page"):
        list(list_files(tmp_path / "page.zip", ".txt"))
