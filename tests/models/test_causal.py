"""Causal networks: the logits of every prefix of a clip, one frame at a time."""

import pytest
import torch

import sgnkit
from sgnkit.export import nir_limits
from sgnkit.nn import SkeletonGraph, step_frame

T = 9
OPTIONS = {
    "base_sgn_small": {},
    "mk_sgn_small": {},
    "mk_sgn_small, spike-driven": {"spike_driven": True},
    "mk_sgn_small, branches": {
        "branches": "multi_scale",
        "residual": "membrane",
        "encoder_kernel": "graph",
        "attention_options": {"pool_frames": True, "attention_neuron": True},
    },
}


@pytest.fixture(params=OPTIONS)
def network(request, make_batch):
    torch.manual_seed(0)
    name = request.param.partition(",")[0]
    options = {"hidden_channels": (8, 16, 16), "strides": (1, 2, 2), **OPTIONS[request.param]}
    model = sgnkit.create_model(name, layout="kinect20", num_classes=4, causal=True, **options)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = 1.0
    batch = make_batch(frames=T)
    model(batch)
    return model.eval(), batch


def prefix(batch, frames):
    batch = batch.clone()
    batch.x, batch.mask = batch.x[:, :frames], batch.mask[:, :frames]
    return batch


def test_every_prefix(network):
    model, batch = network
    graph, state = SkeletonGraph.from_data(batch), None
    seen = set()
    with torch.no_grad():
        for t in range(T):
            logits, state = step_frame(model, batch.x[:, t : t + 1], graph, state=state)
            torch.testing.assert_close(logits, model(prefix(batch, t + 1)))
            seen.add(round(float(logits[0, 0]), 6))
    assert len(seen) > 1  # the frames do matter


def test_frames_on_another_device(network, elsewhere):
    model, batch = network
    with torch.no_grad():
        expected = model(batch)
        with elsewhere:
            clips, state = batch.clone().to(elsewhere.name), None
            graph = SkeletonGraph.from_data(clips)
            model.to(elsewhere.name)
            elsewhere.waits.clear()
            for t in range(T):
                logits, state = step_frame(model, clips.x[:, t : t + 1], graph, state=state)
    assert elsewhere.waits == []
    assert logits.device.type == elsewhere.name
    torch.testing.assert_close(logits.cpu(), expected)


def test_the_network_is_another_one_with_the_same_parameters(network):
    model, batch = network
    options = {**model.options, "causal": False}
    name = type(model)
    twin = name("kinect20", 4, **options)
    twin.load_state_dict(model.state_dict())
    assert not torch.allclose(twin.eval()(batch), model(batch))
    with pytest.raises(ValueError, match="causal=True"):
        step_frame(twin, batch.x[:, :1], SkeletonGraph.from_data(batch))
    assert {limit.name.split(".")[0] for limit in nir_limits(model)} == {"encoders", "blocks"}
