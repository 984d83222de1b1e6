import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import SelectPersons
from sgnkit.transforms.persons import plausible, scores

MEASURES = ["motion", "variance", "deviation", "confidence", "frames"]


def clip(persons=3, frames=6, seed=1, holes=True):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(persons, frames, 20, 3, generator=generator).double()
    mask = torch.rand(persons, frames, 20, generator=generator) > 0.3
    return SkeletonData.from_array(x, "kinect20", "MTVC", mask=mask if holes else None)


def figure(width, height, frames=4):
    """A body of two places, (0, 0) and (width, height), in each frame."""
    x = torch.zeros(frames, 20, 3, dtype=torch.float64)
    x[:, 10:, 0], x[:, 10:, 1] = width, height
    return x


def test_measures_are_those_of_the_definition():
    data = clip()
    x, mask = data.to_array("MTVC"), data.to_array("MTV", attr="mask")
    for person in range(3):
        points = x[person][mask[person]]
        assert scores(data, "variance")[person].item() == pytest.approx(points.var(axis=0).sum())
        assert scores(data, "deviation")[person].item() == pytest.approx(points.std(axis=0).sum())
        away = []
        for joint in range(20):
            places = x[person, mask[person, :, joint], joint]
            away += list(((places - places.mean(axis=0)) ** 2).sum(axis=1))
        assert scores(data, "motion")[person].item() == pytest.approx(np.mean(away))
        assert scores(data, "confidence")[person].item() == pytest.approx(mask[person].mean())
        assert scores(data, "frames")[person] == mask[person].any(axis=1).sum()


def test_variance_holds_the_size_of_the_body_and_motion_does_not():
    tall = figure(2.0, 4.0)  # stands still: half of the joints at 0, half at (2, 4)
    small = figure(0.2, 0.4) + torch.tensor([0.0, 1.0, 0, 1.0]).view(4, 1, 1)  # moves by 1
    data = SkeletonData.from_array(torch.stack([tall, small]), "kinect20", "MTVC")
    assert scores(data, "variance").tolist() == pytest.approx([1 + 4, 0.01 + 0.04 + 3 * 0.25])
    assert scores(data, "motion").tolist() == pytest.approx([0, 0.75])
    assert SelectPersons(1, by="variance").clean(data)[1].persons == [(0,)]
    assert SelectPersons(1, by="motion").clean(data)[1].persons == [(1,)]


def test_plausible_frames_are_at_most_so_wide():
    x = torch.cat([figure(0.8, 1, 1), figure(0.81, 1, 1), figure(0, 0, 1), figure(1, 2, 1)])
    data = SkeletonData.from_array(x, "kinect20")
    assert plausible(data, 0.8).tolist() == [[True, False, True, True]]
    data.mask = data.mask.clone()
    data.mask[:, 3] = False
    assert plausible(data, 0.8).tolist() == [[True, False, True, False]]


def test_smaller_variance_of_plausible_frames_counts():
    wide = torch.cat([figure(0.5, 1.0, 3), figure(9.0, 1.0, 1)]).double()
    data = SkeletonData.from_array(wide, "kinect20")
    assert scores(data, "variance", 0.8).item() == pytest.approx(0.25 * (0.25 + 1))
    assert scores(data, "variance").item() > 5
    assert scores(data, "variance", 0.1).item() == scores(data, "variance").item()  # none is


@pytest.mark.parametrize("by", MEASURES)
def test_the_first_ones_are_kept_in_order(by):
    data = clip(4)
    value = scores(data, by)
    order = sorted(range(4), key=lambda i: -value[i])
    x = data.to_array("MTVC")
    for number in (1, 2, 4, 9, None):
        out, report = SelectPersons(number, by=by).clean(data)
        assert out.validate()
        kept = order[:number]
        assert (out.to_array("MTVC") == x[kept]).all()
        assert report.persons == [(i,) for i in kept]
        dropped = [change.bodies[0] for change in report.changes if change.action == "dropped"]
        assert sorted(dropped + kept) == [0, 1, 2, 3]


def test_equal_persons_stay_in_their_order():
    data = clip(4, holes=False)
    for by in ("confidence", "frames"):
        out, report = SelectPersons(2, by=by).clean(data)
        assert torch.equal(out.x, data.x[:40])
        assert [change.bodies for change in report.changes] == [(2,), (3,)]


def test_confidence_is_the_mean_score_where_there_is_one():
    data = clip(2, holes=False)
    data.score = torch.cat([torch.full((20, 6), 0.4), torch.full((20, 6), 0.9)])
    out, report = SelectPersons(1, by="confidence").clean(data)
    assert report.persons == [(1,)] and torch.equal(out.score, data.score[20:])
    assert report.changes[0].why == "confidence 0.4, the 1 kept have 0.9 or more"


def test_one_person_stays():
    data = clip(1)
    out, report = SelectPersons(1).clean(data)
    assert torch.equal(out.x, data.x) and not report.changes


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SelectPersons(0), "num_persons must be at least 1, got 0"),
        (lambda: SelectPersons(by="energy"), "by must be one of motion, .*, got 'energy'"),
        (lambda: SelectPersons(ratio=0.8), "goes with by='variance', got 0.8 and by='motion'"),
        (lambda: SelectPersons(by="variance", ratio=0.0), "ratio must be positive"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(SelectPersons()) == "SelectPersons(2, by='motion')"
    text = "SelectPersons(None, by='variance', ratio=0.8)"
    assert str(SelectPersons(None, by="variance", ratio=0.8)) == text
