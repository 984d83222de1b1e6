"""Causal layers see no later frame, and frame by frame they give what they give for a clip."""

import copy

import pytest
import torch

from sgnkit.nn import (
    LIF,
    SASGC,
    STC,
    Readout,
    SkeletonGraph,
    SpikingBlock,
    SpikingConv,
    SpikingEncoder,
    SpikingGraphConv,
    SpikingSelfAttention,
    step_frame,
)

S, T, C = 3, 9, 8
NEURON = LIF(v_th=0.3)
# name -> (layer, whether its input is real)
LAYERS = {
    "stc": (lambda: STC(C, 8, causal=True, neuron=NEURON), False),
    "stc of one frame": (lambda: STC(C, 8, 1, 2, causal=True, neuron=NEURON), False),
    "stc, every third": (lambda: STC(C, 8, 5, 3, causal=True, neuron=NEURON), False),
    "stc, branches": (
        lambda: STC(C, 8, stride=2, branches="multi_scale", causal=True, neuron=NEURON),
        False,
    ),
    "encoder": (lambda: SpikingEncoder(C, 8, S, causal=True, neuron=NEURON), True),
    "encoder, graph": (
        lambda: SpikingEncoder(C, 8, S, kernel="graph", causal=True, neuron=NEURON),
        True,
    ),
    "graph convolution": (lambda: SpikingGraphConv(C, 8, "kinect20", neuron=NEURON), False),
    "attention": (lambda: SpikingSelfAttention(C, 2, neuron=NEURON, v_th=0.1), False),
    "attention, pooled": (
        lambda: SpikingSelfAttention(C, 2, pool_frames=True, causal=True, neuron=NEURON, v_th=0.1),
        False,
    ),
    "attention, pooled and sparse": (
        lambda: SpikingSelfAttention(
            C, 2, pool_frames=True, causal=True, path="sparse", neuron=NEURON, v_th=0.1
        ),
        False,
    ),
    "block": (
        lambda: SpikingBlock(
            SASGC(C, 16, "kinect20", pool_frames=True, causal=True, neuron=NEURON),
            STC(16, 16, stride=2, causal=True, neuron=NEURON),
            C,
            neuron=NEURON,
        ),
        False,
    ),
    "block, membrane": (
        lambda: SpikingBlock(
            SpikingGraphConv(C, 16, "kinect20", residual="membrane", neuron=NEURON),
            STC(16, 16, causal=True, neuron=NEURON),
            C,
            residual="membrane",
            neuron=NEURON,
        ),
        False,
    ),
}


@pytest.fixture(params=LAYERS)
def case(request, make_batch):
    torch.manual_seed(0)
    build, real = LAYERS[request.param]
    layer, graph = build(), SkeletonGraph.from_data(make_batch(frames=T))
    shape = (T, 80, C) if real else (S, T, 80, C)
    x = torch.randn(shape) if real else (torch.rand(shape) < 0.4).float()
    args = () if isinstance(layer, STC) else (graph,)
    for part in layer.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = 1.0
    layer(x, *args)
    return layer.eval(), x, args


def run(layer, x, args, state=None):
    axis, out = x.dim() - 3, []
    for frame in x.split(1, dim=axis):
        z, state = step_frame(layer, frame, *args, state=state)
        if z is not None:
            out.append(z)
    return torch.cat(out, dim=1), state


def test_frames_one_by_one_equal_the_clip(case):
    layer, x, args = case
    expected = layer(x, *args)
    assert expected.any()
    torch.testing.assert_close(run(layer, x, args)[0], expected)


def test_no_frame_sees_a_later_one(case):
    layer, x, args = case
    axis, stride = x.dim() - 3, getattr(getattr(layer, "temporal", layer), "stride", 1)
    changed = x.clone()
    changed.narrow(axis, 5, T - 5).zero_()
    kept = -(-5 // stride)  # frames of the output that come from the first five
    before, after = layer(x, *args), layer(changed, *args)
    torch.testing.assert_close(before[:, :kept], after[:, :kept])
    if not isinstance(layer, SpikingSelfAttention):
        assert not torch.equal(before, after)


@torch.no_grad()
def test_a_state_is_never_changed(case):
    layer, x, args = case
    axis = x.dim() - 3
    _, state = run(layer, x.narrow(axis, 0, 4), args)
    kept = copy.deepcopy(state)
    first, _ = run(layer, x.narrow(axis, 4, 5), args, state)
    again, _ = run(layer, x.narrow(axis, 4, 5), args, kept)
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_parameters_are_those_of_the_other_layer():
    causal = STC(C, 8, branches="multi_scale", causal=True)
    STC(C, 8, branches="multi_scale").load_state_dict(causal.state_dict())
    assert "causal=True" in str(causal)


@pytest.mark.parametrize("options", [{}, {"per_step": True}, {"persons": "each"}, {"fold": True}])
def test_the_read_out_runs_along(make_batch, options):
    torch.manual_seed(0)
    graph = SkeletonGraph.from_data(make_batch(frames=T))
    layer, state = Readout(C, 5, **options).eval(), None
    x = (torch.rand(S, T, 80, C) < 0.4).float()
    seen = x[:, ::2]  # as behind a stride of 2
    for t in range(T):
        frame = None if t % 2 else x[:, t : t + 1]
        logits, state = step_frame(layer, frame, graph, state=state)
        torch.testing.assert_close(logits, layer(seen[:, : t // 2 + 1], graph))
    with pytest.raises(ValueError, match="no frame"):
        step_frame(layer, None, graph)


def test_layers_of_pyg_see_each_frame_on_its_own(make_batch):
    from torch_geometric.nn import GraphConv

    graph = SkeletonGraph.from_data(make_batch(frames=T))
    layer = SpikingConv(GraphConv(C, 8), neuron=NEURON).eval()
    x = (torch.rand(S, T, 80, C) < 0.4).float()
    torch.testing.assert_close(run(layer, x, (graph,))[0], layer(x, graph))


def test_mistakes(graph):
    x = torch.ones(S, 1, 80, C)
    with pytest.raises(ValueError, match="training mode"):
        step_frame(STC(C, 8, causal=True), x)
    for layer, args in (
        (STC(C, 8), (x,)),
        (SpikingEncoder(C, 8, S), (x[0], graph)),
        (SpikingSelfAttention(C, 2, pool_frames=True), (x, graph)),
    ):
        with pytest.raises(ValueError, match="causal=True"):
            step_frame(layer.eval(), *args)
    with pytest.raises(ValueError, match="holds '0', a STC"):
        step_frame(torch.nn.Sequential(STC(C, 8, causal=True)).eval(), x)
