import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch_geometric.data import Data

from sgnkit.viz import animate_skeleton


def clip(num_frames=6, channels=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, num_frames, channels, generator=generator)
    return Data(x=x, parent_index=torch.tensor([0, 0, 1, 2]))


def orange(path, frame):
    """Number of pixels, above the key, that have the colour of the most spikes."""
    with Image.open(path) as image:
        image.seek(frame)
        pixels = np.asarray(image.convert("RGB")).astype(int)[: -image.height // 8]
    return int((np.abs(pixels - (0xD5, 0x5E, 0x00)).max(axis=2) < 4).sum())


def test_joints_light_up_as_they_spike(tmp_path):
    spikes = torch.zeros(6, 4)
    spikes[3, 2] = 5.0
    path = animate_skeleton(clip(), spikes, tmp_path / "new folder" / "clip.gif", fps=10)
    with Image.open(path) as image:
        assert (image.n_frames, image.info["duration"], image.size) == (6, 100, (320, 320))
    lit = [orange(path, frame) for frame in range(6)]
    assert lit[3] > 20 and sum(lit) == lit[3]


def test_fewer_spike_frames_are_repeated(tmp_path):
    spikes = torch.tensor([[0.0] * 4, [1.0] * 4])
    path = animate_skeleton(clip(), spikes, tmp_path / "clip.gif")
    assert [orange(path, frame) > 0 for frame in range(6)] == [False] * 3 + [True] * 3


def test_unobserved_joints_and_several_persons(tmp_path):
    data = clip(channels=2)
    data.mask = torch.ones(4, 6, dtype=torch.bool)
    data.mask[1:, 2] = False
    data.x[0, 4] = torch.nan
    data.person = torch.tensor([0, 0, 1, 1])
    path = animate_skeleton(data, torch.ones(6, 4), tmp_path / "clip.gif", up="-y")
    assert 0 < orange(path, 2) < orange(path, 3)


def test_one_still_frame(tmp_path):
    data = Data(x=torch.zeros(1, 1, 3), parent_index=torch.tensor([0]))
    assert animate_skeleton(data, path=tmp_path / "clip.gif").is_file()


def test_52_frames_are_quick_and_small(tmp_path):
    x = torch.rand(50, 52, 3, generator=torch.Generator().manual_seed(0))
    data = Data(x=x, parent_index=torch.arange(-1, 49).clamp(min=0))
    start = time.perf_counter()
    path = animate_skeleton(data, torch.rand(52, 50), tmp_path / "clip.gif", azimuth=30.0)
    assert time.perf_counter() - start < 10
    assert path.stat().st_size < 2e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spikes": torch.zeros(6, 5)}, r"N = 4 nodes, got shape \(6, 5\)"),
        ({"spikes": torch.zeros(7, 4)}, r"T up to 6 frames .* got shape \(7, 4\)"),
        ({"path": "clip.png"}, r"must end in one of .gif, .mp4, .html, got 'clip.png'"),
        ({"fps": 0}, "fps must be above 0 and up to 50, got 0"),
        ({"up": "w"}, r"up must be one of \['x', 'y', 'z'\].*got 'w'"),
    ],
)
def test_errors(change, message):
    with pytest.raises(ValueError, match=message):
        animate_skeleton(clip(), **change)


def test_errors_of_the_clip(tmp_path):
    data = clip()
    data.x = data.x[0]
    with pytest.raises(ValueError, match=r"data.x \[N, T, C\].*got shape \(6, 3\)"):
        animate_skeleton(data, path=tmp_path / "clip.gif")
    data = clip()
    data.mask = torch.zeros(4, 6, dtype=torch.bool)
    with pytest.raises(ValueError, match="no joint of the clip was observed"):
        animate_skeleton(data, path=tmp_path / "clip.gif")
