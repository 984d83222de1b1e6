import copy

import pytest
import torch
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GCNConv, global_mean_pool

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.distill import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    FrozenTeacher,
    SoftLabelDistillation,
)
from sgnkit.nn import LIF, BatchNorm, SpikingConv
from sgnkit.transforms import UniformSample


class GCN(nn.Module):
    """A plain PyG network on plain graphs."""

    def __init__(self, channels=16):
        super().__init__()
        self.first = GCNConv(4, channels)
        self.second = GCNConv(channels, channels)
        self.head = nn.Linear(channels, 2)

    def forward(self, data):
        x = self.first(data.x, data.edge_index).relu()
        x = self.second(x, data.edge_index).relu()
        return self.head(global_mean_pool(x, data.batch))


class SpikingStack(nn.Module):
    """A spiking network that knows nothing of distillation."""

    def __init__(self, channels=16):
        super().__init__()
        self.first = self.layer(4, channels)
        self.second = self.layer(channels, channels)
        self.head = nn.Linear(channels, 2)

    @staticmethod
    def layer(c_in, c_out):
        return SpikingConv(GCNConv(c_in, c_out), norm=BatchNorm(c_out), neuron=LIF(v_th=0.5))

    def forward(self, data):
        x = data.x.expand(4, *data.x.shape)
        x = self.second(self.first(x, data.edge_index), data.edge_index)
        return self.head(global_mean_pool(x.mean(0), data.batch))


def rings_and_stars(count):
    """Graphs whose class is their shape."""
    nodes, data = 8, []
    ring = torch.tensor([[i, (i + 1) % nodes] for i in range(nodes)]).t()
    star = torch.tensor([[0, i] for i in range(1, nodes)]).t()
    for i in range(count):
        edges = (ring, star)[i % 2]
        edges = torch.cat([edges, edges.flip(0)], 1)
        data.append(Data(x=torch.randn(nodes, 4) + 1, edge_index=edges, y=torch.tensor([i % 2])))
    return Batch.from_data_list(data)


def test_a_gcn_teaches_a_stack_of_spiking_convolutions():
    torch.manual_seed(0)
    batch = rings_and_stars(32)
    teacher, student = GCN(), SpikingStack()
    optimizer = torch.optim.Adam(teacher.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(teacher(batch), batch.y).backward()
        optimizer.step()
    assert (teacher(batch).argmax(1) == batch.y).float().mean() > 0.9
    before = copy.deepcopy(teacher.state_dict())
    distiller = Distiller(
        teacher, student, {"first": "first", "second": "second"}, example=(batch,)
    )
    loss = DistillationLoss(SoftLabelDistillation(), FeatureDistillation(), soft_weight=1.0)
    assert {id(p) for p in student.parameters()} <= {id(p) for p in distiller.parameters()}
    optimizer = torch.optim.Adam([p for p in distiller.parameters() if p.requires_grad], 0.02)
    history = []
    for _ in range(60):
        total, terms = loss(distiller(batch, y=batch.y), batch.y)
        history.append({key: float(term.detach()) for key, term in terms.items()})
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    # The labels had no weight: all that the student knows comes from the teacher.
    assert (student.eval()(batch).argmax(1) == batch.y).float().mean() > 0.9
    assert history[-1]["soft_labels"] < 0.5 * history[0]["soft_labels"]
    assert history[-1]["features"] < 0.7 * history[0]["features"]
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


@pytest.fixture(scope="module")
def batch():
    clips = SyntheticActions(4, layout="kinect20", num_classes=3, transform=UniformSample(9))
    return Batch.from_data_list(list(clips))


def models(teacher=(8, 16), student=(8, 16), strides=(1, 2), **options):
    common = {"layout": "kinect20", "num_classes": 3}
    return (
        sgnkit.create_model(
            "multimodal_gcn_small", hidden_channels=teacher, strides=strides, **common
        ),
        sgnkit.create_model(
            "base_sgn_small", hidden_channels=student, strides=(1, 2), **common, **options
        ),
    )


def test_skeleton_networks(batch):
    torch.manual_seed(0)
    teacher, student = models()
    taps = {"blocks.0": "blocks.0", "blocks.1": "blocks.1"}
    distiller = Distiller(teacher, student, taps, example=(batch,)).train()
    out = distiller(batch, y=batch.y)
    assert out.features["blocks.1"][0].shape == out.features["blocks.1"][1].shape == (4, 5, 80, 16)
    assert torch.equal(out.teacher_logits, teacher(batch))
    total, _ = DistillationLoss(SoftLabelDistillation(), FeatureDistillation())(out, batch.y)
    total.backward()
    assert all(p.grad is not None for p in student.parameters())
    assert all(p.grad is not None for p in distiller.translations.parameters())
    assert all(p.grad is None for p in teacher.parameters())


def test_on_another_device(batch, elsewhere):
    taps, results = {"blocks.0": "blocks.0", "blocks.1": "blocks.1"}, []
    for device in ("cpu", elsewhere.name):
        torch.manual_seed(0)
        distiller = Distiller(*models(), taps, example=(batch,)).train()
        loss = DistillationLoss(SoftLabelDistillation(), FeatureDistillation())
        with elsewhere:
            distiller.to(device)
            clips = batch.clone().to(device)
            out = distiller(clips, y=clips.y)
            total, terms = loss.to(device)(out, clips.y)
            total.backward()
        found = [*terms.values(), *(p.grad for p in distiller.parameters() if p.requires_grad)]
        assert {t.device.type for t in found} == {device}
        results.append([t.detach().cpu() for t in found])
    assert all(torch.equal(here, there) for here, there in zip(*results, strict=True))


def test_checking_changes_nothing(batch):
    teacher, student = models()
    before = copy.deepcopy(student.state_dict())
    student.train()
    student.blocks[0].eval()
    Distiller(teacher, student, {"blocks.0": "blocks.0"}, example=(batch,))
    assert student.training
    assert not student.blocks[0].training
    assert all(torch.equal(value, before[key]) for key, value in student.state_dict().items())


def test_shapes_are_checked_at_construction(batch):
    teacher, student = models(student=(12, 16))
    with pytest.raises(
        ValueError,
        match=r"teacher 'blocks\.0' \(9, 80, 8\), student 'blocks\.0' \(4, 9, 80, 12\).*resample",
    ):
        Distiller(teacher, student, {"blocks.0": "blocks.0"}, example=(batch,))
    teacher, student = models(strides=(1, 1))
    with pytest.raises(ValueError, match=r"\(9, 80, 16\), student 'blocks\.1' \(4, 5, 80, 16\)"):
        Distiller(teacher, student, {"blocks.1": "blocks.1"}, example=(batch,))


def test_a_resampler_is_chosen(batch):
    teacher, student = models(student=(12, 20), strides=(1, 1))
    taps = {"blocks.0": "blocks.0", "blocks.1": "blocks.1"}
    distiller = Distiller(teacher, student, taps, example=(batch,), resample="linear")
    out = distiller(batch, y=batch.y)
    assert out.features["blocks.0"][1].shape == (4, 9, 80, 12)
    assert out.features["blocks.1"][1].shape == (4, 5, 80, 20)
    teacher, student = models(strides=(1, 1))
    halve = Distiller(
        teacher,
        student,
        {"blocks.1": "blocks.1"},
        example=(batch,),
        resample=lambda feature: feature[::2],
    )
    assert halve(batch, y=batch.y).features["blocks.1"][1].shape == (4, 5, 80, 16)
    with pytest.raises(ValueError, match=r"resampling gives \(3, 80, 16\)"):
        Distiller(
            teacher,
            student,
            {"blocks.1": "blocks.1"},
            example=(batch,),
            resample=lambda feature: feature[::3],
        )


def test_frames_are_interpolated(batch):
    teacher, student = models(strides=(1, 1))
    distiller = Distiller(
        teacher, student, {"blocks.1": "blocks.1"}, example=(batch,), resample="linear"
    )
    ramp = torch.arange(9.0)[:, None, None].expand(9, 2, 3)
    resampled = distiller._resampled(ramp, torch.Size([4, 5, 2, 3]))
    expected = torch.tensor([0.4, 2.2, 4.0, 5.8, 7.6])[:, None, None].expand(5, 2, 3)
    assert torch.allclose(resampled, expected)


def test_per_step_logits(batch):
    teacher, student = models(per_step=True)
    out = Distiller(teacher, student, example=(batch,))(batch, y=batch.y)
    assert out.logits.shape == (4, 4, 3)
    total, terms = DistillationLoss(SoftLabelDistillation())(out, batch.y)
    assert total.isfinite()
    assert list(terms) == ["cross_entropy", "soft_labels"]


def test_bad_input(batch):
    teacher, student = models()
    with pytest.raises(ValueError, match=r"no submodule 'block\.0'"):
        Distiller(teacher, student, {"block.0": "blocks.0"}, example=(batch,))
    with pytest.raises(ValueError, match=r"BaseSGN has no submodule 'blocks\.9'"):
        Distiller(teacher, student, {"blocks.0": "blocks.9"}, example=(batch,))
    with pytest.raises(ValueError, match="tapped twice"):
        taps = {"blocks.0": "blocks.0", "blocks.1": "blocks.0"}
        Distiller(teacher, student, taps, example=(batch,))
    with pytest.raises(ValueError, match=r"frozen without the taps \['blocks.0'\]"):
        Distiller(FrozenTeacher(teacher), student, {"blocks.0": "blocks.0"}, example=(batch,))
    with pytest.raises(ValueError, match=r"no spiking steps.*student 'readout' \(4, 3\)"):
        Distiller(teacher, student, {"blocks.0": "readout"}, example=(batch,))
    other = sgnkit.create_model("base_sgn_small", layout="kinect20", num_classes=5)
    with pytest.raises(ValueError, match=r"\(4, 3\), the student \(4, 5\)"):
        Distiller(teacher, other, example=(batch,))


@pytest.mark.parametrize("name", ["multimodal_gcn", "stgcn", "agcn", "ctrgcn"])
def test_every_gcn_can_teach_the_full_student(batch, name):
    torch.manual_seed(0)
    common = {"layout": "kinect20", "num_classes": 3}
    teacher = sgnkit.create_model(name, **common)
    student = sgnkit.create_model("mk_sgn", num_steps=1, **common)
    taps = {"blocks.3": "blocks.1", "blocks.6": "blocks.3", "blocks.9": "blocks.5"}
    distiller = Distiller(teacher, student, taps, example=(batch,))
    out = distiller(batch, y=batch.y)
    shapes = [spikes.shape for _, spikes in out.features.values()]
    assert shapes == [(1, 9, 80, 64), (1, 5, 80, 128), (1, 3, 80, 256)]
    total, _ = DistillationLoss(SoftLabelDistillation(), FeatureDistillation())(out, batch.y)
    assert total.isfinite()
