"""Batches that the tests of layers share."""

import pytest
import torch
from torch_geometric.data import Batch

import sgnkit
from sgnkit.nn import SkeletonGraph


def make_batch(persons=(1, 2, 1), frames=6, layout="kinect20", seed=0):
    """A batch of random walks with so many persons in each clip."""
    generator = torch.Generator().manual_seed(seed)
    joints = sgnkit.get_layout(layout).num_joints
    clips = []
    for i, count in enumerate(persons):
        x = torch.randn(count, frames, joints, 3, generator=generator).cumsum(1) * 0.5
        clip = sgnkit.SkeletonData.from_array(x.numpy(), layout, axes="MTVC", y=i % 4)
        clips.append(clip)
    return Batch.from_data_list(clips)


@pytest.fixture(name="make_batch")
def _make_batch():
    return make_batch


@pytest.fixture
def batch():
    return make_batch()


@pytest.fixture
def graph(batch):
    return SkeletonGraph.from_data(batch)
