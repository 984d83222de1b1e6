"""Training in one process and in two (gloo, one core each): clips a second and the cost of sharing.

Both sides make the same steps: the same clips in a step, shared out, statistics of batch norm and
gradients averaged over all of them. Each process has one thread and keeps its memory, as
`sgnkit train` does.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import torch
from torch import distributed as dist
from torch import multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

import sgnkit
from benchmarks.harness import Options, Results, noise
from sgnkit.export import TensorModel
from sgnkit.nn import synchronize
from sgnkit.training import keep_memory

__all__ = ["run"]

CASES = (("mk_sgn_small", 16, 52), ("mk_sgn_small", 64, 52), ("mk_sgn", 16, 52))
STEPS = 4


def run(options: Options) -> Results:
    """Measures one and two processes in turn."""
    results = Results("processes", __doc__, options)
    for name, clips, frames in CASES if options.full else CASES[:1]:
        found = {number: _train(number, name, clips, frames) for number in (1, 2)}
        case = {"network": name, "clips in a step": clips, "frames": frames}
        for number, (wall, cpu, sharing) in found.items():
            results.note(
                {**case, "processes": number},
                **{
                    "clips/s": clips / wall,
                    "gain": found[1][0] / wall,
                    "processor time a clip, ms": 1e3 * cpu / clips,
                    "gradients, MB": sharing / 1e6,
                    "cores": len(os.sched_getaffinity(0))
                    if hasattr(os, "sched_getaffinity")
                    else os.cpu_count() or 1,
                },
            )
    return results


def _train(number: int, *case: Any) -> tuple[float, float, int]:
    """Returns seconds a step, processor seconds a step over all processes, bytes of gradients."""
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(_work, (number, folder, *case), nprocs=number, start_method="spawn")
        parts = [torch.load(os.path.join(folder, f"{rank}.pt")) for rank in range(number)]
    return max(p[0] for p in parts), sum(p[1] for p in parts), parts[0][2]


def _work(rank: int, number: int, folder: str, name: str, clips: int, frames: int) -> None:
    torch.set_num_threads(1)
    keep_memory()
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=number)
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout="kinect20", num_classes=10)
    synchronize(model)
    network: torch.nn.Module = TensorModel(model)
    if number > 1:
        network = DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    share = clips // number
    x = noise(share, 1, frames, 20, 3)
    present, labels = torch.ones(share, 1, dtype=torch.bool), torch.arange(share) % 10
    times = []
    for _ in range(STEPS + 1):
        begin = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x, present), labels).backward()
        optimizer.step()
        times.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    wall, cpu = (sorted(t)[STEPS // 2] for t in zip(*times[1:], strict=True))
    size = sum(4 * p.numel() for p in network.parameters())
    torch.save([wall, cpu, size], os.path.join(folder, f"{rank}.pt"))
    dist.destroy_process_group()
