"""Compiles the C++ loops at their first use and keeps them for the next process."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils.cpp_extension import get_default_build_root

__all__ = ["library", "pointer", "usable"]

_SOURCES = ("attention.cpp", "neurons.cpp")
_HEADERS = ("common.h", "neurons_bf16.h", "vectors.h")
_FLAGS = (
    "-O3",
    "-march=native",
    "-std=c++17",
    "-ffp-contract=off",  # a fused multiply-add would round where Norse does not
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp-simd",
    "-fPIC",
)


def usable(*tensors: Tensor) -> bool:
    """Whether the loops can run on these tensors, here and now.

    They cannot inside `torch.compile`, which writes its own, nor where somebody watches the
    operations, as the energy report does: what runs inside the loops would not be seen.
    """
    return (
        all(t.device.type == "cpu" and t.dtype in (torch.float32, torch.bfloat16) for t in tensors)
        and all(t.numel() > 0 for t in tensors)
        and not torch.compiler.is_compiling()
        and _get_current_dispatch_mode() is None
        and not torch._C._are_functorch_transforms_active()
        and library() is not None
    )


def pointer(tensor: Tensor | None) -> ctypes.c_void_p | None:
    """The address of a tensor's memory, or NULL."""
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


@functools.cache
def library() -> ctypes.CDLL | None:
    """Returns the compiled loops, or None with a warning where they cannot be compiled."""
    try:
        return ctypes.CDLL(str(_compiled()))
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or str(error)
        reason = (detail.strip().splitlines() or [type(error).__name__])[0]
        warnings.warn(
            f"sgnkit: the C++ loops are not available ({reason[:400]}); the same results come "
            "from PyTorch, more slowly. A C++ compiler (c++, or the one in CXX) is all they need.",
            stacklevel=2,
        )
        return None


def _compiled() -> Path:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if not compiler:
        raise OSError("no C++ compiler found")
    here = Path(__file__).parent
    content = [(here / name).read_bytes() for name in (*_HEADERS, *_SOURCES)]
    key = hashlib.sha256(b"\0".join([*content, repr((compiler, _FLAGS, _cpu())).encode()]))
    folder = Path(os.environ.get("TORCH_EXTENSIONS_DIR") or get_default_build_root()) / "sgnkit"
    path = folder / f"loops_{key.hexdigest()[:16]}.so"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        built = Path(name) / "loops.so"
        # Threads come from the OpenMP that PyTorch has loaded, so objects are linked without one.
        for threads in (["-fopenmp"], []):
            try:
                objects = [_object(compiler, here / s, Path(name), threads) for s in _SOURCES]
                _run(compiler, "-shared", *objects, "-o", str(built), *_undefined())
                ctypes.CDLL(str(built))
                break
            except (OSError, subprocess.SubprocessError):
                if not threads:
                    raise
        os.replace(built, path)
    return path


def _object(compiler: str, source: Path, folder: Path, flags: list[str]) -> str:
    target = folder / f"{source.stem}.o"
    _run(compiler, *_FLAGS, *flags, "-c", str(source), "-o", str(target))
    return str(target)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def _undefined() -> list[str]:
    return ["-undefined", "dynamic_lookup"] if platform.system() == "Darwin" else []


def _cpu() -> str:
    """What tells CPUs apart whose instructions differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"
