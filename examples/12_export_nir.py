"""A trained spiking network leaves Python: NIR, read back in Norse with the same spikes.

    python examples/12_export_nir.py
    python examples/12_export_nir.py --dt 1e-4

NIR is the exchange format of neuromorphic tools. Time in it is the spiking steps; a whole clip is
the signal of one step.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from tqdm import tqdm

import sgnkit
from sgnkit import Recognizer
from sgnkit.datasets import SyntheticActions
from sgnkit.export import describe, nir_limits, read_nir, run_in_norse, write_nir
from sgnkit.transforms.recipe import transforms_from_recipe
from sgnkit.viz import plot_raster

RECIPE = [{"Center": {}}, {"UniformSample": {"num_frames": 16}}]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=240, help="clips of all splits together")
    parser.add_argument("--dt", type=float, default=1e-3, help="seconds a spiking step takes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/12_export_nir"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    # 1. A network that NIR can express: no attention, no maximum, hard reset.
    data = SyntheticActions(options.clips, num_classes=4, split="train", seed=options.seed)
    prepare = transforms_from_recipe(RECIPE)
    clips = [prepare(clip) for clip in data]
    model = sgnkit.create_model(
        "base_sgn_small",
        layout="ntu25",
        num_classes=4,
        hidden_channels=(16, 16),
        strides=(1, 2),
        num_steps=2,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in (bar := tqdm(range(options.epochs), desc="epochs")):
        for batch in DataLoader(clips, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()
    print(
        f"parts that NIR cannot express: {len(nir_limits(model))} of this network, e.g. of MK-SGN:"
    )
    rival = sgnkit.create_model("mk_sgn_small", layout="ntu25", num_classes=4)
    print(f"  {nir_limits(rival)[0].name}: {nir_limits(rival)[0].reason}")

    # 2. Write the file. It knows classes, layout and preprocessing, too.
    path = options.output / "network.nir"
    write_nir(model, path, describe(model, data.class_names, RECIPE), dt=options.dt)
    _, graph = read_nir(path)
    kinds = Counter(type(node).__name__ for node in graph.nodes.values())
    print(f"{path}: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")

    # 3. Norse runs the graph, step by step, without the code of sgnkit's layers.
    test = SyntheticActions(100, num_classes=4, split="test", seed=options.seed)
    batch = Batch.from_data_list([prepare(clip) for clip in test])
    with torch.no_grad():
        here = model(batch)
        frames = batch.x.view(len(test), 25, 16, 3).permute(0, 3, 2, 1)  # [clips, C, T, V]
        there = run_in_norse(graph, dt=options.dt)(frames, model.num_steps).mean(0).flatten(1)
    print(f"logits differ by at most {(here - there).abs().max():.1e} on {len(test)} clips")
    print(f"test accuracy {(here.argmax(1) == batch.y).float().mean():.1%} in sgnkit")
    print(f"test accuracy {(there.argmax(1) == batch.y).float().mean():.1%} in Norse")

    # 4. Or by one door that knows every format: keypoints in, names out.
    answer = Recognizer.load(path)(test[0].to_array("TVC"))
    print({name: round(share, 3) for name, share in answer.items()})
    with sgnkit.record(model) as seen, torch.no_grad():
        model(batch)
    spikes = seen.spikes["blocks.1.temporal.neuron"][:, :, 0]  # of the first joint [S, T, C]
    picture = options.output / "raster.png"
    plot_raster(spikes.transpose(0, 1).flatten(0, 1)).savefig(picture)
    print(f"picture: {picture}, the spikes of the last block for one joint of one clip")


if __name__ == "__main__":
    main()
