"""Calculates from a measured step how training would scale to many GPUs. Nothing is measured here.

    python -m benchmarks.scaling --step_ms 180 --batch 64 --network mk_sgn

A step of one GPU with its share of the batch takes `step_ms` (measure it: `python -m benchmarks
network --device cuda`). The gradients of the network travel once a step by a ring all-reduce,

    t_gradients = 2 (p - 1) / p * bytes / bandwidth + 2 (p - 1) * latency

of which a share `overlap` hides behind the backward pass. Each synchronised batch norm makes two
small all-reduces, one in each pass, that cannot hide; they go along a tree, 2 log2(p) * latency
each. Within a machine of 8 GPUs the fast link counts, between machines the slow one.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import sgnkit
from sgnkit.nn import BatchNorm

__all__ = ["Cluster", "main", "step_time"]

# Clips of NTU RGB+D 120 that the cross-subject split trains on, from its paper
NTU120_XSUB = 63_026


@dataclass(frozen=True)
class Cluster:
    """What the calculation assumes.

    Attributes:
        inside: Bytes a second between GPUs of one machine.
        between: Bytes a second between machines, each way.
        inside_latency: Seconds of one small message within a machine.
        between_latency: Seconds of one small message between machines.
        per_machine: GPUs of a machine.
        overlap: Share of the gradients' time that hides behind the backward pass.
    """

    inside: float = 200e9
    between: float = 25e9
    inside_latency: float = 5e-6
    between_latency: float = 10e-6
    per_machine: int = 8
    overlap: float = 0.7


def step_time(step: float, size: int, norms: int, gpus: int, cluster: Cluster) -> dict[str, float]:
    """Returns the seconds of a step on so many GPUs, each with the same number of clips.

    Args:
        step: Seconds of a step on one GPU.
        size: Bytes of the gradients.
        norms: Number of synchronised batch norms.
        gpus: Number of GPUs.
        cluster: What is assumed of the machines.
    """
    if gpus == 1:
        return {"step": step, "gradients": 0.0, "norms": 0.0, "efficiency": 1.0}
    crosses = gpus > cluster.per_machine
    bandwidth = cluster.between if crosses else cluster.inside
    latency = cluster.between_latency if crosses else cluster.inside_latency
    gradients = 2 * (gpus - 1) / gpus * size / bandwidth + 2 * (gpus - 1) * latency
    shared = 2 * norms * 2 * math.log2(gpus) * latency
    total = step + (1 - cluster.overlap) * gradients + shared
    return {
        "step": total,
        "gradients": gradients,
        "norms": shared,
        "efficiency": step / total,
    }


def main() -> None:
    """Prints the table."""
    defaults = Cluster()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--step_ms", type=float, required=True, help="measured, on one GPU")
    parser.add_argument("--batch", type=int, default=64, help="clips of that step (64)")
    parser.add_argument("--network", default="mk_sgn", help="name of a preset (mk_sgn)")
    parser.add_argument("--clips", type=int, default=NTU120_XSUB, help="training clips (NTU-120)")
    parser.add_argument("--inside", type=float, default=defaults.inside / 1e9, help="GB/s (200)")
    parser.add_argument("--between", type=float, default=defaults.between / 1e9, help="GB/s (25)")
    parser.add_argument("--overlap", type=float, default=defaults.overlap, help="share (0.7)")
    given = parser.parse_args()
    cluster = Cluster(inside=1e9 * given.inside, between=1e9 * given.between, overlap=given.overlap)
    model = sgnkit.create_model(given.network, layout="ntu25", num_classes=120)
    size = sum(4 * p.numel() for p in model.parameters())
    norms = sum(isinstance(part, BatchNorm) for part in model.modules())
    print(f"CALCULATED, not measured, from a step of {given.step_ms:g} ms for {given.batch} clips.")
    print(f"{given.network}: {size / 1e6:.1f} MB of gradients, {norms} batch norms.\n")
    print(
        "| GPUs | step, ms | of it gradients, ms | of it norms, ms | efficiency | clips/s | epoch |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for gpus in (1, 2, 4, 8, 16, 32, 64):
        found = step_time(given.step_ms / 1e3, size, norms, gpus, cluster)
        rate = gpus * given.batch / found["step"]
        print(
            f"| {gpus} | {1e3 * found['step']:.1f} | "
            f"{1e3 * (1 - cluster.overlap) * found['gradients']:.2f} | "
            f"{1e3 * found['norms']:.2f} | {found['efficiency']:.0%} | {rate:,.0f} | "
            f"{given.clips / rate:,.0f} s |"
        )


if __name__ == "__main__":
    main()
