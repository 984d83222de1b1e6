"""Estimates what networks cost for one clip, layer by layer, and where they are not spike-driven.

    python examples/09_energy_report.py
    python examples/09_energy_report.py --models base_sgn_small stgcn --frames 32

Nothing is trained: costs follow from shapes and firing rates, and those of a fresh network tell as
much about the method. All figures are estimates from counted operations, not measurements.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch_geometric.data import Batch
from tqdm import tqdm

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import EnergyPreset, calibrate, compare, profile
from sgnkit.transforms import Center, Compose, UniformSample
from sgnkit.viz import plot_energy

# Figures of a chip of one's own, in picojoules. These are made up.
CHIP = EnergyPreset("my-chip", mac_pj=1.2, ac_pj=0.15, source="made up for this example")


def shortened(text: str, lines: int) -> str:
    """Returns the first lines of a text; the files hold all of them."""
    rows = text.splitlines()
    return "\n".join([*rows[:lines], f"  ... and {len(rows) - lines} lines more"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sgnkit.list_models("*")
    default = ["mk_sgn_small", "multimodal_gcn_small"]
    parser.add_argument("--models", nargs="+", default=default, choices=names, metavar="NAME")
    parser.add_argument("--clips", type=int, default=4, help="clips to average over")
    parser.add_argument("--frames", type=int, default=24, help="frames of a clip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/09_energy_report"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    prepare = Compose([Center(), UniformSample(options.frames)])
    clips = SyntheticActions(max(options.clips, 2), num_classes=10, transform=prepare)
    batch = Batch.from_data_list([clips[i] for i in range(options.clips)])

    # 1. The networks. One more has the same parameters as the first, but multiplies weights by
    #    spikes only.
    nets: dict[str, nn.Module] = {
        name: sgnkit.create_model(name, layout="ntu25", num_classes=10) for name in options.models
    }
    first = options.models[0]
    if "sgn" in first:
        nets[f"{first}, spike-driven"] = sgnkit.create_model(
            first, layout="ntu25", num_classes=10, spike_driven=True
        )

    # 2. A report for each. `calibrate` fits the batch norms to the clips, as training would.
    reports = {}
    for name in (bar := tqdm(nets, desc="networks")):
        bar.set_postfix_str(name)
        reports[name] = profile(calibrate(nets[name], batch), batch)
    report = reports[first]
    print(f"\n{first}, layer by layer:\n{shortened(report.table(), 12)}")
    print(f"\n{shortened(report.audit(), 7)}")

    # 3. Side by side; the same counts under figures of another technology; files.
    print(f"\n{compare(reports)}\n")
    for preset in ("45nm", "45nm-int8", CHIP):
        energy = report.with_preset(preset)
        label = energy.preset.name
        print(f"{label:10} {energy.totals['strict'] * 1e3:8.2f} uJ for a clip, strict counting")
    for ending in ("json", "csv", "md"):
        report.save(options.output / f"{first}.{ending}")
    plot_energy(reports).savefig(options.output / "energy.png")
    print(f"tables: {options.output / first}.json, .csv and .md")
    print(f"picture: {options.output / 'energy.png'}")


if __name__ == "__main__":
    main()
