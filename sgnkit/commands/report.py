"""The command `sgnkit report`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser
from sgnkit.errors import ConfigError

__all__ = ["parser"]


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "One page without anything loaded from elsewhere: skeletons and spikes to play, curves,\n"
        "confusion matrix, energy, config and versions. sgnkit train writes it into every run.",
    )
    add = sub.add_argument
    add("folder", metavar="RUN", type=Path, help="folder that sgnkit train wrote")
    add("--out", metavar="FILE", type=Path, help="file to write [RUN/report.html]")
    add("--clips", metavar="N", type=int, default=24, help="most clips to play in it [24]")
    add("--data.root", metavar="DIR", dest="root", help="where the clips lie now")
    add("--open", choices=("yes", "no"), default="no", help="show it in the browser [no]")
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> None:
    from sgnkit.report import write_report
    from sgnkit.training.reporting import clips_of_run

    if options.clips < 0:
        raise ConfigError("there is no such number of clips", place="--clips", found=options.clips)
    clips, why = clips_of_run(
        options.folder, [] if options.root is None else ["--data.root", options.root]
    )
    path = write_report(
        options.folder, options.out, clips=clips, why_no_clips=why, num_clips=options.clips
    )
    if clips is None:
        print(f"no player of skeletons: {why}")
    size = path.stat().st_size
    out.result(
        f"report: {path} ({size / 1e6:.1f} MB)",
        {"report": str(path), "bytes": size, "player": clips is not None and options.clips > 0},
    )
    if options.open == "yes":
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
