"""MK-SGN, with attention and fusion, through the formats that hold every network."""

import pytest
import torch

from sgnkit import Recognizer
from sgnkit.cli import main
from sgnkit.export import load_network


@pytest.mark.slow
@pytest.mark.timeout(900)  # torch takes its time to capture a network
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("options", [{}, {"spike_driven": True}], ids=["default", "spike-driven"])
def test_100_clips_in_any_batch(write_weights, tmp_path, kind, options):
    source, target = tmp_path / "net.pt", tmp_path / f"net.{kind}"
    write_weights(source, "mk_sgn_small", heads=2, **options)
    assert main(["export", "--format", kind, "--ckpt", str(source), "--out", str(target)]) == 0
    x = torch.randn(100, 1, 6, 20, 3, generator=torch.Generator().manual_seed(0))
    present = torch.ones(100, 1, dtype=torch.bool)
    _, network = load_network(target)
    _, torch_network = load_network(source)
    parts = zip(x.split([1, 39, 60]), present.split([1, 39, 60]), strict=True)
    found = torch.cat([network(*part) for part in parts])
    expected = torch_network(x, present)
    assert expected.std(0).min() > 1e-3  # the clips are told apart
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.argmax(1), expected.argmax(1))
    keypoints = torch.randn(9, 20, 3).numpy()
    one, two = Recognizer.load(target)(keypoints), Recognizer.load(source)(keypoints)
    assert one == pytest.approx(two, abs=1e-4)
