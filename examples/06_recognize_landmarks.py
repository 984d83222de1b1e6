"""From trained weights to class names: MediaPipe-like landmarks into a Recognizer.

A camera and MediaPipe are not needed: made-up people stand in, in the form in which the pose
landmarker returns them. A network is trained, saved with its preprocessing, and loaded from the
file alone.

    python examples/06_recognize_landmarks.py
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader
from tqdm import tqdm

from sgnkit import Recognizer, SkeletonData
from sgnkit.datasets import SyntheticActions
from sgnkit.errors import DataError
from sgnkit.training import build_model, describe_model, save_weights
from sgnkit.transforms.recipe import transforms_from_recipe
from sgnkit.viz import animate_skeleton

RECIPE = [{"Center": {"joint": ["left_hip", "right_hip"]}}, {"UniformSample": {"num_frames": 16}}]
OPTIONS = {"hidden_channels": [32, 32], "strides": [1, 2], "num_steps": 2}


def landmarker(clip: SkeletonData) -> list[SimpleNamespace]:
    """Returns what MediaPipe's PoseLandmarker returns for each frame of a video."""
    return [
        SimpleNamespace(
            pose_world_landmarks=[
                [SimpleNamespace(x=x, y=y, z=z, visibility=0.9) for x, y, z in frame.tolist()]
            ]
        )
        for frame in clip.to_array("TVC")
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training clips")
    parser.add_argument("--clips", type=int, default=120, help="clips to train on")
    parser.add_argument("--output", type=Path, default=Path("runs/examples/06_recognize_landmarks"))
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    options.output.mkdir(parents=True, exist_ok=True)

    # 1. Train, and save the weights with the preprocessing. `sgnkit train` does both by itself.
    train = SyntheticActions(options.clips, "mediapipe33", num_classes=4, seed=0)
    prepare = transforms_from_recipe(RECIPE)
    clips = [prepare(clip) for clip in train]
    names = list(train.class_names)
    model = build_model("base_sgn_small", train.layout, len(names), OPTIONS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in tqdm(range(options.epochs), desc="epochs"):
        for batch in DataLoader(clips, batch_size=16, shuffle=True):
            loss = cross_entropy(model(batch), batch.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weights = options.output / "weights.pt"
    description = describe_model(model, "base_sgn_small", OPTIONS, names)
    save_weights(weights, model, description, config={"test_transforms": RECIPE})

    # 2. Load the file, nothing else, and give it what the landmarker returned.
    recognizer = Recognizer.load(weights, frame_rate=30)
    print(recognizer)
    test = SyntheticActions(40, "mediapipe33", num_classes=4, seed=1)
    scores = recognizer(landmarker(test[0]), frame_rate=30)
    print({name: round(share, 3) for name, share in scores.items()})

    # 3. Many clips at once, and a clip that does not fit.
    answers = recognizer.batch([landmarker(clip) for clip in test])
    right = sum(max(a, key=a.get) == names[int(c.y)] for a, c in zip(answers, test, strict=True))
    print(f"test accuracy {right / len(test):.1%} on {len(test)} clips")
    try:
        recognizer(landmarker(test[0]), frame_rate=120)
    except DataError as error:
        print(error)
    path = options.output / "clip.gif"
    animate_skeleton(test[0], path=path, title=next(iter(scores)))
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
