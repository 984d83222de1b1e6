"""`sgnkit doctor`: what is installed and really loads, and the command that mends the rest."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sgnkit._probes import (
    ABSENT,
    BROKEN,
    OK,
    PACKAGES,
    TORCH,
    Finding,
    Package,
    installed_version,
    load,
)
from sgnkit._version import __version__
from sgnkit.commands.output import Output
from sgnkit.commands.parser import CommandParser

__all__ = ["Finding", "Report", "examine", "parser"]


@dataclass
class Report:
    """All findings, with the devices and the place they were found in.

    Attributes:
        findings: One line for each thing that was examined.
        devices: Cores, GPUs and what else torch can use.
    """

    findings: list[Finding] = field(default_factory=list)
    devices: dict[str, Any] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether everything required works."""
        return not any(f.required and f.status == BROKEN for f in self.findings)


def examine(timeout: float = 120.0) -> Report:
    """Examines this installation and returns what it found.

    Args:
        timeout: Seconds after which an import counts as failed.
    """
    torch, devices = _examine_torch(timeout)
    report = Report(findings=[_python(), torch], devices=devices)
    with ThreadPoolExecutor(max_workers=max(1, min(4, _cores()))) as pool:
        report.findings += pool.map(lambda p: _examine(p, torch.status == OK, timeout), PACKAGES)
    _blame_torchvision(report.findings)
    places = (("results", Path("runs")), ("data", Path("data")), ("temporary", Path(_temporary())))
    report.findings += [_examine_place(name, path) for name, path in places]
    return report


def _python() -> Finding:
    return Finding("python", OK, version=platform.python_version(), detail=sys.executable)


def _examine_torch(timeout: float) -> tuple[Finding, dict[str, Any]]:
    devices: dict[str, Any] = {"cores": _cores()}
    finding, output = load(TORCH, timeout)
    if finding.status == OK:
        devices |= json.loads(output.splitlines()[-1])
    return finding, devices


def _examine(package: Package, torch_works: bool, timeout: float) -> Finding:
    if package.needs_torch and not torch_works and installed_version(package.name):
        return Finding(
            package.name,
            BROKEN,
            required=package.extra is not None,
            version=installed_version(package.name),
            detail="not tried: it needs torch, which does not work",
            remedy="mend torch first, then run sgnkit doctor again",
        )
    return load(package, timeout)[0]


def _blame_torchvision(findings: list[Finding]) -> None:
    """Names torchvision as the cause where packages fail that import it whenever it is there."""
    by_name = {finding.name: finding for finding in findings}
    cause = by_name["torchvision"]
    if cause.status != BROKEN:
        return
    for name in ("torchmetrics", "lightning"):
        if by_name[name].status == BROKEN:
            by_name[name].detail = "does not load beside the broken torchvision"
            by_name[name].remedy = cause.remedy


def _examine_place(name: str, path: Path) -> Finding:
    """Tells whether a folder can be written, or made, by writing a file that vanishes at once."""
    existing = path.resolve()
    while not existing.is_dir() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"sgnkit")
    except OSError as error:
        detail = f"cannot write to {existing}: {error.strerror}"
        remedy = f"chmod u+rwx '{existing}', or start sgnkit in a folder of your own"
        return Finding(f"{name} folder", BROKEN, detail=detail, remedy=remedy)
    return Finding(f"{name} folder", OK, detail=str(path.resolve()))


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # no usable temporary folder at all
        return os.environ.get("TMPDIR", "/tmp")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parser(name: str) -> CommandParser:
    """Returns the parser of the command."""
    sub = CommandParser(
        name,
        "Every package is really loaded. The exit code is 1 when something required is broken.",
    )
    sub.set_defaults(run=_run)
    return sub


def _run(options: Namespace, out: Output) -> int:
    report = examine()
    content = {
        "sgnkit": __version__,
        "platform": platform.platform(),
        "healthy": report.healthy,
    }
    out.result(_as_text(report), content | asdict(report))
    return 0 if report.healthy else 1


def _as_text(report: Report) -> str:
    rows = [f"sgnkit {__version__} on {platform.platform()}", ""]
    for f in report.findings:
        rows.append(f"  {f.status:<7} {f.name:<17} {f.version:<14} {f.detail}".rstrip())
    rows += ["", f"  devices {_devices(report.devices)}"]
    troubles = [f for f in report.findings if f.status == BROKEN]
    if troubles:
        rows += ["", "To mend:"]
        rows += [f"  {f.name}: {f.remedy}" for f in troubles]
    optional = [f for f in report.findings if f.status == ABSENT and f.remedy]
    if optional:
        rows += ["", "If you want it:"]
        rows += [f"  {f.name}: {f.remedy}" for f in optional]
    rows += [
        "",
        "All that is required works." if report.healthy else "Something required is broken.",
    ]
    return "\n".join(rows)


def _devices(devices: dict[str, Any]) -> str:
    parts = [f"{devices['cores']} CPU cores"]
    if "threads" in devices:
        parts.append(f"torch uses {devices['threads']} threads")
        cuda = ", ".join(devices["cuda"]) or "none"
        parts.append(f"CUDA: {cuda} (torch built {_build(devices['cuda_build'])})")
        parts.append(f"MPS: {'yes' if devices['mps'] else 'no'}")
    return "; ".join(parts)


def _build(cuda: str | None) -> str:
    return f"for CUDA {cuda}" if cuda else "without CUDA"
