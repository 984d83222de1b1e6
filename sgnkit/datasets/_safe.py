"""Files of strangers: text, archives and paths, read within limits and without trust."""

from __future__ import annotations

import functools
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from sgnkit.errors import DataError

__all__ = [
    "MAX_MEMBER",
    "MAX_MEMBERS",
    "MAX_TEXT",
    "MAX_TOTAL",
    "decode",
    "inside",
    "is_noise",
    "parse_json",
    "read_bytes",
    "read_json",
    "read_member",
    "read_text",
    "reason",
    "whole_file",
    "zip_members",
]

MAX_TEXT = 64 * 2**20
"""Bytes of one text file. The longest NTU RGB+D recording has 5 MB."""
MAX_MEMBER = 64 * 2**20
"""Bytes of one unpacked member of an archive."""
MAX_MEMBERS = 200_000
"""Members of an archive. NTU RGB+D 120 has 114,480 recordings."""
MAX_TOTAL = 64 * 2**30
"""Bytes of all members of an archive together, unpacked."""


def reason(error: BaseException) -> str:
    """Returns type and message of an error on one short line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Returns a path that does not lead out of a folder, not even by a symbolic link.

    Args:
        root: The folder, itself trusted: it may be a link.
        path: A path below it, or relative to it.

    Raises:
        sgnkit.errors.DataError: If the path leads out of the folder or in a circle.
    """
    full = Path(root) / path
    try:
        target, home = full.resolve(), Path(root).resolve()
        if target.is_relative_to(home):
            return full
        found = f"a path or symbolic link to {target}"
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links; a NUL in the name
        found = reason(error)
    raise DataError(
        "a file leads out of its folder",
        file=full,
        expected=f"a file inside {root}",
        found=found,
        remedy="copy the file itself into the folder, or give the folder it is in",
    )


def is_noise(name: str) -> bool:
    """Whether a file is something that archivers and file managers leave behind."""
    parts = PurePosixPath(name).parts
    return not parts or "__MACOSX" in parts or parts[-1].startswith((".", "~$", "Thumbs.db"))


def read_bytes(path: str | os.PathLike[str], limit: int = MAX_TEXT) -> bytes:
    """Returns a file as bytes, if it is a plain file and not larger than a limit.

    Raises:
        sgnkit.errors.DataError: If it cannot be read or is larger.
    """
    path = Path(path)
    try:
        if not path.is_file():  # a folder, a device, a pipe that would never end
            raise FileNotFoundError("there is no such file" if not path.exists() else "not a file")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise DataError(
            "a file cannot be read",
            file=path,
            expected="a file that can be read",
            found=reason(error),
            remedy="check the path and its permissions",
        ) from error
    if len(content) > limit:
        _too_large(path, None, path.stat().st_size, limit)
    return content


def read_text(path: str | os.PathLike[str], limit: int = MAX_TEXT) -> str:
    """Returns a file as text: UTF-8 with or without a mark, any line ends.

    Raises:
        sgnkit.errors.DataError: If it cannot be read, is larger than the limit or not UTF-8.
    """
    return decode(read_bytes(path, limit), path)


def decode(content: bytes, file: object, place: str | None = None) -> str:
    """Returns UTF-8 bytes as text, or names the line that is something else."""
    try:
        if b"\0" in content:
            raise UnicodeDecodeError("utf-8", content, content.index(b"\0"), 0, "a zero byte")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            "a file is not text",
            file=file,
            place=f"{place + ', ' if place else ''}line {line}, byte {error.start}",
            expected="text in UTF-8",
            found=f"byte 0x{content[error.start]:02x}, {error.reason}",
            remedy="save the file as UTF-8; if it should be so already, get it anew",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: str | os.PathLike[str], limit: int = MAX_TEXT) -> Any:
    """Returns what a JSON file holds.

    Raises:
        sgnkit.errors.DataError: If it cannot be read, is larger than the limit or not JSON.
    """
    return parse_json(read_bytes(path, limit), path)


def parse_json(content: bytes, file: object, place: str | None = None) -> Any:
    """Returns what JSON text holds, or names the line at which it breaks."""
    try:
        return json.loads(decode(content, file, place))
    except DataError:
        raise
    except (ValueError, RecursionError) as error:  # also a whole number of thousands of digits
        raise DataError(
            "a file is not JSON",
            file=file,
            place=place,
            expected="JSON text",
            found=reason(error),
            remedy="write the file again; a copy that was cut off ends like this",
        ) from error


def zip_members(
    path: str | os.PathLike[str],
    *,
    keep: Callable[[str], bool] | None = None,
    max_members: int = MAX_MEMBERS,
    max_member: int = MAX_MEMBER,
    max_total: int = MAX_TOTAL,
) -> list[str]:
    """Returns the sorted names of the files of a zip archive, once all of them are harmless.

    Folders and what archivers leave behind are not listed. Nothing is ever unpacked to disk:
    [`read_member`][sgnkit.datasets._safe.read_member] gives the bytes of one file.

    Args:
        path: The archive.
        keep: Tells which names are wanted; the others need not keep ``max_member``.
        max_members: Most members of the archive.
        max_member: Most bytes of an unpacked wanted member.
        max_total: Most bytes of all wanted members.

    Raises:
        sgnkit.errors.DataError: If it is no zip archive, has names that are absolute, lead out
            with ``..`` or come twice, or if a limit is passed.
    """
    path = Path(path)
    members = _open_zip(path).infolist()
    if len(members) > max_members:
        raise DataError(
            "an archive has far too many members",
            file=path,
            expected=f"at most {max_members}",
            found=len(members),
            remedy="give the right archive, or unpack what is needed of it into a folder",
        )
    names: set[str] = set()
    total = 0
    for member in members:
        _check_name(path, member.orig_filename)
        name = member.filename
        if member.is_dir() or is_noise(name) or not (keep is None or keep(name)):
            continue
        if name in names:
            raise DataError(
                "an archive holds a file twice",
                file=path,
                place=name,
                expected="one file of each name",
                remedy="remove one of the two: zip -d takes a name",
            )
        names.add(name)
        total += member.file_size
        if member.file_size > max_member:
            _too_large(path, name, member.file_size, max_member)
        if total > max_total:
            _too_large(path, "all members together", total, max_total)
    return sorted(names)


def read_member(path: str | os.PathLike[str], name: str, limit: int = MAX_MEMBER) -> bytes:
    """Returns one member of a zip archive, whatever size the archive claims for it.

    Raises:
        sgnkit.errors.DataError: If it is not there, cannot be unpacked or passes the limit.
    """
    path = Path(path)
    try:
        with _open_zip(path).open(name) as stream:
            content = stream.read(limit + 1)
    except DataError:
        raise
    except Exception as error:  # truncated, encrypted, exotic: whatever zipfile raises
        _bad_zip(path, name, error)
    if len(content) > limit:
        _too_large(path, name, None, limit)
    return content


def _open_zip(path: Path) -> zipfile.ZipFile:
    """Opens an archive, or takes the one that is open: a list of members takes long to read."""
    try:
        stat = path.stat()
        return _cached_zip(path, stat.st_mtime_ns, stat.st_size, os.getpid())
    except Exception as error:  # truncated, exotic, unreadable: whatever zipfile raises
        _bad_zip(path, None, error)


@functools.lru_cache(maxsize=1)
def _cached_zip(path: Path, *_identity: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _bad_zip(path: Path, name: str | None, error: Exception) -> NoReturn:
    try:
        with path.open("rb") as stream:
            is_page = stream.read(64).lstrip()[:1] == b"<"  # what a server sends for a download
    except OSError:
        is_page = False
    raise DataError(
        "the archive cannot be read",
        file=path,
        place=name,
        expected="a whole zip archive without a password",
        found="a web page" if is_page else reason(error),
        remedy="get it again, in a browser if need be, and compare its size with the source",
    ) from error


def _check_name(path: Path, original: str) -> None:
    """Refuses names that lead out of a folder on any system."""
    name = original.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name:
        raise DataError(
            "an archive holds a name that leads out of it",
            file=path,
            place=repr(original),
            expected="names of files inside the archive",
            found="an absolute name or one with '..'",
            remedy="do not use this archive; get another one",
        )


def _too_large(path: Path, place: str | None, size: int | None, limit: int) -> NoReturn:
    raise DataError(
        "a file is far too large",
        file=path,
        place=place,
        expected=f"at most {limit} bytes",
        found="more" if size is None else f"{size} bytes",
        remedy="give the right file; one that grows like this when unpacked is a bomb",
    )


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a path to write to, which takes its name only when all of it is written.

    Raises:
        sgnkit.errors.DataError: If nothing can be written there.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise DataError(
            "a file cannot be written",
            file=path,
            expected="a folder that can be written, with room in it",
            found=reason(error),
            remedy="give another path",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
