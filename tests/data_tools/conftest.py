import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sgnkit.data import SkeletonData
from sgnkit.datasets import write_pose_folder


@pytest.fixture
def clip():
    """Makes a clip; the same seed makes the same coordinates."""

    def make(seed, name=None, label=None, num_frames=4, persons=1, layout="sbu15", **facts):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(persons, num_frames, 15, 3)).astype("float32")
        name = f"clip{seed}" if name is None else name
        label = seed % 3 if label is None else label
        return SkeletonData.from_array(x, layout, "MTVC", y=label, name=name, **facts)

    return make


@pytest.fixture
def folder(tmp_path, clip):
    """Writes a folder of clips of one's own."""

    def write(clips=None, kind="npz", name="mine", class_names=("a", "b", "c")):
        clips = [clip(k, subject=1 + k % 2) for k in range(6)] if clips is None else clips
        write_pose_folder(clips, tmp_path / name, kind, class_names)
        return tmp_path / name

    return write


@pytest.fixture
def write_recording():
    """Writes a `.skeleton` file, as in the tests of the readers."""
    place = Path(__file__).resolve().parents[1] / "datasets" / "conftest.py"
    spec = importlib.util.spec_from_file_location("recordings", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def write(path):
        rng = np.random.default_rng(sum(map(ord, path.stem)))
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = [{"72057594037931101": rng.normal(size=(25, 3))} for _ in range(4)]
        path.write_text(module.recording(frames))
        return path

    return write
