"""Builds, opens and reads sets of growing size: `python -m benchmarks.data_scale`, or with sizes.

The clips are like those of NTU RGB+D: 25 joints, one or two persons, 30 to 300 frames. They walk at
random: what they do does not matter for the time. The largest set takes 7.5 GB in the folder for
temporary files, and the default run takes three to four minutes on two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from sgnkit import SkeletonData, get_layout
from sgnkit.data import collate
from sgnkit.datasets import SkeletonDataset
from sgnkit.transforms import Center, Compose, RandomCropResize, RandomRotate, RandomScale

LAYOUT, JOINTS, CLASSES = "ntu25", 25, 60
LENGTHS = (30, 300)
WORKER_CLIPS = 20_000  # clips that are read at least to time the workers, epoch after epoch
ALONE_CLIPS = 5_000  # clips that are read without workers
COLUMNS = {
    "clips": "clips",
    "gigabytes": "GB",
    "build_seconds": "build, s",
    "build_us": "µs/clip",
    "open_seconds": "open, s",
    "open_resident_mb": "resident, MB",
    "opening_took_mb": "of it to open",
    "alone_per_second": "clips/s, no worker",
    "alone_cpu_us": "its CPU, µs/clip",
    "workers_per_second": "clips/s, workers",
}


class Walks(SkeletonDataset):
    """Clips that walk at random, stored once."""

    layout = get_layout(LAYOUT)
    class_names = tuple(f"class {k}" for k in range(CLASSES))

    def __init__(self, root: Path, number: int, train: bool = False, transform: Any = None):
        self.number = number
        super().__init__(str(root), transform)
        self.load(self.processed_paths[0])
        if train:
            self.keep(lambda clip: clip.subject % 2 == 1)

    @property
    def processed_file_names(self) -> list[str]:
        return [f"walks{self.number}.json"]

    def process(self) -> None:
        self.save(walks(self.number), self.processed_paths[0])


def walks(number: int) -> Iterator[SkeletonData]:
    """Makes the clips; each is a part of one long walk, put somewhere else."""
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.01, (2, 20_000, JOINTS, 3)).astype(np.float32)
    pose = rng.normal(0, 0.5, (JOINTS, 3)).astype(np.float32)
    path = np.cumsum(steps, axis=1, dtype=np.float32) + pose
    for k in range(number):
        length, persons = int(rng.integers(LENGTHS[0], LENGTHS[1] + 1)), 1 + int(rng.random() < 0.2)
        start = int(rng.integers(path.shape[1] - length))
        place = rng.normal(0, 1, (persons, 1, 1, 3)).astype(np.float32)
        yield SkeletonData.from_array(
            path[:persons, start : start + length] + place,
            LAYOUT,
            axes="MTVC",
            y=k % CLASSES,
            name=f"S{k % 17:03d}C{k % 3:03d}P{k % 40:03d}R{k % 2:03d}A{k % 60:03d}_{k:06d}",
            subject=k % 40,
            camera=k % 3,
            setup=k % 17,
        )


def pipeline() -> Compose:
    return Compose([RandomCropResize(64), Center(), RandomRotate(17), RandomScale((0.9, 1.1))])


def resident_mb() -> float:
    """Returns the memory that this process holds in RAM."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def opened(root: Path, number: int) -> dict[str, float]:
    """Opens the training clips, with their labels and names, in this process."""
    before, start = resident_mb(), time.perf_counter()
    clips = Walks(root, number, train=True)
    labels, names = clips.y, clips.names
    seconds = time.perf_counter() - start
    assert len(labels) == len(names) == len(clips)
    return {
        "open_seconds": seconds,
        "open_resident_mb": resident_mb(),
        "opening_took_mb": resident_mb() - before,
    }


def read(clips: Walks, least: int, batch: int, workers: int) -> tuple[float, float]:
    """Reads shuffled batches; returns clips per second, and CPU seconds of this process per clip.

    The first batches are not counted: they start the workers.
    """
    loader = DataLoader(
        clips,
        batch_size=batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=collate,
    )
    for number, _ in enumerate(loader):
        if number == 4 * max(workers, 1):
            break
    count, start, cpu = 0, time.perf_counter(), time.process_time()
    while count < least:
        for joined in loader:
            count += joined.num_graphs
            if workers == 0 and count >= least:
                break
    return count / (time.perf_counter() - start), (time.process_time() - cpu) / count


def measure(root: Path, number: int, batch: int, workers: int) -> dict[str, float]:
    """Returns one row of the table."""
    start = time.perf_counter()
    clips = Walks(root, number, transform=pipeline())
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    row = {
        "clips": number,
        "gigabytes": size / 1e9,
        "build_seconds": seconds,
        "build_us": 1e6 * seconds / number,
    }
    # A process of its own: this one has built the set and holds more than opening takes.
    command = [sys.executable, "-m", "benchmarks.data_scale", "--open", str(root), str(number)]
    row.update(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    row["alone_per_second"], cpu = read(clips, min(ALONE_CLIPS, 5 * number), batch, workers=0)
    row["alone_cpu_us"] = 1e6 * cpu
    if workers:
        least = min(WORKER_CLIPS, 20 * number)
        row["workers_per_second"], _ = read(clips, least, batch, workers)
    return row


def show(row: dict[str, float]) -> str:
    cells = [f"{row[key]:,.{_digits(row[key])}f}" if key in row else "" for key in COLUMNS]
    return f"| {' | '.join(cells)} |"


def _digits(value: float) -> int:
    return 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2


def main() -> None:
    """Reads the sizes, prints the table row by row, and writes it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.data_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2, help="processes of the loader (2)")
    parser.add_argument("--batch", type=int, default=64, help="clips in a batch (64)")
    parser.add_argument("--folder", help="where the sets are built (a temporary folder)")
    parser.add_argument("--out", help="writes OUT.json and OUT.md")
    parser.add_argument("--open", nargs=2, metavar=("ROOT", "CLIPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.open:
        print(json.dumps(opened(Path(options.open[0]), int(options.open[1]))))
        return
    head = [
        f"torch {torch.__version__}, {platform.machine()}, {len(os.sched_getaffinity(0))} cores; "
        f"{options.workers} workers, batches of {options.batch}; {LAYOUT}, "
        f"{LENGTHS[0]} to {LENGTHS[1]} frames; {', '.join(map(str, pipeline().transforms))}",
        "",
        f"| {' | '.join(COLUMNS.values())} |",
        f"|{'---:|' * len(COLUMNS)}",
    ]
    print("\n".join(head), flush=True)
    rows = []
    for number in options.clips:
        root = Path(tempfile.mkdtemp(prefix="sgnkit_scale_", dir=options.folder))
        try:
            rows.append(measure(root, number, options.batch, options.workers))
        finally:
            shutil.rmtree(root, ignore_errors=True)
        print(show(rows[-1]), flush=True)
    if options.out:
        table = "\n".join([*head, *map(show, rows)])
        Path(f"{options.out}.md").write_text(table + "\n", encoding="utf-8")
        facts = {"about": head[0], "columns": COLUMNS, "rows": rows}
        Path(f"{options.out}.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
