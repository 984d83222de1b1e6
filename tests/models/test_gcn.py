"""The real-valued networks against the published ones: sizes, operations, start values."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.models import GraphNetwork, MultimodalGCN
from sgnkit.nn import PartitionedGraphConv, TemporalConv

UCLA = {"layout": "kinect20", "num_classes": 10}
NTU = {"layout": "ntu25", "num_classes": 60}
# operations of one clip in units of 10^9: NW-UCLA at 52 frames, NTU at 64 frames with 2 persons
FLOPS = {"stgcn": (2.34625, 7.29296), "agcn": (2.66711, 8.28051), "ctrgcn": (1.235453, 3.878328)}
BLOCKS = {  # parameters of each block for NTU
    "stgcn": [37952, *[49664] * 3, 181632, *[197632] * 2, 723712, *[788480] * 2],
    "agcn": [40595, *[57779] * 3, 204563, *[224275] * 2, 808659, *[889043] * 2],
    "ctrgcn": [12052, *[26308] * 3, 78084, *[97844] * 2, 301748, *[382228] * 2],
}


def count(module):
    return sum(p.numel() for p in module.parameters())


def create(name, setting, **options):
    return sgnkit.create_model(name, **setting, **options)


@pytest.mark.parametrize(
    ("name", "options", "ucla", "ntu"),
    [
        ("stgcn", {}, 3_079_202, 3_098_832),
        ("stgcn", {"spatial_options": {"partition": "spatial_full"}}, 3_079_202, 3_098_832),
        ("stgcn", {"spatial_options": {"partition": "uniform"}}, 2_633_826, 2_648_956),
        ("stgcn", {"spatial_options": {"partition": "distance"}}, 2_856_514, 2_873_894),
        ("agcn", {}, 3_449_730, 3_469_360),
        ("ctrgcn", {}, 1_426_892, 1_446_522),
    ],
)
def test_parameters(name, options, ucla, ntu):
    assert count(create(name, UCLA, **options)) == ucla
    assert count(create(name, NTU, **options)) == ntu


@pytest.mark.parametrize(
    ("name", "ucla", "ntu"), [("agcn", 3_449_730, 3_469_510), ("ctrgcn", 1_426_892, 1_446_672)]
)
def test_parameters_with_the_published_input_norm(name, ucla, ntu):
    assert count(create(name, UCLA, num_persons=1)) == ucla
    model = create(name, NTU, num_persons=2)
    assert count(model) == ntu
    assert count(model) - count(create(name, NTU)) == 2 * 75  # scale and shift of a second person


@pytest.mark.parametrize("name", BLOCKS)
def test_parameters_of_each_block(name):
    model = create(name, NTU)
    importance = [p for n, p in model.named_parameters() if n.endswith("importance")]
    extra = sum(p.numel() for p in importance)
    assert extra == (18750 if name == "stgcn" else 0)
    found = [count(block) - extra // 10 for block in model.blocks]
    assert found == BLOCKS[name]
    assert count(model.norms) == 150
    assert count(model.readout) == 15420


@pytest.mark.parametrize("name", FLOPS)
@pytest.mark.parametrize(
    ("place", "setting", "frames", "persons"), [(0, UCLA, 52, 1), (1, NTU, 64, 2)]
)
def test_operations(name, place, setting, frames, persons, make_batch):
    batch = make_batch(setting["layout"], (persons,), frames)
    model = create(name, setting).eval().requires_grad_(False)
    with FlopCounterMode(display=False) as counter:
        assert model(batch).shape == (1, setting["num_classes"])
    assert counter.get_total_flops() / 1e9 == pytest.approx(FLOPS[name][place], rel=1e-5)


def test_operations_with_the_published_input_norm(make_batch):
    batch = make_batch("ntu25", (2,), 64)
    model = create("ctrgcn", NTU, num_persons=2).eval().requires_grad_(False)
    with FlopCounterMode(display=False) as counter:
        model(batch)
    assert counter.get_total_flops() / 1e9 == pytest.approx(FLOPS["ctrgcn"][1], rel=1e-5)


@pytest.mark.parametrize("name", ["agcn", "ctrgcn"])
def test_each_spatial_layer_is_its_residual_path_at_first(name, make_batch):
    batch = make_batch()
    model = create(name, {"layout": "kinect20", "num_classes": 4})
    graph = sgnkit.nn.SkeletonGraph.from_data(batch)
    out = model._encode(batch.x, graph)
    for block in model.blocks:
        layer = block.spatial
        path = layer.shortcut_norm(layer.shortcut(out)) if layer.projects else out
        torch.testing.assert_close(layer(out, graph), path.relu(), rtol=0, atol=1e-5)
        out = block(out, graph)


def test_shapes(make_batch, settled):
    batch = make_batch(frames=9)
    features = settled("ctrgcn", batch).forward_features(batch)
    shapes = {key: tuple(value.shape) for key, value in features.items()}
    blocks = [*[(9, 64)] * 4, *[(5, 128)] * 3, *[(3, 256)] * 3]
    assert shapes == {
        "encoded": (9, 60, 3),
        **{f"blocks.{i}": (t, 60, c) for i, (t, c) in enumerate(blocks)},
        "readout": (2, 256),
        "logits": (2, 4),
    }


def test_first_block_has_no_shortcut_unless_there_are_stems():
    assert [block.residual for block in create("agcn", UCLA).blocks] == [False, *[True] * 9]
    assert all(block.residual for block in create("multimodal_gcn", UCLA).blocks)


def test_dropout_of_blocks():
    rates = [block.dropout.p for block in create("stgcn", UCLA).blocks]
    assert rates == [0.0, *[0.5] * 9]
    assert {block.dropout.p for block in create("agcn", UCLA).blocks} == {0.0}


def test_start_values():
    torch.manual_seed(0)
    for name in ("agcn", "ctrgcn"):
        weight = create(name, NTU).readout.lin.weight
        assert weight.std().item() == pytest.approx(math.sqrt(2 / 60), rel=0.03)
    model = create("stgcn", UCLA)
    for module in (model.readout.lin, model.blocks[5].spatial.lin, model.blocks[5].temporal.conv):
        assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert not module.bias.any()
    assert model.blocks[9].spatial.norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
    torch.nn.init.ones_(model.readout.lin.weight)
    model.reset_parameters()
    assert model.readout.lin.weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("name", "options", "high"),
    [
        ("multimodal_gcn_small", {}, False),
        ("stgcn", {}, False),
        ("agcn", {}, True),  # the published start of the last layer
        ("agcn", {"init": "layers"}, False),
        ("ctrgcn", {"init": "layers"}, False),
    ],
)
def test_first_loss(name, options, high):
    from torch_geometric.data import Batch

    from sgnkit.transforms import Center, MinMaxNormalize, UniformSample

    data = SyntheticActions(16, layout="kinect20", seed=0)
    batch = Batch.from_data_list([UniformSample(16)(MinMaxNormalize()(Center()(c))) for c in data])
    torch.manual_seed(0)
    with torch.no_grad():
        logits = create(name, UCLA, **options)(batch)
    loss = torch.nn.functional.cross_entropy(logits, batch.y).item()
    assert (loss > 1.5 * math.log(10)) == high


@pytest.mark.parametrize(
    "options",
    [
        {"modalities": ("bone",)},
        {"modalities": ("joint", "bone_motion"), "stem": True},
        {"num_persons": 2, "dropout": 0.3, "block_dropout": 0.2},
        {"spatial_options": {"data_dependent": False, "path": "sparse"}},
        {"spatial": "channel_refined", "spatial_options": {"transpose": False}},
        {"temporal": "multi_scale", "temporal_options": {"dilations": (1, 2, 3, 4, 5, 6)}},
        {"spatial": lambda i, o: PartitionedGraphConv(i, o, "kinect20", partition="uniform")},
        {"temporal": lambda c, s: TemporalConv(c, c, 3, s)},
        {"init": "normal"},
    ],
    ids=lambda o: "-".join(o),
)
def test_options_train(options, make_batch):
    torch.manual_seed(0)
    model = GraphNetwork("kinect20", 4, hidden_channels=(16, 32), strides=(1, 2), **options)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("refine_scale"):
                parameter.fill_(0.5)
    model(make_batch()).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_multimodal_gcn():
    model = MultimodalGCN("kinect20", 10)
    assert len(model.stems) == len(model.norms) == 4
    assert model.options["stem"] and model.options["init"] == "layers"


def test_errors(make_batch):
    with pytest.raises(ValueError, match=r"2 modalities need stem=True to be summed"):
        create("agcn", UCLA, modalities=("joint", "bone"))
    with pytest.raises(ValueError, match="'partitioned', 'adaptive', 'channel_refined' or a func"):
        create("agcn", UCLA, spatial="gcn")
    with pytest.raises(ValueError, match=r"temporal must be 'single', 'multi_scale' or a function"):
        create("agcn", UCLA, temporal="double")
    with pytest.raises(ValueError, match=r"init must be 'layers', .* got 'zeros'"):
        create("agcn", UCLA, init="zeros")
    with pytest.raises(ValueError, match=r"partition must be one of .*'spacial'"):
        create("stgcn", UCLA, spatial_options={"partition": "spacial"})
    with pytest.raises(ValueError, match="num_persons=1, but a clip of the batch has 2 persons"):
        create("agcn", UCLA, num_persons=1)(make_batch())
