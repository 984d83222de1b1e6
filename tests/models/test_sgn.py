"""The spiking networks. What holds for all networks is in `test_all_models.py`."""

import copy

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn import GraphConv

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.nn import LIF, SpikingConv, step

NAMES = sgnkit.list_models("*sgn*")


@pytest.mark.parametrize("name", NAMES)
def test_fires_at_the_start(name):
    data = SyntheticActions(8, layout="kinect20", seed=0)
    batch = Batch.from_data_list([cut(clip) for clip in data])
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout="kinect20", num_classes=10)
    rates = {}
    for key, module in model.named_modules():
        if isinstance(module, LIF):
            module.register_forward_hook(
                lambda _, __, out, key=key: rates.update({key: float((out > 0).float().mean())})
            )
    model(batch)
    assert {k: r for k, r in rates.items() if not 0.01 < r < 0.5} == {}
    assert len(rates) == sum(isinstance(m, LIF) for m in model.modules())


def cut(clip, frames=32):
    from sgnkit.transforms import Center, MinMaxNormalize, UniformSample

    return UniformSample(frames)(MinMaxNormalize()(Center()(clip)))


def test_forward_equals_a_scan_of_steps(make_batch, settled):
    batch = make_batch()
    model = settled("mk_sgn_small", batch, per_step=True)
    state, rows = None, []
    for _ in range(model.num_steps):
        row, state = step(model, batch, state=state)
        rows.append(row)
    torch.testing.assert_close(torch.cat(rows), model(batch))


def test_forward_features(make_batch, settled):
    batch = make_batch(frames=9)
    model = settled("mk_sgn_small", batch)
    features = model.forward_features(batch)
    shapes = {key: tuple(value.shape) for key, value in features.items()}
    assert shapes == {
        "modalities": (4, 60, 9, 3),
        "encoded": (4, 4, 9, 60, 32),
        "mutual_information": (2, 4, 4),
        "fused": (4, 9, 60, 32),
        "blocks.0": (4, 9, 60, 32),
        "blocks.1": (4, 9, 60, 32),
        "blocks.2": (4, 5, 60, 64),
        "blocks.3": (4, 5, 60, 64),
        "blocks.4": (4, 3, 60, 128),
        "blocks.5": (4, 3, 60, 128),
        "readout": (2, 128),
        "logits": (2, 4),
    }
    assert torch.equal(features["logits"], model(batch))
    torch.testing.assert_close(features["modalities"][0], batch.x)


def test_training_and_evaluation_agree_with_two_calls_in_any_order(make_batch, settled):
    small, large = make_batch(persons=(1,)), make_batch(persons=(2, 2, 1), frames=12)
    model = settled("mk_sgn_small", large)
    first = model(small)
    model(large)
    assert torch.equal(model(small), first)  # nothing to reset


@pytest.mark.parametrize("residual", ["membrane", "or"])
def test_residuals_that_keep_everything_binary(make_batch, settled, residual):
    batch = make_batch()
    model = settled("mk_sgn_small", batch, residual=residual)
    assert model.blocks[0].shortcut.mode == residual
    for key, value in model.forward_features(batch).items():
        if key.startswith("blocks") or key in ("fused", "encoded"):
            assert set(value.unique().tolist()) <= {0.0, 1.0}, key


@pytest.mark.parametrize(
    "options",
    [
        {"modalities": ("bone",)},
        {"modalities": ("joint", "bone_motion"), "fusion": "concat"},
        {"encoder_kernel": "graph", "adjacency": "fixed", "path": "sparse"},
        {"share_adjacency": True, "adjacency": "identity", "branches": "multi_scale"},
        {"neuron": LIF(tau=3.0, v_th=0.4, learn_tau=True), "norm_scale": 1.5},
        {"persons": "each", "dropout": 0.5, "spatial": "sgc"},
        {"attention_options": {"scope": "clip"}, "fusion_options": {"temperature": 0.1}},
        {"spatial": lambda i, o: SpikingConv(GraphConv(i, o), neuron=LIF(v_th=0.5))},
        {"hidden_channels": (16, 32), "strides": (2, 1), "heads": 4, "kernel_size": 3},
    ],
    ids=lambda o: "-".join(o),
)
def test_options_train(options, make_batch):
    batch = make_batch()
    torch.manual_seed(0)
    model = sgnkit.create_model("mk_sgn_small", layout="kinect20", num_classes=4, **options)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(batch).square().sum().backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead
    optimizer.step()
    assert any(not torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_unknown_spatial_layer():
    with pytest.raises(ValueError, match="spatial must be 'sgc', 'sa_sgc' or a function"):
        sgnkit.create_model("mk_sgn_small", layout="kinect20", num_classes=4, spatial="gcn")


def test_min_frames():
    assert sgnkit.create_model("mk_sgn_small", layout="kinect20", num_classes=4).min_frames == 4
