"""What keeping freed memory brings (`sgnkit.training.keep_memory`): sgnkit and the rival, each
with memory that is kept and with memory that goes back to the system, as it does by default.

Each side runs in a process of its own, with one thread, in turn. Times are those of the process;
the system's part of it is what fetches and returns memory.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from statistics import median
from typing import Any, NamedTuple

import torch

from benchmarks.harness import Options, Results
from benchmarks.memory import resident
from benchmarks.network import QUICK, fits, ours, theirs
from sgnkit.training import keep_memory

__all__ = ["run"]

FULL = (*QUICK, ("mk_sgn_small", "NW-UCLA", 64))
SIDES = ("sgnkit", "Conv2d + einsum")
CALLS = 3


class Cost(NamedTuple):
    """Milliseconds of a call, those of them in the system, and megabytes at the peak."""

    whole: float
    system: float
    peak: float


def run(options: Options) -> Results:
    """Measures a training step and inference."""
    results = Results("kept_memory", __doc__, options)
    if not keep_memory():
        results.skip("kept memory", "the C library here is not that of GNU")
        return results
    for name, data, number in FULL if options.full else QUICK:
        for work in ("training step", "inference"):
            case = {"network": name, "shapes": data, "batch": number, "work": work}
            for side in SIDES:
                if not fits(results, case, side):
                    continue
                given = (side, name, data, number, work == "training step")
                rounds = [
                    {kept: _measured(kept, *given) for kept in (order, not order)}
                    for order in (True, False, True)
                ]
                back, kept = ([r[k] for r in rounds] for k in (False, True))
                results.note(
                    {**case, "side": side},
                    **{
                        "returned, ms": median(c.whole for c in back),
                        "of it system, ms": median(c.system for c in back),
                        "kept, ms": median(c.whole for c in kept),
                        "kept over returned": median(
                            k.whole / b.whole for b, k in zip(back, kept, strict=True)
                        ),
                        "returned, peak MB": median(c.peak for c in back),
                        "kept, peak MB": median(c.peak for c in kept),
                    },
                )
    return results


def _measured(*given: Any) -> Cost:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_work, given)


def _work(kept: bool, side: str, name: str, data: str, number: int, train: bool) -> Cost:
    torch.set_num_threads(1)
    if kept:
        keep_memory()
    make = {"fast": True} if side == "sgnkit" else {"jelly": False}
    step = (ours if side == "sgnkit" else theirs)(name, data, number, train, "cpu", **make)
    before = resident("VmRSS")
    step()
    costs = []
    for _ in range(CALLS):
        start, system = time.process_time(), os.times().system
        step()
        costs.append((1e3 * (time.process_time() - start), 1e3 * (os.times().system - system)))
    whole, system = (median(values) for values in zip(*costs, strict=True))
    return Cost(whole, system, (resident("VmHWM") - before) / 1e6)
