"""One training in two processes, which exchange their gradients: no GPU, no launcher needed.

    python examples/13_two_processes.py
    torchrun --nproc_per_node 4 examples/13_two_processes.py        # with a launcher, four of them

Without a launcher the script starts itself twice. Each process sees half of the clips; both end
with the same weights. For experiment files: `sgnkit train --config FILE --trainer.devices 2`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import distributed
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler
from torch_geometric.loader import DataLoader
from tqdm import tqdm

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.transforms import Center, Compose, UniformSample
from sgnkit.viz import plot_curves


def launch(words: Sequence[str], processes: int) -> None:
    """Runs this file as two processes on this machine, and waits for them."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={processes}", __file__, *words]
    print("starting:", " ".join(["torchrun", *command[3:5], Path(__file__).name]), flush=True)
    subprocess.run(command, check=True, env={"OMP_NUM_THREADS": "1", **os.environ})


def train(options: argparse.Namespace) -> None:
    """Is one of the processes."""
    distributed.init_process_group("gloo")
    rank, world = distributed.get_rank(), distributed.get_world_size()
    prepare = Compose([Center(), UniformSample(16)])
    data, test = (
        SyntheticActions(options.clips, num_classes=4, split=split, transform=prepare)
        for split in ("train", "test")
    )
    torch.manual_seed(options.seed)
    model = sgnkit.create_model(
        "base_sgn_small",
        layout=data.layout,
        num_classes=4,
        hidden_channels=(32, 32),
        strides=(1, 2),
        num_steps=2,
    )
    learner = DistributedDataParallel(model)
    # The batch of all processes together stays 16, so the learning rate stays what it was.
    sampler = DistributedSampler(data, world, rank, seed=options.seed)
    loader = DataLoader(data, batch_size=16 // world, sampler=sampler, drop_last=True)
    print(f"process {rank} of {world}: {len(sampler)} of {len(data)} clips", flush=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    curves: dict[str, list[float]] = {"epoch": [], "train/loss": []}
    for epoch in tqdm(range(options.epochs), desc="epochs", disable=rank > 0):
        sampler.set_epoch(epoch)  # another order in each epoch, the same in each process
        total = torch.zeros(())
        for batch in loader:
            loss = cross_entropy(learner(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()  # the gradients are averaged over the processes here
            optimizer.step()
            total += loss.detach() / len(loader) / world
        distributed.all_reduce(total)
        curves["epoch"].append(epoch + 1)
        curves["train/loss"].append(float(total))

    # All processes must hold the same weights, to the last bit.
    mine = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    everyone = [torch.empty_like(mine) for _ in range(world)]
    distributed.all_gather(everyone, mine)
    same = all(torch.equal(mine, other) for other in everyone)
    if rank == 0:
        model.eval()
        with torch.no_grad():
            guess = torch.cat([model(b).argmax(1) for b in DataLoader(test, batch_size=32)])
        print(f"weights of all processes are the same: {same}")
        print(f"test accuracy {(guess == test.y).float().mean():.1%} on {len(test)} clips")
        plot_curves(curves).savefig(options.output / "curves.png")
        print(f"picture: {options.output / 'curves.png'}", flush=True)
    distributed.destroy_process_group()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2, help="without a launcher")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=200, help="clips of all splits together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/13_two_processes"))
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    if "RANK" in os.environ:
        train(options)
    else:
        launch(sys.argv[1:] if argv is None else argv, options.processes)


if __name__ == "__main__":
    main()
