"""What every benchmark here shares: both sides in one process, in turn, warm, medians and ratios.

A benchmark is a module of this folder with one function, `run(options) -> Results`, and its name
in `benchmarks/__main__.py`. It compares *sides*, functions without arguments that do one unit of
work on data made before (random, without zeros: `noise`):

    def run(options: Options) -> Results:
        results = Results("copies", __doc__, options)
        x = noise(1000, 1000)
        for threads in options.threads:
            with use_threads(threads):
                results.add(
                    {"threads": threads},
                    compare({"clone": x.clone, "twice": lambda: 2 * x}, options),
                    reference="clone",
                )
        return results

`compare` runs every side once a round, in turn and in the other order every other round, so that a
machine that slows down slows all of them. A ratio is the median of the ratios within a round.
`Results` knows the machine, prints each row as soon as it is known, and writes JSON and Markdown.
What was measured in another way (by workers, by ranks, `benchmarks.memory.peak`) goes into
`Results.note`, a row of plain numbers.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import machine, versions
from sgnkit.training import keep_memory

__all__ = [
    "Options",
    "Results",
    "Timing",
    "compare",
    "give_back",
    "machine",
    "noise",
    "returned_memory",
    "use_threads",
]

Side = Callable[[], Any]
ROOT = Path(__file__).resolve().parents[1]
RIVALS = ROOT / ".cache" / "rivals"  # packages that are only measured against
LONG = 2.0  # seconds of a call after which a side is warm
SHORTEST = 2e-3  # seconds of one sample: shorter work is repeated within it


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        full: Whether to run everything, or only the quick part.
        device: `"cpu"` or `"cuda"`.
        threads: Numbers of threads of torch to measure with.
        clock: `"wall"`, or `"cpu"` for the time of this process alone: for one thread on a machine
            that has other work to do. Ignored on CUDA.
        rounds: Rounds at most, an odd number.
        seconds: Time limit of one comparison; three rounds are run whatever it is.
    """

    full: bool = False
    device: str = "cpu"
    threads: tuple[int, ...] = (1, 2)
    clock: str = "wall"
    rounds: int = 11
    seconds: float = 4.0


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one side: median and quartiles over the rounds, and its median ratio to each
    other side within a round."""

    ms: float
    low: float
    high: float
    rounds: int
    over: dict[str, float] = field(default_factory=dict)


def noise(*shape: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Tensor:
    """Returns normal random numbers, none of them zero, the same at every call."""
    generator = torch.Generator().manual_seed(sum(shape))
    x = torch.randn(shape, generator=generator)
    return torch.where(x == 0, 1.0, x).to(device=device, dtype=dtype)


@contextlib.contextmanager
def use_threads(number: int) -> Iterator[None]:
    """Sets the threads of torch for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(side: Side, repeat: int, options: Options) -> float:
    """The time of one call, from `repeat` calls."""
    cuda = options.device == "cuda"
    clock = time.process_time if options.clock == "cpu" and not cuda else time.perf_counter
    if cuda:
        torch.cuda.synchronize()
    start = clock()
    for _ in range(repeat):
        side()
    if cuda:
        torch.cuda.synchronize()
    return (clock() - start) / repeat


def give_back() -> None:
    """Returns memory to the system that the process keeps, before a comparison of other sizes."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # only the GNU C library has it
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def returned_memory() -> Iterator[None]:
    """Returns what is freed to the system at once, so that the peak is what the work needs.

    The opposite of `keep_memory`: every large block is fetched anew, which takes time.
    """
    give_back()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # only the GNU C library has it
        mallopt = ctypes.CDLL(None).mallopt
        for name, value in ((-4, 65536), (-3, 1 << 20), (-1, 1 << 17)):  # maps, from, trim
            mallopt(name, value)
    try:
        yield
    finally:
        keep_memory()


def compare(sides: Mapping[str, Side], options: Options, warm: int = 2) -> dict[str, Timing]:
    """Times every side, in turn.

    Args:
        sides: The functions, by name.
        options: How to measure.
        warm: Calls of each side before it is timed, besides a first one; none after a long one.
    """
    give_back()
    repeats = {}
    for name, side in sides.items():
        took = _seconds(side, 1, options)
        for _ in range(warm):
            if took < LONG:
                took = _seconds(side, 1, options)
        repeats[name] = max(1, round(SHORTEST / max(took, 1e-6)))
    samples: dict[str, list[float]] = {name: [] for name in sides}
    order, began = list(sides), time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(options.rounds):
            for name in order:
                samples[name].append(_seconds(sides[name], repeats[name], options))
            order.reverse()
            if number >= 2 and time.perf_counter() - began > options.seconds:
                break
    finally:
        if collecting:
            gc.enable()
    timings = {}
    for name, own in samples.items():
        low, middle, high = statistics.quantiles(own, n=4, method="inclusive")
        over = {
            other: statistics.median(a / b for a, b in zip(own, theirs, strict=True))
            for other, theirs in samples.items()
            if other != name
        }
        timings[name] = Timing(1e3 * middle, 1e3 * low, 1e3 * high, len(own), over)
    return timings


class Results:
    """Rows of one benchmark, with the machine they were measured on.

    Args:
        name: The benchmark, which names its files.
        about: What is measured; the first paragraph is printed.
        options: How it was measured.
    """

    def __init__(self, name: str, about: str | None, options: Options) -> None:
        self.name = name
        self.about = " ".join((about or "").strip().split("\n\n")[0].split())
        self.options = options
        self.missing: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []
        self.began = time.time()
        self.machine = machine(options.device)
        print(f"\n{name}: {self.about}", flush=True)

    def skip(self, side: str, why: str) -> None:
        """Notes a side that could not run, and says so."""
        if self.missing.get(side) != why:
            self.missing[side] = why
            print(f"  without {side}: {why}", flush=True)

    def optional(self, name: str, packages: str) -> Any:
        """Returns a module that the project does not depend on, or `None` and says how to get it.

        Args:
            name: The module.
            packages: What to install.
        """
        if (folder := str(RIVALS)) not in sys.path and RIVALS.exists():
            sys.path.append(folder)
        try:
            return importlib.import_module(name)
        except ImportError as error:
            self.skip(
                name.partition(".")[0],
                f"{error}. Install it beside the project's environment: .venv/bin/python -m pip "
                f"install --no-deps --target {RIVALS.relative_to(ROOT)} {packages}",
            )
            return None

    def add(
        self,
        case: Mapping[str, Any],
        timings: Mapping[str, Timing],
        reference: str,
        **extra: Any,
    ) -> None:
        """Adds one comparison; ratios are those of each side to `reference`."""
        sides = {}
        for name, timing in timings.items():
            sides[name] = {k: v for k, v in asdict(timing).items() if k != "over"}
            sides[name]["ratio"] = timing.over.get(reference, 1.0)
        self.rows.append({"case": dict(case), "reference": reference, "sides": sides, **extra})
        label = ", ".join(f"{key} {value}" for key, value in case.items())
        cells = "; ".join(f"{n} {s['ms']:.2f} ms ({s['ratio']:.2f}×)" for n, s in sides.items())
        print(f"  {label}: {cells}", flush=True)

    def note(self, case: Mapping[str, Any], **values: float | str) -> None:
        """Adds a row of plain numbers that were measured in another way."""
        self.rows.append({"case": dict(case), "values": values})
        label = ", ".join(f"{key} {value}" for key, value in case.items())
        cells = "; ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()
        )
        print(f"  {label}: {cells}", flush=True)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            "name": self.name,
            "about": self.about,
            "date": time.strftime("%Y-%m-%d", time.gmtime(self.began)),
            "seconds": round(time.time() - self.began, 1),
            "options": asdict(self.options),
            "machine": {**self.machine, "versions": versions()},
            "missing": self.missing,
            "rows": self.rows,
        }

    def write(self, folder: Path) -> Path:
        """Writes NAME.json and NAME.md into a folder, and returns the path of the JSON file.

        What was measured on CUDA is called NAME_cuda.
        """
        from benchmarks.page import markdown

        folder.mkdir(parents=True, exist_ok=True)
        suffix = "" if self.options.device == "cpu" else f"_{self.options.device}"
        path = folder / f"{self.name}{suffix}.json"
        found = rounded(self.to_dict())
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(markdown(found), encoding="utf-8")
        return path


def rounded(value: Any) -> Any:
    """Returns plain values with four digits, as nobody measures more."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value
