"""What holds for every network of the registry."""

import copy
import io
import pickle

import pytest
import torch
from torch.nn import functional as F
from torch_geometric.data import Batch
from torch_geometric.nn import GraphConv

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import profile
from sgnkit.nn import LIF, SpikingConv, step

NAMES = sgnkit.list_models()
PARAMETERS = {  # kinect20 with 10 classes, ntu25 with 60 classes
    "base_sgn": (2_040_170, 2_057_070),
    "base_sgn_small": (517_834, 528_334),
    "mk_sgn": (2_745_258, 2_762_158),
    "mk_sgn_small": (697_322, 707_822),
}


def make_batch(layout="kinect20", persons=(1, 2), frames=9):
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


@pytest.mark.parametrize("name", NAMES)
def test_number_of_parameters(name):
    counts = tuple(
        sum(p.numel() for p in sgnkit.create_model(name, layout=layout, num_classes=c).parameters())
        for layout, c in (("kinect20", 10), ("ntu25", 60))
    )
    assert counts == PARAMETERS[name]


@pytest.mark.parametrize("layout", sgnkit.list_layouts())
@pytest.mark.parametrize("name", ["base_sgn_small", "mk_sgn_small"])
@pytest.mark.parametrize("persons", [(1,), (1, 2)])
def test_builds_for_every_layout(name, layout, persons):
    batch = make_batch(layout, persons, frames=5)
    model = sgnkit.create_model(name, layout=layout, num_classes=7, num_steps=2)
    assert model(batch).shape == (len(persons), 7)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_any_number_of_frames(frames):
    model = sgnkit.create_model("mk_sgn_small", layout="kinect20", num_classes=4, num_steps=2)
    out = model(make_batch(frames=frames))
    assert torch.isfinite(out).all()


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


@pytest.mark.parametrize("name", ["base_sgn_small", "mk_sgn_small"])
def test_batch_equals_clips(name):
    batch = make_batch(persons=(1, 2, 1))
    model = settled(name, batch)
    apart = torch.cat([model(Batch.from_data_list([c])) for c in batch.to_data_list()])
    torch.testing.assert_close(model(batch), apart)
    torch.testing.assert_close(model(batch.to_data_list()[1]), apart[1:2])  # a bare clip


def test_padded_person_does_not_change_the_answer():
    from sgnkit.transforms import PadPersons

    batch = make_batch(persons=(1, 1))
    model = settled("mk_sgn_small", batch)
    padded = Batch.from_data_list([PadPersons(2)(c) for c in batch.to_data_list()])
    assert padded.num_nodes == 80
    torch.testing.assert_close(model(padded), model(batch))


def test_forward_equals_a_scan_of_steps():
    batch = make_batch()
    model = settled("mk_sgn_small", batch, per_step=True)
    state, rows = None, []
    for _ in range(model.num_steps):
        row, state = step(model, batch, state=state)
        rows.append(row)
    torch.testing.assert_close(torch.cat(rows), model(batch))


def test_forward_features():
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


def test_training_and_evaluation_agree_with_two_calls_in_any_order():
    small, large = make_batch(persons=(1,)), make_batch(persons=(2, 2, 1), frames=12)
    model = settled("mk_sgn_small", large)
    first = model(small)
    model(large)
    assert torch.equal(model(small), first)  # nothing to reset


def test_membrane_residual_keeps_everything_binary():
    batch = make_batch()
    model = settled("mk_sgn_small", batch, residual="membrane")
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
def test_options_train(options):
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


@pytest.mark.parametrize("name", ["base_sgn_small", "mk_sgn_small"])
def test_copies(name):
    batch = make_batch()
    model = settled(name, batch)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    twin = sgnkit.create_model(name, layout="kinect20", num_classes=4).eval()
    twin.load_state_dict(torch.load(file, weights_only=True))
    for other in (twin, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(batch), model(batch))
    model.reset_parameters()
    assert not torch.equal(model(batch), twin(batch))


@pytest.mark.parametrize("name", ["base_sgn_small", "mk_sgn_small"])
def test_energy_report_runs(name):
    batch = make_batch()
    report = profile(settled(name, batch), batch)
    assert 0 < report.totals["paper"] < report.totals["strict"]


def test_errors_say_what_to_do():
    batch = make_batch()
    create = sgnkit.create_model
    with pytest.raises(ValueError, match="built for layout 'ntu25', but the batch has 'kinect20'"):
        create("base_sgn_small", layout="ntu25", num_classes=4)(batch)
    with pytest.raises(ValueError, match=r"expected x \[N, T, 2\], got \(60, 9, 3\)"):
        create("base_sgn_small", layout="kinect20", num_classes=4, in_channels=2)(batch)
    with pytest.raises(ValueError, match=r"modalities must be in .* got \['bones'\]"):
        create("mk_sgn_small", layout="kinect20", num_classes=4, modalities=["joint", "bones"])
    with pytest.raises(ValueError, match="one entry a block, got 1 and 6"):
        create("mk_sgn", layout="kinect20", num_classes=4, hidden_channels=(8,))
    with pytest.raises(ValueError, match="spatial must be 'sgc', 'sa_sgc' or a function"):
        create("mk_sgn_small", layout="kinect20", num_classes=4, spatial="gcn")
    assert create("mk_sgn_small", layout="kinect20", num_classes=4).min_frames == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_overfits_32_clips(name):
    data = SyntheticActions(32, layout="kinect20", num_classes=8, seed=0)
    batch = Batch.from_data_list([cut(clip, 16) for clip in data])
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout="kinect20", num_classes=8, num_steps=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for _ in range(60):
        loss = F.cross_entropy(model(batch), batch.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.1:
            break
    assert (model(batch).argmax(1) == batch.y).float().mean() == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_compiles_and_exports(name):
    from sgnkit.nn import SkeletonGraph

    class Tensors(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x, graph):
            return self.model.forward_tensors(x, graph)

    batch = make_batch()
    model = Tensors(settled(name, batch))
    args = (batch.x, SkeletonGraph.from_data(batch))
    expected = model(*args)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*args), expected)
    torch.testing.assert_close(torch.export.export(model, args).module()(*args), expected)
