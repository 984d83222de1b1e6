import copy

import pytest
import torch
from torch import nn
from torch_geometric.data import Batch

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.distill import FrozenTeacher
from sgnkit.errors import DataError
from sgnkit.transforms import UniformSample


@pytest.fixture(scope="module")
def clips():
    return SyntheticActions(6, layout="kinect20", num_classes=3, transform=UniformSample(8))


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    return sgnkit.create_model(
        "multimodal_gcn_small",
        layout="kinect20",
        num_classes=3,
        hidden_channels=(8, 8),
        strides=(1, 2),
    )


def batch(clips, indices):
    return Batch.from_data_list([clips[i] for i in indices])


def test_it_never_learns(clips, teacher):
    before = copy.deepcopy(teacher.state_dict())
    holder = nn.ModuleDict({"teacher": FrozenTeacher(teacher, ["blocks.0"])}).train()
    logits, features = holder["teacher"](batch(clips, range(6)))
    assert not any(part.training for part in teacher.modules())
    assert not any(p.requires_grad for p in holder.parameters())
    assert not logits.requires_grad
    assert not features["blocks.0"].requires_grad
    for key, value in teacher.state_dict().items():
        assert torch.equal(value, before[key]), key


def count_calls(model):
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_the_cache_gives_the_same_answers_without_running_the_network(clips, teacher, tmp_path):
    plain = FrozenTeacher(teacher, ["blocks.0", "blocks.1"])
    expected = plain(batch(clips, [4, 1, 2]))
    cached = FrozenTeacher(teacher, ["blocks.0", "blocks.1"], cache=tmp_path)
    calls = count_calls(teacher)
    cached(batch(clips, [0, 1, 2]))
    cached(batch(clips, [3, 4, 5]))
    assert len(calls) == 2
    logits, features = cached(batch(clips, [4, 1, 2]))
    assert len(calls) == 2
    assert torch.allclose(logits, expected[0], atol=1e-6)
    for key, value in expected[1].items():
        assert torch.allclose(features[key], value, atol=1e-6)


def test_the_cache_on_another_device(clips, teacher, tmp_path, elsewhere):
    first = FrozenTeacher(teacher, ["blocks.0"], cache=tmp_path)(batch(clips, [0, 1]))
    with elsewhere:
        cached = FrozenTeacher(teacher, ["blocks.0"], cache=tmp_path).to(elsewhere.name)
        calls = count_calls(teacher)
        logits, features = cached(batch(clips, [0, 1]).to(elsewhere.name))
        assert calls == []  # what the CPU has said
        cached(batch(clips, [2, 3]).to(elsewhere.name))
        again, _ = cached(batch(clips, [3, 2]).to(elsewhere.name))
        assert len(calls) == 1
    found = (logits, features["blocks.0"], again)
    assert {t.device.type for t in found} == {elsewhere.name}
    assert torch.equal(logits.cpu(), first[0])
    assert torch.equal(features["blocks.0"].cpu(), first[1]["blocks.0"])


def test_another_teacher_has_answers_of_its_own(clips, teacher, tmp_path):
    FrozenTeacher(teacher, cache=tmp_path)(batch(clips, [0]))
    other = copy.deepcopy(teacher)
    nn.init.zeros_(other.readout.lin.weight)
    logits, _ = FrozenTeacher(other, cache=tmp_path)(batch(clips, [0]))
    assert torch.allclose(logits[0], other.readout.lin.bias)


def test_a_clip_that_changes_is_an_error(clips, teacher, tmp_path):
    cached = FrozenTeacher(teacher, cache=tmp_path)
    cached(batch(clips, [0, 1]))
    changed = batch(clips, [0, 1])
    changed.x = changed.x + 1
    with pytest.raises(DataError, match=r"(?s)other coordinates.*random transform.*cache off"):
        cached(changed)


def test_the_cache_needs_names(clips, teacher, tmp_path):
    cached = FrozenTeacher(teacher, cache=tmp_path)
    same = batch(clips, [0, 0])
    with pytest.raises(ValueError, match="each a different one"):
        cached(same)
    with pytest.raises(ValueError, match="keyed by clip"):
        FrozenTeacher(nn.Linear(3, 2), cache=tmp_path)(torch.rand(2, 3))


def test_unknown_taps(clips, teacher):
    with pytest.raises(ValueError, match=r"no submodule 'blocks\.7'"):
        FrozenTeacher(teacher, ["blocks.7"])(batch(clips, [0]))
