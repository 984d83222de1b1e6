"""`sgnkit data ...`: reads its arguments, prints what the files of `sgnkit.data_tools` find."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

__all__ = ["FORMATS", "parser"]

FORMATS = (
    *("nw-ucla", "ntu", "utd-mhad", "sbu", "ctr-gcn", "pose-pickle"),
    *("pose-folder", "csv", "json", "openpose", "coco", "mediapipe", "sgnkit"),
)
"""The formats of `sgnkit.datasets.formats`, whose import would take seconds."""

EXIT_DAMAGE = 1


def parser(name: str) -> CommandParser:
    """Returns the parser of one of the commands."""
    return _PARSERS[name.split()[1]](name)


def _check_parser(name: str) -> CommandParser:
    sub = CommandParser(name, "The exit code is 1 where clips are damaged or have two labels.")
    _add_source(sub)
    sub.set_defaults(run=_check)
    return sub


def _convert_parser(name: str) -> CommandParser:
    sub = CommandParser(name)
    _add_source(sub)
    sub.add_argument("out", type=Path, metavar="OUT", help="file or folder to write")
    sub.add_argument("--to", required=True, choices=FORMATS, help="format to write")
    sub.add_argument(
        "--on-error", choices=("raise", "skip"), default="raise", help="what damaged clips mean"
    )
    sub.add_argument("--benchmark", help="protocol whose parts are kept, if there are several")
    sub.set_defaults(run=_convert)
    return sub


def _stats_parser(name: str) -> CommandParser:
    sub = CommandParser(name)
    _add_source(sub)
    sub.set_defaults(run=_stats)
    return sub


def _show_parser(name: str) -> CommandParser:
    sub = CommandParser(name)
    _add_source(sub, workers=False)
    sub.add_argument("name", nargs="?", metavar="CLIP", help="name of the clip; the first one")
    sub.add_argument("--out", type=Path, help="GIF to write (CLIP.gif)")
    sub.add_argument("--up", help="coordinate that points upwards: y, -y, z, ...")
    sub.add_argument("--fps", type=float, default=12.0, help="frames per second (12)")
    sub.add_argument("--azimuth", type=float, default=0.0, help="turn, in degrees (0)")
    sub.set_defaults(run=_show)
    return sub


def _formats_parser(name: str) -> CommandParser:
    sub = CommandParser(name)
    sub.set_defaults(run=_list_formats)
    return sub


_PARSERS = {
    "check": _check_parser,
    "convert": _convert_parser,
    "stats": _stats_parser,
    "show": _show_parser,
    "formats": _formats_parser,
}


def _add_source(sub: CommandParser, workers: bool = True) -> None:
    sub.add_argument("path", type=Path, metavar="PATH", help="file or folder of the clips")
    names = ["auto", *FORMATS]
    sub.add_argument(
        "--format", default="auto", choices=names, metavar="FORMAT", help=", ".join(names)
    )
    sub.add_argument("--layout", help="layout of the joints, or its YAML file")
    sub.add_argument("--num-classes", type=int, help="classes of the set: 60 or 120 for ntu")
    sub.add_argument("--max-persons", type=int, help="most persons of a clip, for ntu")
    if workers:
        sub.add_argument("--workers", type=int, help="processes that read")


def _arguments(options: Namespace, *without: str) -> dict[str, Any]:
    left_out = {"run", "quiet", "json", "debug", *without}
    return {key: value for key, value in vars(options).items() if key not in left_out}


def _check(options: Namespace, out: Output) -> int:
    from sgnkit.data_tools.check import check

    report = check(quiet=out.quiet, **_arguments(options))
    out.result(report, report.to_dict())
    return 0 if report.healthy else EXIT_DAMAGE


def _convert(options: Namespace, out: Output) -> None:
    from sgnkit.data_tools.convert import convert
    from sgnkit.datasets.formats import FORMATS

    done = convert(quiet=out.quiet, **_arguments(options))
    dropped = FORMATS[options.to].drops
    if dropped:
        print(f"{options.to} has no place for: {dropped}", file=sys.stderr)
    for row in done.skipped:
        print(" ".join(f"{key}: {value}" for key, value in row.items()), file=sys.stderr)
    again = f", {done.again} of them read by an earlier run" if done.again else ""
    out.result(
        f"{options.out}: {done.clips} clips{again}, {len(done.skipped)} skipped",
        {
            "out": str(options.out),
            "clips": done.clips,
            "read_by_an_earlier_run": done.again,
            "skipped": list(done.skipped),
            "not_kept": dropped,
        },
    )


def _stats(options: Namespace, out: Output) -> None:
    from sgnkit.data_tools.stats import as_text, stats

    found = stats(quiet=out.quiet, **_arguments(options))
    out.result(as_text(found), found)


def _show(options: Namespace, out: Output) -> None:
    if options.out is not None and options.out.suffix.lower() != ".gif":
        raise ConfigError("cannot write this kind of file", file=options.out, expected=".gif")
    if not 0 < options.fps <= 50:
        raise ConfigError(
            "the value is out of range", place="--fps", expected="up to 50", found=options.fps
        )
    if options.up not in (None, "x", "y", "z", "-x", "-y", "-z"):
        raise ConfigError(
            "there is no such coordinate", place="--up", expected="y, -y, z, ...", found=options.up
        )
    from sgnkit.data_tools.show import show

    path = show(**_arguments(options))
    out.result(path, {"picture": str(path)})


def _list_formats(options: Namespace, out: Output) -> None:
    from sgnkit.datasets.formats import FORMATS

    text = "\n".join(
        f"{name:<12} {'read, write' if form.write else 'read':<12} {form.summary}"
        for name, form in FORMATS.items()
    )
    value = {
        name: {"write": form.write is not None, "summary": form.summary}
        for name, form in FORMATS.items()
    }
    out.result(text, value)
