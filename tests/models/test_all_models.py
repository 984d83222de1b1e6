"""What holds for every network of the registry."""

import copy
import io
import pickle

import pytest
import torch
from torch.nn import functional as F
from torch_geometric.data import Batch

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.energy import profile
from sgnkit.nn import SkeletonGraph
from sgnkit.transforms import Center, MinMaxNormalize, PadPersons, UniformSample

NAMES = sgnkit.list_models()
SPIKING = sgnkit.list_models("*sgn*")
PARAMETERS = {  # kinect20 with 10 classes, ntu25 with 60 classes
    "agcn": (3_449_730, 3_469_360),
    "base_sgn": (2_040_170, 2_057_070),
    "base_sgn_small": (517_834, 528_334),
    "ctrgcn": (1_426_892, 1_446_522),
    "mk_sgn": (2_745_258, 2_762_158),
    "mk_sgn_small": (697_322, 707_822),
    "multimodal_gcn": (3_468_554, 3_488_274),
    "multimodal_gcn_small": (881_386, 894_706),
    "stgcn": (3_079_202, 3_098_832),
}


def small(name):
    """Options that make a preset small: two blocks, and few spiking steps."""
    options = {"hidden_channels": (16, 32), "strides": (1, 2)}
    return {**options, "num_steps": 2} if name in SPIKING else options


@pytest.mark.parametrize("name", NAMES)
def test_number_of_parameters(name):
    counts = tuple(
        sum(p.numel() for p in sgnkit.create_model(name, layout=layout, num_classes=c).parameters())
        for layout, c in (("kinect20", 10), ("ntu25", 60))
    )
    assert counts == PARAMETERS[name]


@pytest.mark.parametrize("layout", sgnkit.list_layouts())
@pytest.mark.parametrize("name", NAMES)
def test_builds_for_every_layout(name, layout, make_batch):
    model = sgnkit.create_model(name, layout=layout, num_classes=7, **small(name))
    assert model(make_batch(layout, (1, 2), frames=5)).shape == (2, 7)
    assert model(make_batch(layout, (1,), frames=5)).shape == (1, 7)


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_frames(name, frames, make_batch):
    model = sgnkit.create_model(name, layout="kinect20", num_classes=4, **small(name))
    out = model(make_batch(frames=frames))
    assert torch.isfinite(out).all()
    assert model.min_frames == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name, make_batch):
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout="kinect20", num_classes=4, **small(name))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("refine_scale"):  # starts at 0, and nothing behind it matters
                parameter.fill_(0.5)
    model(make_batch()).square().sum().backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


@pytest.mark.parametrize("name", NAMES)
def test_batch_equals_clips(name, make_batch, settled):
    batch = make_batch(persons=(1, 2, 1))
    model = settled(name, batch, **small(name))
    apart = torch.cat([model(Batch.from_data_list([c])) for c in batch.to_data_list()])
    torch.testing.assert_close(model(batch), apart)
    torch.testing.assert_close(model(batch.to_data_list()[1]), apart[1:2])  # a bare clip


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SPIKING])
def test_node_permutation(name, make_batch, settled):
    """Nodes in any order: the sparse path, and the same logits. Encoders of spikes see joints."""
    batch = make_batch()
    model = settled(name, batch, **small(name)).double()
    graph = SkeletonGraph.from_data(batch)
    order = torch.randperm(batch.num_nodes, generator=torch.Generator().manual_seed(0))
    place = torch.argsort(order)
    permuted = graph._replace(
        edge_index=place[graph.edge_index],
        joint=graph.joint[order],
        parent_index=place[graph.parent_index[order]],
        body=graph.body[order],
        num_joints=None,
    )
    x = batch.x.double()
    expected = model.forward_tensors(x, graph)
    torch.testing.assert_close(model.forward_tensors(x[order], permuted), expected)


@pytest.mark.parametrize("name", NAMES)
def test_padded_person_does_not_change_the_answer(name, make_batch, settled):
    batch = make_batch(persons=(1, 1))
    model = settled(name, batch, **small(name))
    padded = Batch.from_data_list([PadPersons(2)(c) for c in batch.to_data_list()])
    assert padded.num_nodes == 80
    torch.testing.assert_close(model(padded), model(batch))


@pytest.mark.parametrize("name", NAMES)
def test_features_end_in_the_logits(name, make_batch, settled):
    batch = make_batch()
    model = settled(name, batch, **small(name))
    features = model.forward_features(batch)
    assert {"encoded", "blocks.0", "blocks.1", "readout", "logits"} <= features.keys()
    assert torch.equal(features["logits"], model(batch))
    x, graph = batch.x, SkeletonGraph.from_data(batch)
    assert torch.equal(model.forward_tensors(x, graph), model(batch))


@pytest.mark.parametrize("name", NAMES)
def test_on_another_device(name, make_batch, settled, elsewhere):
    results, batch = [], make_batch()
    settled_model = settled(name, batch, **small(name))
    for device in ("cpu", elsewhere.name):
        model = copy.deepcopy(settled_model)
        with elsewhere:
            model.to(device)
            clips = batch.clone().to(device)
            elsewhere.waits.clear()
            SkeletonGraph.from_data(clips)
            asked = list(elsewhere.waits)
            answer = model(clips)
            torch.manual_seed(0)
            F.cross_entropy(model.train()(clips), clips.y).backward()
        assert elsewhere.waits == 3 * asked  # nothing but the making of the graph
        found = [answer, *(p.grad for p in model.parameters()), *model.buffers()]
        assert {t.device.type for t in found} == {device}
        results.append([t.cpu() for t in found])
    assert all(torch.equal(here, there) for here, there in zip(*results, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_copies(name, make_batch, settled):
    batch = make_batch()
    model = settled(name, batch, **small(name))
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    twin = sgnkit.create_model(name, layout="kinect20", num_classes=4, **small(name)).eval()
    twin.load_state_dict(torch.load(file, weights_only=True))
    again = sgnkit.create_model(name, layout="kinect20", num_classes=4, **model.options).eval()
    again.load_state_dict(model.state_dict())
    for other in (twin, again, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(batch), model(batch))
    model.reset_parameters()
    assert not torch.equal(model(batch), twin(batch))


@pytest.mark.parametrize("name", NAMES)
def test_reset_parameters_reaches_everything(name):
    model = sgnkit.create_model(name, layout="kinect20", num_classes=4, **small(name))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    model.reset_parameters()
    assert [n for n, p in model.named_parameters() if (p == 7.0).all()] == []


@pytest.mark.parametrize("name", NAMES)
def test_bf16_stays_bf16(name, make_batch, settled):
    batch = make_batch()
    model = settled(name, batch, **small(name))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(model(batch)).all()
    batch.x = batch.x.bfloat16()
    out = model.bfloat16()(batch)
    assert out.dtype == torch.bfloat16
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("name", NAMES)
def test_energy_report_runs(name, make_batch, settled):
    batch = make_batch()
    report = profile(settled(name, batch, **small(name)), batch)
    assert report.uncounted == {}
    if name in SPIKING:
        assert 0 < report.totals["paper"] < report.totals["strict"] < report.totals["dense"]
        assert report.firing_rate > 0
    else:  # without spikes all is MAC, but for the plain sums of the read-out
        counts = report.counts
        assert 0 < counts["paper_mac"] == counts["operations"] and counts["paper_ac"] == 0
        assert {c.name for c in report.layers if c.strict_mac < c.operations} == {"readout"}
        assert report.neurons == ()


@pytest.mark.parametrize("name", NAMES)
def test_errors_say_what_to_do(name, make_batch):
    def create(**options):
        return sgnkit.create_model(name, layout="kinect20", num_classes=4, **options)

    with pytest.raises(ValueError, match="built for layout 'kinect20', but the batch has 'ntu25'"):
        create(**small(name))(make_batch("ntu25"))
    with pytest.raises(ValueError, match=r"expected x \[N, T, 2\], got \(60, 9, 3\)"):
        create(**small(name), in_channels=2)(make_batch())
    with pytest.raises(ValueError, match=r"modalities must be in .* got \['bones'\]"):
        create(modalities=["joint", "bones"])
    with pytest.raises(ValueError, match="one entry a block, got 1 and"):
        create(hidden_channels=(16,))
    with pytest.raises(ValueError, match=r"spatial must be .* or a function, got 'gnn'"):
        create(spatial="gnn")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_overfits_32_clips(name):
    data = SyntheticActions(32, layout="kinect20", num_classes=8, seed=0)
    clips = [UniformSample(16)(MinMaxNormalize()(Center()(clip))) for clip in data]
    batch = Batch.from_data_list(clips)
    torch.manual_seed(0)
    options = {"num_steps": 2} if name in SPIKING else {}
    model = sgnkit.create_model(name, layout="kinect20", num_classes=8, **options)
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
def test_compiles_and_exports(name, make_batch, settled):
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
