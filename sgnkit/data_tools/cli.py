"""`sgnkit data`: reads its arguments, prints what the other files of this folder find."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sgnkit.datasets.formats import FORMATS

__all__ = ["main"]

EXIT_DAMAGE = 1


def main(argv: Sequence[str]) -> int:
    """Runs `sgnkit data COMMAND` and returns its exit code, 1 where `check` found damage.

    Args:
        argv: The words after `sgnkit data`.

    Examples:
        >>> main(["formats"])
        nw-ucla      read, write  Northwestern-UCLA: archive or folder of JSON files
        ...
        0
    """
    options = vars(_parser().parse_args(argv))
    run = options.pop("run")
    return int(run(**options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sgnkit data", description=_ABOUT, epilog=_formats())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(run=run)
        return sub

    sub = command("check", _check, "count clips per split, find damage, copies and doubtful labels")
    _add_source(sub)
    sub.add_argument("--json", action="store_true", help="print all that was found as JSON")

    sub = command("convert", _convert, "write clips in another format; goes on after a kill")
    _add_source(sub)
    sub.add_argument("out", type=Path, metavar="OUT", help="file or folder to write")
    sub.add_argument("--to", required=True, choices=list(FORMATS), help="format to write")
    sub.add_argument(
        "--on-error", choices=("raise", "skip"), default="raise", help="what damaged clips mean"
    )
    sub.add_argument("--benchmark", help="protocol whose parts are kept, if there are several")

    sub = command("stats", _stats, "count clips, classes, persons and frames")
    _add_source(sub)
    sub.add_argument("--json", action="store_true", help="print the numbers as JSON")

    sub = command("show", _show, "draw one clip as an animated picture")
    _add_source(sub, workers=False)
    sub.add_argument("name", nargs="?", metavar="CLIP", help="name of the clip; the first one")
    sub.add_argument("--out", type=Path, help="GIF to write (CLIP.gif)")
    sub.add_argument("--up", help="coordinate that points upwards: y, -y, z, ...")
    sub.add_argument("--fps", type=float, default=12.0, help="frames per second (12)")
    sub.add_argument("--azimuth", type=float, default=0.0, help="turn, in degrees (0)")

    command("formats", _list_formats, "list the formats")
    return parser


def _add_source(parser: argparse.ArgumentParser, workers: bool = True) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="file or folder of the clips")
    names = ["auto", *FORMATS]
    parser.add_argument(
        "--format", default="auto", choices=names, metavar="FORMAT", help=", ".join(names)
    )
    parser.add_argument("--layout", help="layout of the joints, or its YAML file")
    parser.add_argument("--num-classes", type=int, help="classes of the set: 60 or 120 for ntu")
    parser.add_argument("--max-persons", type=int, help="most persons of a clip, for ntu")
    if workers:
        parser.add_argument("--workers", type=int, help="processes that read")
        parser.add_argument("--quiet", action="store_true", help="draw no progress bar")


def _check(json: bool, **options: Any) -> int:
    from sgnkit.data_tools.check import check

    report = check(**options)
    print(_dump(report.to_dict()) if json else report)
    return 0 if report.healthy else EXIT_DAMAGE


def _convert(out: Path, **options: Any) -> int:
    from sgnkit.data_tools.convert import convert
    from sgnkit.datasets.formats import FORMATS

    done = convert(out=out, **options)
    if dropped := FORMATS[options["to"]].drops:
        print(f"{options['to']} has no place for: {dropped}", file=sys.stderr)
    for row in done.skipped:
        print(" ".join(f"{key}: {value}" for key, value in row.items()), file=sys.stderr)
    again = f", {done.again} of them read by an earlier run" if done.again else ""
    print(f"{out}: {done.clips} clips{again}, {len(done.skipped)} skipped")
    return 0


def _stats(json: bool, **options: Any) -> int:
    from sgnkit.data_tools.stats import as_text, stats

    found = stats(**options)
    print(_dump(found) if json else as_text(found))
    return 0


def _show(**options: Any) -> int:
    from sgnkit.data_tools.show import show

    print(show(**options))
    return 0


def _list_formats() -> int:
    print(_formats())
    return 0


def _formats() -> str:
    return "\n".join(
        f"{name:<12} {'read, write' if form.write else 'read':<12} {form.summary}"
        for name, form in FORMATS.items()
    )


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2)


_ABOUT = "Checks, converts, counts and shows clips. The formats:"
