"""The folder of a run: where it is, and what it says about itself."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from sgnkit.errors import CheckpointError
from sgnkit.models.checkpoint import versions
from sgnkit.training.options import Experiment, plain

__all__ = ["latest_run", "machine", "new_run", "write_config", "write_json"]


def new_run(experiment: Experiment) -> Path:
    """Makes and returns `output/name/date-time`."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parent = Path(experiment.output) / experiment.name
    for number in range(1000):
        folder = parent / (f"{stamp}-{number}" if number else stamp)
        try:
            (folder / "checkpoints").mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent}: too many runs in one second")


def latest_run(experiment: Experiment) -> Path:
    """Returns the newest run of an experiment that can be continued.

    Raises:
        CheckpointError: If there is none.
    """
    parent = Path(experiment.output) / experiment.name
    found = sorted(parent.glob("*/checkpoints/last.ckpt"), key=lambda path: path.parts[-3])
    if not found:
        raise CheckpointError(
            "there is no run to continue",
            file=parent,
            expected="a run folder with checkpoints/last.ckpt",
            remedy="leave out --ckpt_path, or name a checkpoint file",
        )
    return found[-1].parent.parent


def write_config(path: Path, experiment: Experiment, weights: str | None) -> None:
    """Writes the resolved experiment, which names weights and teachers relative to itself."""
    content = {**experiment.to_dict(), "weights": weights}
    distill, folder = experiment.distill, path.parent
    teachers = [os.path.relpath(teacher, folder) for teacher in distill.teachers]
    content["distill"]["teacher"] = teachers or None
    if experiment.start_from:
        content["start_from"] = os.path.relpath(experiment.start_from, folder)
    if distill.teacher_config:
        content["distill"]["teacher_config"] = os.path.relpath(distill.teacher_config, folder)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes plain values as a JSON file."""
    path.write_text(json.dumps(plain(content), indent=2) + "\n", encoding="utf-8")


def machine(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Returns what a running time depends on. No names of hosts, users or folders."""
    found: dict[str, Any] = {
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        **versions(),
    }
    if torch.device(device).type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(torch.device(device))
    return found


def git_hash() -> str | None:
    """Returns the commit of the working folder, with a mark if files differ from it."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("-dirty" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def portable(argv: list[str]) -> str:
    """Returns a command line without the folders of one machine."""
    words = []
    for word in argv:
        key, equals, value = word.rpartition("=")
        if os.path.isabs(value):
            value = Path(value).name
        words.append(f"{key}{equals}{value}")
    return " ".join(words)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
