"""NTU RGB+D from its raw files: check them, read them, train on them.

    python examples/11_ntu_from_raw.py
    python examples/11_ntu_from_raw.py --root data/ntu --benchmark xview     # the real ones

NTU RGB+D needs a licence and is never downloaded. Without --root, made-up recordings are written
in its format, `.skeleton` files under its names, and one of them is damaged, as downloads are.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader
from tqdm import tqdm

import sgnkit
from sgnkit.data_tools import check
from sgnkit.datasets import NTURGBD, SyntheticActions
from sgnkit.datasets.formats import FORMATS, SetInfo
from sgnkit.errors import DataError
from sgnkit.transforms import Center, Compose, UniformSample
from sgnkit.viz import animate_skeleton


def write_recordings(folder: Path, num_clips: int, seed: int) -> None:
    """Writes `.skeleton` files such as S001C001P001R001A001.skeleton, and damages one."""
    clips = list(SyntheticActions(num_clips, "ntu25", num_classes=4, seed=seed))
    for clip in clips:
        clip.setup = torch.tensor(1)
    FORMATS["ntu"].write(clips, folder, SetInfo())
    damaged = min(folder.glob("*.skeleton"))
    lines = damaged.read_text().splitlines()
    damaged.write_text("\n".join(lines[: len(lines) // 2]))  # the download broke off


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder with .skeleton files or their archives")
    parser.add_argument("--benchmark", default="xsub", choices=["xsub", "xview"])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=160, help="recordings to make up")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/examples/11_ntu_from_raw"))
    options = parser.parse_args(argv)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=UserWarning)  # what they say is printed below
    with tempfile.TemporaryDirectory() as stored:
        root = options.root or Path(stored) / "raw"
        if options.root is None:
            write_recordings(root, options.clips, options.seed)
        names = sorted(path.name for path in root.rglob("*.skeleton"))
        print(f"{len(names)} files such as {names[0] if names else root}")

        # 1. What is there, and is it whole? `sgnkit data check ROOT` prints the same.
        print(check(root, num_classes=60, quiet=True))

        # 2. Read it. A damaged file is an error with its place and remedy ...
        prepare = Compose([Center(), UniformSample(16)])
        common = {"benchmark": options.benchmark, "transform": prepare, "processed_root": stored}
        try:
            train = NTURGBD(root, 60, split="trainval", **common)
        except DataError as error:
            print(f"\n{error}\n")
            # ... or is left out, with a warning, and listed in `skipped`.
            train = NTURGBD(root, 60, split="trainval", on_error="skip", **common)
        test = NTURGBD(root, 60, split="test", on_error="skip", **common)
        print(f"{len(train)} clips to train, {len(test)} to test, {len(train.skipped)} left out")

        # 3. Train. The network has the 60 classes of the set, of which four occur here.
        model = sgnkit.create_model(
            "base_sgn_small",
            layout=train.layout,
            num_classes=60,
            hidden_channels=(32, 32),
            strides=(1, 2),
            num_steps=2,
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in (bar := tqdm(range(options.epochs), desc="epochs")):
            for batch in DataLoader(train, batch_size=16, shuffle=True):
                loss = cross_entropy(model(batch), batch.y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            bar.set_postfix(loss=f"{loss.item():.3f}")
        model.eval()
        with torch.no_grad():
            guess = torch.cat([model(b).argmax(1) for b in DataLoader(test, batch_size=32)])
        labels = torch.tensor([int(clip.y) for clip in test])
        print(f"test accuracy {(guess == labels).float().mean():.1%} on {len(test)} clips")
        path = options.output / "clip.gif"
        animate_skeleton(test[0], path=path, title=test[0].name)
    print(f"picture: {path}. The guide docs/guides/ntu.md has the whole recipe.")


if __name__ == "__main__":
    main()
