"""Compares exported networks with torch: the same logits and classes, and the time of a clip.

    python -m benchmarks.exports --ckpt runs/.../weights.pt --root data/nw_ucla

Without --root, made-up clips of the layout of the weights stand in. One thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from sgnkit import Recognizer, cli
from sgnkit.datasets import NWUCLA, SyntheticActions


def tensors(recognizer: Recognizer, clips: Sequence) -> list[tuple[Tensor, Tensor]]:
    """Returns x [1, M, T, V, C] and present [1, M] of each clip."""
    found = []
    for clip in map(recognizer.prepare, clips):
        joints = recognizer.layout.num_joints
        x = clip.x.view(1, -1, joints, *clip.x.shape[1:]).transpose(2, 3).contiguous()
        found.append((x, torch.ones(x.shape[:2], dtype=torch.bool)))
    return found


def timed(network: Callable[..., Tensor], inputs: list) -> tuple[Tensor, float]:
    """Returns the logits of all clips, and the median of the milliseconds of one."""
    logits, times = [], []
    with torch.no_grad():
        network(*inputs[0])
        for x, present in inputs:
            start = time.perf_counter()
            logits.append(network(x, present))
            times.append(1000 * (time.perf_counter() - start))
    return torch.cat(logits), median(times)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--root", type=Path, help="folder of NW-UCLA")
    parser.add_argument("--processed_root", type=Path, help="where stored clips go, if not there")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--formats", nargs="+", default=["onnx", "pt2", "nir"])
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    reference = Recognizer.load(options.ckpt)
    clips = (
        NWUCLA(options.root, "test", processed_root=options.processed_root)
        if options.root
        else SyntheticActions(options.clips, reference.layout, seed=1)
    )
    step = max(1, len(clips) // options.clips)
    inputs = tensors(reference, [clips[i] for i in range(0, len(clips), step)][: options.clips])
    expected, base = timed(reference.network, inputs)
    print(f"{options.ckpt}: {len(inputs)} clips, one at a time, {torch.get_num_threads()} thread")
    print(f"{'torch':<8} {base:7.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.formats:
            out = Path(folder, f"network.{kind}")
            command = ["export", "--format", kind, "--ckpt", str(options.ckpt), "--out", str(out)]
            if cli.main(command):
                continue
            found, milliseconds = timed(Recognizer.load(out).network, inputs)
            same = int((found.argmax(1) == expected.argmax(1)).sum())
            error = (found - expected).abs().max().item()
            print(
                f"{kind:<8} {milliseconds:7.1f} ms, {same} of {len(inputs)} classes the same, "
                f"largest difference of logits {error:.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
