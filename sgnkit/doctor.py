"""`sgnkit doctor`: what is installed, what really loads, and the command that mends what does not."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sgnkit._version import __version__

__all__ = ["Finding", "examine", "main"]

OK, ABSENT, BROKEN = "ok", "absent", "broken"


class Package(NamedTuple):
    """A package to examine: `extra` is "" for the core, None for what sgnkit never asks for."""

    name: str
    extra: str | None
    probe: str
    needs_torch: bool = True


# Each probe runs in a process of its own: a package that crashes takes nothing else down. It uses the
# package a little, since some extensions import well and fail at the first call.
PACKAGES = (
    Package("numpy", "", "import numpy; numpy.ones(2) @ numpy.ones(2)", needs_torch=False),
    Package("pyyaml", "", "import yaml; yaml.safe_load('a: 1')", needs_torch=False),
    Package("torch-geometric", "", "import torch_geometric.nn, torch_geometric.data"),
    Package(
        "norse",
        "",
        "import torch; from norse.torch.functional.lif_box import *;"
        "lif_box_feed_forward_step(torch.ones(1), LIFBoxFeedForwardState(v=torch.zeros(1)))",
    ),
    Package("torchvision", None, "import torchvision"),
    Package(
        "torch-scatter",
        None,
        "import torch, torch_scatter;"
        "torch_scatter.scatter_max(torch.ones(2), torch.zeros(2, dtype=torch.long))",
    ),
    Package("torchmetrics", "train", "import torchmetrics"),
    Package("lightning", "train", "import lightning.pytorch"),
    Package("jsonargparse", "train", "import jsonargparse", needs_torch=False),
    Package("matplotlib", "viz", "import matplotlib.figure", needs_torch=False),
    Package("pillow", "viz", "import PIL.Image", needs_torch=False),
    Package("tensorboard", None, "import tensorboard.summary", needs_torch=False),
)

TORCH_PROBE = """
import json, torch
torch.ones(2, 2) @ torch.ones(2, 2)
cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"threads": torch.get_num_threads(), "cuda": cuda,
                  "cuda_build": torch.version.cuda, "mps": torch.backends.mps.is_available()}))
"""

BUILD_SCATTER = "MAX_JOBS=2 python -m pip install --no-build-isolation --no-cache-dir torch-scatter"


@dataclass
class Finding:
    """One line of the report.

    Args:
        name: What was examined.
        status: `"ok"`, `"absent"` (optional and not there) or `"broken"`.
        required: Whether sgnkit cannot do its work without it.
        version: The installed version, empty when there is none.
        detail: What was found.
        remedy: The command that mends it, empty when nothing needs mending.
    """

    name: str
    status: str
    required: bool = True
    version: str = ""
    detail: str = ""
    remedy: str = ""


@dataclass
class Report:
    """All findings, with the devices and the place they were found in."""

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
    report = Report(findings=[_examine_python(), torch], devices=devices)
    with ThreadPoolExecutor(max_workers=max(1, min(4, _cores()))) as pool:
        report.findings += pool.map(lambda p: _examine(p, torch.status == OK, timeout), PACKAGES)
    _blame_torchvision(report.findings)
    places = (("results", Path("runs")), ("data", Path("data")), ("temporary", Path(_temporary())))
    report.findings += [_examine_place(name, path) for name, path in places]
    return report


def _examine_python() -> Finding:
    version = platform.python_version()
    if sys.version_info >= (3, 10):
        return Finding("python", OK, version=version, detail=sys.executable)
    remedy = "install Python 3.10 or newer and make a new environment with it"
    return Finding(
        "python", BROKEN, version=version, detail="3.10 or newer is needed", remedy=remedy
    )


def _examine_torch(timeout: float) -> tuple[Finding, dict[str, Any]]:
    devices: dict[str, Any] = {"cores": _cores()}
    finding, output = _load("torch", "", TORCH_PROBE, timeout)
    if finding.status == OK:
        devices |= json.loads(output.splitlines()[-1])
    return finding, devices


def _examine(package: Package, torch_works: bool, timeout: float) -> Finding:
    if package.needs_torch and not torch_works and _version(package.name):
        return Finding(
            package.name,
            BROKEN,
            required=package.extra is not None,
            version=_version(package.name),
            detail="not tried: it needs torch, which does not work",
            remedy="mend torch first, then run sgnkit doctor again",
        )
    return _load(package.name, package.extra, package.probe, timeout)[0]


def _load(name: str, extra: str | None, probe: str, timeout: float) -> tuple[Finding, str]:
    """Runs a probe in a process of its own and returns the finding and what the probe printed."""
    version = _version(name)
    if not version:
        return _missing(name, extra), ""
    # The current folder is no place to import packages from.
    code = f"import sys; sys.path[:] = [p for p in sys.path if p]\n{probe}"
    try:
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        trouble = "" if result.returncode == 0 else _last_words(result)
        output = result.stdout
    except subprocess.TimeoutExpired:
        trouble, output = f"the import did not end within {timeout:g} s", ""
    if trouble:
        remedy = _reinstall(name)
        found = Finding(
            name, BROKEN, extra is not None, version, f"does not load: {trouble}", remedy
        )
        return found, output
    outside = _outside_range(name, version)
    if outside:
        remedy = f"python -m pip install '{name}{outside}'"
        detail = f"sgnkit needs {name}{outside}"
        return Finding(name, BROKEN, extra is not None, version, detail, remedy), output
    return Finding(name, OK, extra is not None, version), output


def _missing(name: str, extra: str | None) -> Finding:
    if extra == "":
        remedy = f"python -m pip install '{name}{_requirement(name)}'"
        return Finding(name, BROKEN, detail="not installed", remedy=remedy)
    if extra:
        remedy = f"python -m pip install 'sgnkit[{extra}]'"
    else:
        remedy = {
            "torch-scatter": f"python -m pip install ninja && {BUILD_SCATTER}",
            "tensorboard": "python -m pip install tensorboard",
        }.get(name, "")
    detail = {
        "torchvision": "optional, nothing here uses it",
        "torch-scatter": "optional, PyTorch Geometric works without it",
        "tensorboard": "optional, metrics go to CSV files",
    }.get(name, "optional")
    return Finding(name, ABSENT, required=False, detail=detail, remedy=remedy)


def _reinstall(name: str) -> str:
    if name == "torchvision":
        return "python -m pip uninstall --yes torchvision"
    if name == "torch-scatter":
        return f"python -m pip uninstall --yes torch-scatter && {BUILD_SCATTER}"
    return f"python -m pip install --force-reinstall '{name}{_requirement(name)}'"


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


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name) or "unknown"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _requirement(name: str) -> str:
    """Returns the range sgnkit asks for, such as `>=2.4`, or an empty string when it is unknown."""
    try:
        from packaging.requirements import Requirement

        wanted = [Requirement(line) for line in importlib.metadata.requires("sgnkit") or []]
    except Exception:  # not installed as a package, or packaging itself is missing or broken
        return ""
    ranges = [str(r.specifier) for r in wanted if r.name.lower() == name]
    return ranges[0] if ranges else ""


def _outside_range(name: str, version: str) -> str:
    """Returns the range that an installed version violates, or an empty string."""
    wanted = _requirement(name)
    if not wanted:
        return ""
    from packaging.specifiers import SpecifierSet

    return "" if SpecifierSet(wanted).contains(version, prereleases=True) else wanted


def _last_words(result: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    if result.returncode < 0 or not lines:
        return f"the interpreter died with exit code {result.returncode}"
    return lines[-1].strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the report and returns 0, or 1 when something required is broken."""
    parser = argparse.ArgumentParser(
        prog="sgnkit doctor",
        description="Tells what is installed and really loads, and how to mend what does not.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args(argv)
    report = examine()
    if arguments.json:
        content = {
            "sgnkit": __version__,
            "platform": platform.platform(),
            "healthy": report.healthy,
        }
        print(json.dumps(content | asdict(report), indent=2))
    else:
        print(_as_text(report))
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
