"""The rival network is the same network: same weights, same outputs, same gradients."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks.network import SPIKINGJELLY, clips
from benchmarks.rivals import MultiStepNode, Network, dense_clips, spikingjelly_node
from sgnkit import create_model


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("node", [MultiStepNode, spikingjelly_node])
@pytest.mark.parametrize(("layout", "persons"), [("kinect20", 1), ("ntu25", 2)])
def test_rival(node, layout, persons, recompute):
    if node is spikingjelly_node:
        pytest.importorskip(SPIKINGJELLY[0], exc_type=ImportError)
    torch.manual_seed(0)
    widths = {"hidden_channels": (16, 24, 24), "strides": (1, 2, 1)}
    model = create_model("mk_sgn_small", layout=layout, num_classes=5, **widths)
    for name, value in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    model.double()
    batch = clips(layout, persons, frames=9, number=3)
    batch.x = batch.x.double()
    rival = Network(model, node, recompute).double()
    x = dense_clips(batch, model.layout.num_joints, persons)
    assert sum(p.numel() for p in rival.parameters()) == sum(p.numel() for p in model.parameters())

    y = torch.tensor([0, 3, 4])
    mine, theirs = model(batch), rival(x)
    torch.testing.assert_close(theirs, mine)
    F.cross_entropy(mine, y).backward()
    F.cross_entropy(theirs, y).backward()
    block, other = model.blocks[1], rival.blocks[1]
    for mine, theirs in (
        (model.encoders[2].norm.weight, rival.encoders[2].norm.weight),
        (model.fusion.lin.weight, rival.fusion.mix.conv.weight),
        (block.spatial.conv.adjacency.weight, other.spatial.adjacency),
        (block.temporal.convs[0].weight, other.temporal.conv.weight),
        (block.shortcut.lin.weight, other.down.conv.weight),
    ):
        assert mine.grad.abs().max() > 0
        torch.testing.assert_close(theirs.grad.view_as(mine), mine.grad)
    key = block.spatial.attention.lin_qkv.weight.grad.chunk(3)[1]
    torch.testing.assert_close(other.attention.key.conv.weight.grad.view_as(key), key)

    if recompute:
        return  # batch norms have seen the batch twice
    # in evaluation, with statistics and fusion weights that moved in the same way
    rival.reset()
    with torch.no_grad():
        mine, theirs = model.eval()(batch), rival.eval()(x)
    torch.testing.assert_close(theirs, mine)
    assert mine.std(0).max() > 0, "the clips must not all give the same logits"
