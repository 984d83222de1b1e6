import base64

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

import sgnkit
from sgnkit.datasets import SyntheticActions
from sgnkit.errors import DataError
from sgnkit.report.clips import choose, embed_clips
from sgnkit.report.run_files import RunScores
from sgnkit.transforms import Center, Compose, UniformSample

SMALL = {"hidden_channels": (8, 8), "strides": (1, 2), "num_steps": 3}


@pytest.fixture(scope="module")
def clips():
    transform = Compose([Center(), UniformSample(6)])
    return SyntheticActions(12, "sbu15", 2, num_persons=2, split="all", transform=transform, seed=3)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = sgnkit.create_model("base_sgn_small", layout="sbu15", num_classes=2, **SMALL).eval()
    made.class_names = ["a", "b"]
    return made


def scores(clips, predicted):
    labels = np.array([int(clip.y) for clip in clips])
    names = [clip.name for clip in clips]
    return RunScores(names, np.eye(2)[predicted], labels, np.array(predicted), labels > 9)


def unpack(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def test_choose_takes_from_every_cell():
    labels = [0] * 10 + [1] * 10 + [2] * 10
    predicted = [0] * 5 + [1] * 5 + [1] * 9 + [0] + [2] * 9 + [0]
    chosen = choose(labels, predicted, 9)
    cells = {(labels[i], predicted[i]) for i in chosen}
    assert len(chosen) == len(set(chosen)) == 9
    assert cells == {(0, 1), (1, 0), (2, 0), (0, 0), (1, 1), (2, 2)}
    assert sum(labels[i] != predicted[i] for i in chosen) == 6
    assert choose(labels, labels, 4) == choose(labels, labels, 4)
    assert len(choose(labels, labels, 99)) == 30
    assert len(choose([0, 0], [1, 1], 5)) == 2


def test_places_and_spikes_are_those_of_the_clip(clips, model):
    found = embed_clips(model, clips, None, 3, 10**7)
    assert found["layers"] == ["encoders.0", "blocks.0", "blocks.1"]
    assert [entry["name"] for entry in found["clips"]] == [clips[i].name for i in (0, 4, 8)]
    entry, clip = found["clips"][1], clips[4]
    nodes, frames = clip.x.size(0), clip.x.size(1)
    places = unpack(entry["places"], "<i2").reshape(frames, nodes, 3).astype(float)
    seen = clip.mask.t().numpy()
    places, x = places[seen], clip.x.transpose(0, 1).double().numpy()[seen]
    assert np.abs(places).max() == 32000
    places, x = places - places.mean(0), x - x.mean(0)  # y is up here: no axis turns
    assert np.abs(places / places.std() - x / x.std()).max() < 1e-3
    with torch.no_grad(), sgnkit.record(model, "spikes") as seen:
        logits = model(Batch.from_data_list([clip]))
    spikes = seen.spikes["blocks.1.temporal.neuron"].double().mean(-1)
    rates = unpack(entry["spikes"][2]["data"], "u1").reshape(3, 3, nodes)
    assert entry["spikes"][2]["frames"] == 3 and entry["steps"] == 3
    assert np.abs(rates / 255 - spikes.numpy()).max() <= 0.5 / 255 + 1e-9
    assert entry["predicted"] == int(logits.argmax())
    assert entry["label"] == int(clip.y)
    assert entry["parent"][15:] == [p + 15 for p in entry["parent"][:15]]


def test_absent_joints_and_persons(clips, model):
    clip = clips[0].clone()
    clip.mask = clip.mask.clone()
    clip.mask[15:] = False
    clip.mask[3, 2] = False
    ((entry),) = embed_clips(model, [clip], None, 5, 10**7)["clips"]
    assert entry["person"] == [0] * 15
    places = unpack(entry["places"], "<i2").reshape(6, 15, 3)
    assert (places[2, 3] == -32768).all()
    assert ((places != -32768).all(2) == clip.mask[:15].t().numpy()).all()
    assert len(unpack(entry["spikes"][0]["data"], "u1")) == 3 * 6 * 15


def test_other_clips_are_refused(clips, model):
    right = scores(clips, [0] * len(clips))
    with pytest.raises(DataError, match="not those of the run"):
        embed_clips(model, clips[:4], right, 2, 10**7)
    right.names[:] = [f"other {name}" for name in right.names]
    with pytest.raises(DataError, match=r"(?s)not those of the run.*expected: +other"):
        embed_clips(model, clips, right, 2, 10**7)


def test_budget(clips, model):
    found = embed_clips(model, clips, None, 6, 1)
    assert len(found["clips"]) == 1 and found["left_out"] == 5


def test_modalities_that_are_no_joints(clips, model):
    clip = clips[0].clone()
    clip.modality = "bone"
    with pytest.raises(DataError, match="no joint coordinates"):
        embed_clips(model, [clip], None, 1, 10**7)


def test_real_valued_networks_have_no_layers(clips):
    teacher = sgnkit.create_model("multimodal_gcn_small", layout="sbu15", num_classes=2).eval()
    teacher.class_names = ["a", "b"]
    found = embed_clips(teacher, clips, None, 1, 10**7)
    assert found["layers"] == [] and found["clips"][0]["spikes"] == []
