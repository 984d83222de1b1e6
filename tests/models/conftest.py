"""Batches and settled networks that the tests of models share."""

import pytest
import torch
from torch_geometric.data import Batch

import sgnkit


def make_batch(layout="kinect20", persons=(1, 2), frames=9):
    """A batch of random walks with so many persons in each clip."""
    joints = sgnkit.get_layout(layout).num_joints
    generator = torch.Generator().manual_seed(0)
    return Batch.from_data_list(
        [
            sgnkit.SkeletonData.from_array(
                torch.randn(m, frames, joints, 3, generator=generator).cumsum(1).numpy(),
                layout,
                axes="MTVC",
                y=i,
            )
            for i, m in enumerate(persons)
        ]
    )


def settled(name, batch, **options):
    """A network in evaluation mode whose batch norms have seen the batch."""
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout=batch.layout[0], num_classes=4, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    with torch.no_grad():
        model(batch)
    return model.eval()


@pytest.fixture(name="make_batch")
def _make_batch():
    return make_batch


@pytest.fixture(name="settled")
def _settled():
    return settled
