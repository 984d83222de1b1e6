"""Energy of a clip in the setting of NTU RGB+D, beside the figures of the MK-SGN paper.

    python benchmarks/energy_ntu.py

The clips are synthetic: two persons, 25 joints, 64 frames. The networks are untrained, their batch
norms fitted to the clips, so firing rates are those of a network before training.
"""

from __future__ import annotations

import argparse
import re

import torch
from torch_geometric.data import Batch

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import EnergyReport, calibrate, profile
from sgnkit.transforms import Center, Compose, UniformSample

NETWORKS: dict[str, tuple[str, dict[str, object], int]] = {
    "mk_sgn": ("mk_sgn", {}, 1),
    "mk_sgn, spike-driven": ("mk_sgn", {"spike_driven": True}, 1),
    "mk_sgn, spike-driven, graph of bones": (
        "mk_sgn",
        {"spike_driven": True, "adjacency": "importance"},
        1,
    ),
    "base_sgn": ("base_sgn", {}, 1),
    "multimodal_gcn": ("multimodal_gcn", {}, 1),
    "stgcn, 4 streams": ("stgcn", {}, 4),
    "agcn, 4 streams": ("agcn", {}, 4),
    "ctrgcn, 4 streams": ("ctrgcn", {}, 4),
}
PARTS = {
    "encoders": r"encoders",
    "fusion": r"fusion",
    "features X W of the graph convolution": r"spatial\.conv\.lin",
    "graph product A (X W), or both folded": r"spatial\.conv$",
    "attention, linear layers": r"attention\.lin",
    "attention, Q K V": r"attention$",
    "temporal convolution": r"temporal",
    "shortcuts": r"shortcut",
    "read-out": r"readout",
}


def clips(count: int) -> Batch:
    """Returns clips of two persons, 64 frames each."""
    data = SyntheticActions(
        count,
        "ntu25",
        2,
        num_persons=2,
        split="all",
        transform=Compose([Center(), UniformSample(64)]),
    )
    return Batch.from_data_list([data[i] for i in range(count)])


def parts(report: EnergyReport) -> dict[str, tuple[float, float]]:
    """Returns the energy of each part of the network, paper and strict, in millijoules."""
    found = {part: [0.0, 0.0] for part in PARTS}
    for layer in report.layers:
        part = next(key for key, pattern in PARTS.items() if re.search(pattern, layer.name))
        for i, energy in enumerate(layer.energy(report.preset)):
            found[part][i] += energy * 1e-9
    return {part: (paper, strict) for part, (paper, strict) in found.items()}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    args = parser.parse_args()
    batch = clips(args.clips)
    print("| network | operations | firing rate | paper mJ | strict mJ | MAC, strict |")
    print("|---|--:|--:|--:|--:|--:|")
    reports = {}
    for label in args.networks:
        name, options, streams = NETWORKS[label]
        torch.manual_seed(0)
        model = sgnkit.create_model(name, layout="ntu25", num_classes=60, **options)
        reports[label] = report = profile(calibrate(model, batch), batch)
        totals, counts = report.totals, report.counts
        rate = f"{report.firing_rate:.1%}" if report.neurons else "-"
        print(
            f"| {label} | {streams * counts['operations'] / 1e9:.2f} G | {rate} "
            f"| {streams * totals['paper']:.3f} | {streams * totals['strict']:.3f} "
            f"| {streams * counts['strict_mac'] / 1e9:.3f} G |",
            flush=True,
        )
    for label, report in reports.items():
        if label.startswith("mk_sgn"):
            print(f"\n{label}\n\n| part | paper mJ | strict mJ |\n|---|--:|--:|")
            for part, (paper, strict) in parts(report).items():
                if strict or paper:
                    print(f"| {part} | {paper:.4f} | {strict:.4f} |")


if __name__ == "__main__":
    main()
