"""`sgnkit data convert`: from any format to any other, in parallel, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sgnkit.data import SkeletonData
from sgnkit.data_tools.clip_set import ClipSet, default_workers, explained
from sgnkit.data_tools.pool import chunks, progress, spread
from sgnkit.datasets import SkeletonDataset
from sgnkit.datasets._safe import whole_file
from sgnkit.datasets._sources import Source, check_on_error
from sgnkit.datasets._storage import remove_leftovers
from sgnkit.datasets.formats import FORMATS, SetInfo
from sgnkit.errors import DataError

__all__ = ["Converted", "convert"]

_CHUNK = 64  # clips that are done together, and not again after a kill


class Converted(NamedTuple):
    """What was written.

    Attributes:
        clips: Number of clips.
        skipped: What was wrong with each clip that was left out.
        again: Number of clips that an earlier run had read already.
    """

    clips: int
    skipped: list[dict[str, str]]
    again: int


def convert(
    path: Path,
    out: Path,
    to: str,
    format: str = "auto",
    on_error: str = "raise",
    benchmark: str | None = None,
    workers: int | None = None,
    quiet: bool = True,
    **options: Any,
) -> Converted:
    """Writes the clips of a set in another format.

    Clips are read in parallel into a folder beside ``out`` that ends with `.convert`. When all of
    them are there, ``out`` is written, takes its name in one step, and the folder goes. After a
    kill the same call goes on where it was; if the source or an argument changed, it begins anew.

    Args:
        path: File or folder to read.
        out: File or folder to write; there must be nothing of that name.
        to: Format to write, see [`FORMATS`][sgnkit.datasets.formats.FORMATS].
        format: Format to read; "auto" to tell it from the names.
        on_error: `"raise"` stops at the first clip that cannot be read; `"skip"` leaves it out.
        benchmark: Protocol whose parts are kept, where there are several and the new format has a
            place for one; the default is the first.
        workers: Number of processes; None for as many as there are cores if the set is large.
        quiet: Whether to draw no bar.
        **options: More arguments of [`ClipSet`][sgnkit.data_tools.clip_set.ClipSet].

    Raises:
        sgnkit.errors.DataError: If a clip cannot be read or does not fit the new format.
    """
    check_on_error(on_error)
    out = Path(out).expanduser().absolute()
    write = FORMATS[to].write if to in FORMATS else None
    if write is None:
        raise DataError("unknown format to write", expected=", ".join(FORMATS), found=repr(to))
    if out.exists():
        raise DataError(
            "there is something already where the clips are to go",
            file=out,
            remedy="give another path, or remove it",
        )
    clips = ClipSet(path, format, **options)
    work = out.with_name(f"{out.name}.convert")
    remove_leftovers(out)
    again = _begin(work, _plan(clips))
    shards = [
        (part, work / f"{number:06d}.json", on_error)
        for number, part in enumerate(chunks(clips.sources, _CHUNK))
    ]
    open_shards = [shard for shard in shards if not _is_done(shard[1], on_error)]
    read_before = sum(len(part) for part, _, _ in shards) - sum(len(s[0]) for s in open_shards)
    workers = default_workers(clips) if workers is None else workers
    with progress(len(clips.sources), f"reading {clips.format}", quiet) as bar:
        bar.update(read_before)
        for part, error in zip(open_shards, spread(_read, open_shards, workers), strict=True):
            if error is not None:
                raise DataError(error.pop("what"), **error)
            bar.update(len(part[0]))
    found = _Shards([path for _, path, _ in shards])
    info = SetInfo(
        clips.about.class_names(clips.path, clips.options), found.parts(clips, benchmark)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with progress(len(found), f"writing {to}", quiet) as bar:
        write(found.one_by_one(bar), out, info)
    shutil.rmtree(work)
    return Converted(len(found), found.skipped, read_before if again else 0)


def _plan(clips: ClipSet) -> dict[str, Any]:
    """Returns what must be the same for a run to go on where another one was."""
    digest = hashlib.sha256()
    for file in sorted({source.file for source in clips.sources}):
        stat = file.stat() if file.exists() else None
        digest.update(f"{file} {stat and (stat.st_size, stat.st_mtime_ns)}\n".encode())
    for source in clips.sources:
        digest.update(f"{source.name}\n".encode("utf-8", "surrogatepass"))
    return {
        "path": str(clips.path),
        "format": clips.format,
        "options": repr(clips.options),
        "files": digest.hexdigest(),
    }


def _begin(work: Path, plan: dict[str, Any]) -> bool:
    """Makes the folder of the work; returns whether one with the same plan was there."""
    note = work / "plan.json"
    try:
        if json.loads(note.read_text(encoding="utf-8")) == plan:
            return True
    except (OSError, ValueError):
        pass
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with whole_file(note) as part:
        part.write_text(json.dumps(plan), encoding="utf-8")
    return False


def _done(shard: Path) -> Path:
    return shard.with_suffix(".done")


def _skipped(shard: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(_done(shard).read_text(encoding="utf-8"))
    return found


def _is_done(shard: Path, on_error: str) -> bool:
    return _done(shard).is_file() and (on_error == "skip" or not _skipped(shard))


def _read(shard: tuple[Sequence[Source], Path, str]) -> dict[str, str] | None:
    """Reads and stores some clips; returns what is wrong with one if that is to be the end."""
    sources, path, on_error = shard
    skipped: list[dict[str, str]] = []

    def clips() -> Iterator[SkeletonData]:
        for source in sources:
            try:
                yield source.read()
            except DataError as error:
                if on_error == "raise":
                    raise
                skipped.append({"clip": source.name, **explained(error)})

    try:
        SkeletonDataset.save(clips(), str(path))
    except DataError as error:
        return explained(error)
    with whole_file(_done(path)) as part:
        part.write_text(json.dumps(skipped), encoding="utf-8")
    return None


class _Shards:
    """The clips of all shards, one shard after the other."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.skipped = [row for path in paths for row in _skipped(path)]
        self.counts = [len(self._open(path)) for path in paths]

    def __len__(self) -> int:
        return sum(self.counts)

    @staticmethod
    def _open(path: Path) -> SkeletonDataset:
        dataset = SkeletonDataset()
        dataset.load(str(path))
        return dataset

    def one_by_one(self, bar: Any) -> Iterator[SkeletonData]:
        names: set[str] = set()
        for path in self.paths:
            for data in self._open(path):
                if data.name in names:
                    raise DataError(
                        "two clips have the same name",
                        place=repr(data.name),
                        remedy="rename or remove one of the two",
                    )
                names.add(data.name)
                yield data
                bar.update()

    def parts(self, clips: ClipSet, benchmark: str | None) -> dict[str, dict[str, list[str]]]:
        """Returns the names of the clips of each part of each protocol, or of one of these."""
        rule, found = clips.parts(), {}  # type: ignore[var-annotated]
        for path in self.paths:
            dataset = self._open(path)
            dataset.keep(lambda row: _note(found, row.name, rule(row)))
        if benchmark is None:
            return found
        if benchmark not in found:
            raise DataError(
                "there is no such benchmark",
                expected=", ".join(found) or "none: the clips have no parts",
                found=repr(benchmark),
            )
        return {benchmark: found[benchmark]}


def _note(found: dict[str, dict[str, list[str]]], name: str, parts: Any) -> bool:
    for protocol, part in parts.items():
        found.setdefault(protocol, {}).setdefault(part, []).append(name)
    return True
