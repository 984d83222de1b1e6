"""Peak memory of a training step of MK-SGN, above what is there before it: sgnkit and the rivals.

Each side runs in a process of its own, with one thread. On a CPU the resident memory counts, on
CUDA what torch has allocated.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import Options, Results
from benchmarks.network import (
    FULL,
    QUICK,
    RECOMPUTED,
    RIVALS,
    SPIKINGJELLY,
    TRAINING,
    fits,
    ours,
    theirs,
)
from sgnkit.nn import LIF

__all__ = ["peak", "prepared", "resident", "run"]


def prepared(
    side: str, name: str, data: str, number: int, work: str, device: str
) -> Callable[[], None]:
    """Returns the work of one side."""
    if side == "sgnkit":
        x = torch.rand(4, 8, device=device, requires_grad=True)
        LIF(backend="compiled")(x).sum().backward()  # the compiler's own memory comes before
        return ours(name, data, number, work, device, fast=True)
    return theirs(name, data, number, work, device, jelly=side.startswith("SpikingJelly"))


def run(options: Options) -> Results:
    """Measures all networks."""
    results = Results("memory", __doc__, options)
    names = ("sgnkit", *RIVALS)
    if results.optional(*SPIKINGJELLY) is None:
        names = names[:2]
    for name, data, number in (c for c in (FULL if options.full else QUICK) if c[2] == 16):
        case = {"network": name, "shapes": data, "batch": number, "work": TRAINING}
        room = [side for side in names if fits(results, case, side)]
        for work in (TRAINING, RECOMPUTED):
            found = {
                f"{side}, MB": peak(prepared, side, name, data, number, work, options.device)
                for side in room
            }
            results.note({**case, "work": work}, **found)
    return results


def peak(prepare: Callable[..., Callable[[], Any]], *arguments: Any, calls: int = 2) -> float:
    """Returns the peak of memory above what is there before the work, in megabytes.

    In a process of its own: `prepare(*arguments)` builds a side, which is called `calls` times. On
    a CPU the resident memory counts, on CUDA what torch has allocated.

    Args:
        prepare: A function at the top of a module.
        *arguments: What to call it with; the device `"cuda"` among them means CUDA.
        calls: How often the side runs.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_measure, args=(theirs, prepare, arguments, calls))
    worker.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        found = float("nan")
    worker.join()
    if not isinstance(found, float) or worker.exitcode:
        raise RuntimeError(f"{prepare.__name__}{arguments}: {found}")
    return found


def _measure(
    pipe: Any, prepare: Callable[..., Callable[[], Any]], arguments: tuple, calls: int
) -> None:
    try:
        torch.set_num_threads(1)
        side = prepare(*arguments)
        if "cuda" in arguments:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = float(torch.cuda.memory_allocated())
        else:
            before = resident("VmRSS")
        for _ in range(calls):
            side()
        cuda = "cuda" in arguments
        peak = float(torch.cuda.max_memory_allocated()) if cuda else resident("VmHWM")
        pipe.send((peak - before) / 1e6)
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def resident(which: str) -> float:
    """Resident memory in bytes, now (`VmRSS`) or at its peak (`VmHWM`)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(which):
                return 1024.0 * int(line.split()[1])
    import resource  # not on Windows

    scale = 1 if platform.system() == "Darwin" else 1024
    return float(scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
