"""The report of a run, with the clips that it was tested on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sgnkit.errors import ConfigError, DataError
from sgnkit.report import write_report
from sgnkit.training.config import read_experiment
from sgnkit.training.data import load_split
from sgnkit.training.options import Experiment

__all__ = ["clips_of_run", "report_of_training"]


def report_of_training(folder: Path, experiment: Experiment) -> None:
    """Writes the report of a run that has just ended; whatever goes wrong is printed.

    Args:
        folder: The run folder.
        experiment: The experiment of the run.
    """
    try:
        out = write_report(folder, clips=load_split(experiment, "test"))
    except Exception as error:  # hours of training must not end with the traceback of a page
        print(
            f"warning: report.html was not written ({type(error).__name__}: {error})\n"
            f"try again with: sgnkit report {folder} --debug",
            flush=True,
        )
    else:
        print(f"report: {out}", flush=True)


def clips_of_run(run: Path, overrides: Sequence[str] = ()) -> tuple[Any, str]:
    """Returns the clips that a run was tested on; None and the reason if they are not at hand.

    Args:
        run: The run folder.
        overrides: Keys of the experiment and their values, such as `["--data.root", "data"]`.

    Raises:
        ConfigError: If an override is not legal.
    """
    config = run / "config.yaml"
    if not config.is_file():
        return None, "The run folder has no config.yaml, so its data are not known."
    try:
        experiment, _ = read_experiment("report", ["--config", str(config), *overrides])
    except ConfigError as error:
        if overrides:
            raise
        return None, f"The config does not fit this version: {error}"
    try:
        return load_split(experiment, "test"), ""
    except (ConfigError, DataError, OSError) as error:
        return None, f"The clips are not at hand: {error}"
