"""Probes of installed packages, each in a process of its own, for `sgnkit doctor`."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "ABSENT",
    "BROKEN",
    "OK",
    "PACKAGES",
    "TORCH",
    "Finding",
    "Package",
    "installed_version",
    "load",
]

OK, ABSENT, BROKEN = "ok", "absent", "broken"


class Package(NamedTuple):
    """A package to examine: `extra` is "" for the core, None for what sgnkit never asks for."""

    name: str
    extra: str | None
    probe: str
    needs_torch: bool = True


# Each probe runs in a process of its own: a package that crashes takes nothing else down. It uses
# the package a little, since some extensions import well and fail at the first call.
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

TORCH = Package(
    "torch",
    "",
    """import json, torch
torch.ones(2, 2) @ torch.ones(2, 2)
cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"threads": torch.get_num_threads(), "cuda": cuda,
                  "cuda_build": torch.version.cuda, "mps": torch.backends.mps.is_available()}))""",
)

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


def load(package: Package, timeout: float) -> tuple[Finding, str]:
    """Runs the probe in a process of its own and returns the finding and what the probe printed."""
    name, required = package.name, package.extra is not None
    version = installed_version(name)
    if not version:
        return _missing(name, package.extra), ""
    # The current folder is no place to import packages from.
    code = f"import sys; sys.path[:] = [p for p in sys.path if p]\n{package.probe}"
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
        detail, remedy = f"does not load: {trouble}", _reinstall(name)
        return Finding(name, BROKEN, required, version, detail, remedy), output
    outside = _outside_range(name, version)
    if outside:
        detail, remedy = f"sgnkit needs {name}{outside}", f"python -m pip install '{name}{outside}'"
        return Finding(name, BROKEN, required, version, detail, remedy), output
    return Finding(name, OK, required, version), output


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


def installed_version(name: str) -> str:
    """Returns the version of an installed package without importing it, or an empty string."""
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
