import json

import pytest
import torch
from torch_geometric.data import Batch

from sgnkit.data import SkeletonData
from sgnkit.transforms import (
    AssembleActors,
    Clean,
    CutEmptyFrames,
    FillMissing,
    FilterLength,
    SelectPersons,
)
from sgnkit.transforms._cleaning import node_keys, take_bodies, take_frames


def clip(*spans, frames=30):
    mask = torch.zeros(len(spans), frames, 25, dtype=torch.bool)
    for body, (start, end) in enumerate(spans):
        mask[body, start : end + 1] = True
    x = torch.randn(len(spans), frames, 25, 3, generator=torch.Generator().manual_seed(0))
    return SkeletonData.from_array(
        x, "ntu25", "MTVC", y=3, name="S001", mask=mask, persons="all", camera=2
    )


def test_report_follows_bodies_through_all_steps():
    data = clip((0, 5), (0, 12), (14, 29), (2, 29))
    order, join = SelectPersons(None, by="frames"), AssembleActors(rule="frames")
    steps = [FilterLength(11), order, join, FillMissing()]
    out, report = Clean(steps).clean(data)
    # Body 0 is too short; 3 was seen longest; 2 comes next; 1 continues 2.
    assert report.persons == [(3,), (2, 1)]
    assert out.num_persons == 2
    assert str(report) == "\n".join(
        [
            "S001: 4 bodies in 30 frames -> 2 persons in 30 frames",
            "  FilterLength: dropped body 0: observed in 6 frames, more than 11 are needed",
            "  SelectPersons: ordered bodies 1, 2, 3: order by frames: 28, 16, 13",
            "  AssembleActors: merged body 1: continues the actor of body 2",
            "  FillMissing: filled body 3: 50 joints in 2 frames",
            "  FillMissing: filled bodies 1, 2: 25 joints in 1 frame",
        ]
    )
    assert torch.equal(out.x[25:, :13], data.x[25:50, :13])
    assert torch.equal(out.x[25:, 14:], data.x[50:75, 14:])
    torch.testing.assert_close(out.x[25:, 13], (data.x[25:50, 12] + data.x[50:75, 14]) / 2)


def test_report_is_plain_data():
    report = CutEmptyFrames().clean(clip((3, 20)))[1]
    content = json.loads(json.dumps(report.to_dict()))
    assert content == {
        "name": "S001",
        "bodies_before": 1,
        "frames_before": 30,
        "frames_after": 18,
        "persons": [[0]],
        "changes": [
            {
                "step": "CutEmptyFrames",
                "action": "cut",
                "bodies": [],
                "number": 12,
                "why": "12 of 30 frames with nobody in them",
            }
        ],
    }
    assert repr(report) == "ClipReport('S001', changes=1)"


def test_report_of_a_clip_that_is_clean():
    data = clip((0, 29))
    out, report = FilterLength().clean(data)
    assert out is not data and torch.equal(out.x, data.x)
    assert str(report) == "S001: 1 body in 30 frames -> 1 person in 30 frames"


def test_clean_leaves_its_input_as_it_was():
    data = clip((0, 5), (0, 12), (14, 29))
    before = {key: value.clone() if torch.is_tensor(value) else value for key, value in data}
    out = Clean("ctr_gcn").clean(data)[0]
    assert out.validate() and out.num_persons == 1
    for key, value in data:
        assert torch.equal(value, before[key]) if torch.is_tensor(value) else value == before[key]


def test_batches_are_refused():
    batch = Batch.from_data_list([clip((0, 29))])
    with pytest.raises(TypeError, match="FilterLength: expected one SkeletonData clip, got"):
        FilterLength().clean(batch)


def test_every_attribute_of_nodes_and_frames_moves_along():
    data = clip((0, 29), (0, 29), (0, 29))
    data.score = torch.rand(75, 30)
    data.rotation = torch.rand(75, 30, 4)
    data.weight = torch.rand(75, 1)
    assert set(node_keys(data)) == {"x", "mask", "score", "rotation", "weight"}
    assert set(node_keys(data, frames=True)) == {"x", "mask", "score", "rotation"}
    old = dict(data.to_dict())
    data = take_bodies(data, [2, 0])
    assert data.validate() and data.num_persons == 2
    for key in ("score", "rotation", "weight"):
        assert torch.equal(data[key], torch.cat([old[key][50:], old[key][:25]]))
    data = take_frames(data, torch.tensor([1, 5]))
    assert data.validate() and data.rotation.shape == (50, 2, 4) and data.weight.shape == (50, 1)
    assert (data.y.item(), data.camera, data.num_frames) == (3, 2, 30)
