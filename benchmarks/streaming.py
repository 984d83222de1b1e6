"""Latency of a stream: milliseconds for one frame, preprocessing included, on one core.

Strides leave out frames behind them, so the blocks after two strides of 2 run in every fourth frame
only: the mean over four frames tells what keeps up with a camera, the slowest of the four how late
an answer can be.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch

import sgnkit
from benchmarks.harness import Options, Results, use_threads
from sgnkit.export import TensorModel, describe
from sgnkit.stream import Stream, StreamState

__all__ = ["latency", "run"]

NETWORKS = ("base_sgn_small", "base_sgn", "mk_sgn_small", "mk_sgn")
SHAPES = (("kinect20", 1, 10), ("ntu25", 2, 60))
PERIOD = 4  # frames after which the strides are where they were
RECIPE = [{"Center": {"causal": True}}]


def run(options: Options) -> Results:
    """Measures all networks."""
    results = Results("streaming", __doc__, options)
    with use_threads(1):
        for layout, persons, classes in SHAPES if options.full else SHAPES[:1]:
            for name in NETWORKS:
                stream, frames = _stream(name, layout, persons, classes)
                each, state = latency(stream, frames, options)
                results.note(
                    {"network": name, "layout": layout, "persons": persons},
                    **{
                        "mean, ms": sum(each) / PERIOD,
                        "slowest of four, ms": max(each),
                        "clip of 64 frames / 64, ms": _offline(stream, frames, options) / 64,
                        "state, MB": _size(state) / 1e6,
                    },
                )
    return results


def latency(
    stream: Stream, frames: np.ndarray, options: Options
) -> tuple[list[float], StreamState]:
    """Returns the median milliseconds of each of four frames in turn, and the last state."""
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    times: list[list[float]] = [[] for _ in range(PERIOD)]
    state, began = None, time.perf_counter()
    for t, frame in enumerate(frames):
        start = clock()
        _, state = stream(frame, state)
        if t >= 2 * PERIOD:  # the first ones warm up
            times[t % PERIOD].append(1e3 * (clock() - start))
        if t >= 8 * PERIOD and time.perf_counter() - began > 4 * options.seconds:
            break
    assert state is not None
    return [median(each) for each in times], state


def _stream(name: str, layout: str, persons: int, classes: int) -> tuple[Stream, np.ndarray]:
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout=layout, num_classes=classes, causal=True)
    joints = model.layout.num_joints
    walk = np.random.default_rng(0).normal(size=(160, persons, joints, 3)).cumsum(0) * 0.1
    walk = (walk + np.random.default_rng(1).normal(size=walk.shape[1:])).astype("float32")
    network = TensorModel(model)
    for part in model.modules():  # lets batch norms see frames, so that neurons fire as trained
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = 1.0
    clip = torch.from_numpy(walk[:32] - walk[:1, :1, :1]).transpose(0, 1).unsqueeze(0)
    network.train()(clip, torch.ones(1, persons, dtype=torch.bool))
    names = [f"class {k}" for k in range(classes)]
    recognizer = sgnkit.Recognizer(network.eval(), describe(model, names, RECIPE))
    return recognizer.stream(persons), walk


def _offline(stream: Stream, frames: np.ndarray, options: Options) -> float:
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    clip, times = frames[:64].swapaxes(0, 1), []
    for _ in range(4):
        start = clock()
        stream.recognizer(clip)
        times.append(1e3 * (clock() - start))
    return median(times[1:])


def _size(state: object) -> int:
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    parts = state.values() if isinstance(state, dict) else state
    return sum(map(_size, parts)) if isinstance(parts, (tuple, list, type({}.values()))) else 0
