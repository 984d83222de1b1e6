import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import AssembleActors, FilterLength, FilterMotion, FilterSpread

FRAMES = 60


def clip(*spans, x=None):
    """A clip of NTU bodies, each observed from its first to its last frame."""
    mask = torch.zeros(len(spans), FRAMES, 25, dtype=torch.bool)
    for body, (start, end) in enumerate(spans):
        mask[body, start : end + 1] = True
    if x is None:
        x = torch.randn(len(spans), FRAMES, 25, 3, generator=torch.Generator().manual_seed(0))
    return SkeletonData.from_array(x.double(), "ntu25", "MTVC", mask=mask, persons="all")


def kept(step, data):
    """Returns the bodies of each person that is left."""
    out, report = step.clean(data)
    assert out.validate() and out.num_persons == len(report.persons)
    assert torch.equal(step(data).x, out.x)
    return [list(person) for person in report.persons]


# FilterLength


def test_bodies_of_eleven_frames_or_fewer_are_dropped():
    data = clip((0, 10), (0, 11), (20, 59), (0, 0))
    assert kept(FilterLength(), data) == [[1], [2]]
    assert kept(FilterLength(10), data) == [[0], [1], [2]]
    assert kept(FilterLength(0), data) == [[0], [1], [2], [3]]
    out, report = FilterLength().clean(data)
    assert torch.equal(out.x, data.x[25:75]) and torch.equal(out.mask, data.mask[25:75])
    assert [(c.action, c.bodies, c.number) for c in report.changes] == [
        ("dropped", (0,), 11),
        ("dropped", (3,), 1),
    ]
    assert report.changes[0].why == "observed in 11 frames, more than 11 are needed"


def test_frames_with_a_gap_are_counted_alone():
    data = clip((0, 59), (0, 30))
    data.mask = data.mask.clone()
    data.mask[25:, 5:25] = False
    assert kept(FilterLength(), data) == [[0]]


def test_someone_stays():
    assert kept(FilterLength(), clip((0, 2))) == [[0]]
    assert kept(FilterLength(), clip((0, 2), (0, 5), (10, 15))) == [[1]]


def test_bodies_that_were_never_observed_go():
    data = clip((0, 59), (0, 59))
    data.mask = data.mask.clone()
    data.mask[25:] = False
    assert kept(FilterLength(0), data) == [[0]]


# FilterSpread


def bodies_of(*wide, frames=FRAMES):
    """Bodies with a height of 1 and a width of 0.8, or 0.81 in the first ``wide`` frames."""
    x = torch.zeros(len(wide), frames, 25, 3, dtype=torch.float64)
    x[..., 12:, 1] = 1
    x[..., 12:, 0] = 0.8
    for body, number in enumerate(wide):
        x[body, :number, 12:, 0] = 0.81
    return x


def test_wide_bodies_are_dropped():
    data = clip(*[(0, 59)] * 3, x=bodies_of(41, 42, 0))
    # 41 / 60 = 0.683 and 42 / 60 = 0.7; 0.69754 lies between them.
    assert kept(FilterSpread(), data) == [[0], [2]]
    assert kept(FilterSpread(share=41 / 60), data) == [[2]]
    assert kept(FilterSpread(ratio=0.82), data) == [[0], [1], [2]]
    why = FilterSpread().clean(data)[1].changes[0].why
    assert why == "wider than 0.8 of its height in 42 of 60 frames, a share of 0.69754 or more"


def test_only_observed_frames_count():
    data = clip((0, 59), (0, 9), x=bodies_of(0, 10))
    assert kept(FilterSpread(), data) == [[0]]


def test_the_last_body_stays():
    data = clip(*[(0, 59)] * 3, x=bodies_of(60, 60, 60))
    assert kept(FilterSpread(), data) == [[2]]
    assert kept(FilterSpread(), clip((0, 59), x=bodies_of(60))) == [[0]]


def test_spread_needs_a_height():
    data = SkeletonData.from_array(torch.rand(4, 25, 1), "ntu25")
    with pytest.raises(ValueError, match="needs 2 or more coordinates, got C=1"):
        FilterSpread()(data)


# FilterMotion


def test_motion_outside_of_the_range_is_dropped():
    scale = torch.tensor([0.089924, 0.089926, 1.999, 2.001, 3.0]).sqrt().view(-1, 1, 1, 1)
    x = torch.zeros(5, FRAMES, 25, 3, dtype=torch.float64)
    x[:, ::2, :, 1], x[:, 1::2, :, 1] = 1, -1  # a variance of 1
    data = clip(*[(0, 59)] * 5, x=x * scale)
    assert kept(FilterMotion(), data) == [[1], [2], [4]]  # 3.0 is the largest and stays
    assert kept(FilterMotion(low=0, high=1), data) == [[0], [1], [4]]
    why = FilterMotion().clean(data)[1].changes[0].why
    assert why == "variance 0.089924, 0.089925 to 2.0 is kept"


def test_motion_of_plausible_frames():
    x = bodies_of(0, 0)
    x[1] *= 0.7  # variance 0.16 instead of 0.41 ...
    x[1, 0, 12:, 0] = 50  # ... and far more with its one implausible frame
    x[0] *= 0.9
    data = clip((0, 59), (0, 59), x=x)
    assert kept(FilterMotion(), data) == [[0], [1]]
    assert kept(FilterMotion(ratio=None), data) == [[0], [1]]
    assert kept(FilterMotion(high=0.25), data) == [[0], [1]]
    assert kept(FilterMotion(high=0.25, ratio=None), data) == [[1]]


# AssembleActors


@pytest.mark.parametrize(
    "spans, expected",
    [
        ([(0, 59)], [[0]]),
        ([(0, 30), (31, 59)], [[0, 1]]),
        ([(0, 30), (30, 59)], [[0, 1]]),  # a shared frame is no overlap
        ([(0, 30), (29, 59)], [[0], [1]]),  # two of them are
        ([(0, 59), (5, 20), (20, 40)], [[0], [1, 2]]),
        ([(0, 59), (5, 20), (19, 40)], [[0], [1]]),  # the third has no place
        ([(10, 20), (0, 5), (4, 8)], [[0, 1], [2]]),
        ([(20, 30), (0, 10), (40, 59)], [[0, 1, 2]]),
        ([(0, 59), (30, 40), (5, 20)], [[0], [1]]),  # the second actor's time begins at frame 0
        ([(20, 30), (40, 59), (32, 38)], [[0, 1], [2]]),  # between two bodies is within
    ],
)
def test_released_rule(spans, expected):
    assert kept(AssembleActors(), clip(*spans)) == expected


@pytest.mark.parametrize(
    "spans, expected",
    [
        ([(0, 30), (31, 59)], [[0, 1]]),
        ([(0, 30), (30, 59)], [[0], [1]]),
        ([(0, 59), (30, 40), (5, 20)], [[0], [1, 2]]),
        ([(20, 30), (40, 59), (32, 38)], [[0, 1, 2]]),
        ([(0, 59), (0, 40), (20, 59)], [[0], [1]]),
    ],
)
def test_frames_rule(spans, expected):
    assert kept(AssembleActors(rule="frames"), clip(*spans)) == expected


def test_number_of_actors():
    data = clip((0, 59), (0, 40), (20, 59))
    assert kept(AssembleActors(1), data) == [[0]]
    assert kept(AssembleActors(3), data) == [[0], [1], [2]]


def test_bodies_stay_in_their_frames_and_the_later_one_wins():
    data = clip((0, 30), (0, 59), (30, 50))
    data.score = torch.rand(75, FRAMES)
    out, report = AssembleActors().clean(data)
    assert report.persons == [(0, 2), (1,)]
    for key in ("x", "mask", "score"):
        actor, other = out[key][:25], out[key][25:]
        assert torch.equal(actor[:, :30], data[key][:25, :30])
        assert torch.equal(actor[:, 30:51], data[key][50:, 30:51])
        assert torch.equal(other, data[key][25:50])
    assert not out.mask[:25, 51:].any()
    change = report.changes[0]
    assert (change.action, change.bodies, change.number) == ("merged", (2,), 21)
    assert change.why == "continues the actor of body 0"


def test_what_has_no_place_is_reported():
    report = AssembleActors().clean(clip((0, 59), (5, 20), (19, 40)))[1]
    assert [tuple(c) for c in report.changes] == [
        ("AssembleActors", "dropped", (2,), 22, "overlaps each of 2 actors")
    ]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: FilterLength(-1), "threshold must be at least 0, got -1"),
        (lambda: FilterSpread(ratio=0), r"share in \(0, 1\], got 0 and 0.69754"),
        (lambda: FilterSpread(share=1.5), r"share in \(0, 1\], got 0.8 and 1.5"),
        (lambda: FilterMotion(2, 1), "needs 0 <= low <= high, got 2 and 1"),
        (lambda: AssembleActors(0), "num_persons must be at least 1, got 0"),
        (lambda: AssembleActors(rule="hull"), "rule must be 'released' or 'frames', got 'hull'"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(FilterLength()) == "FilterLength(11)"
    assert str(FilterSpread()) == "FilterSpread(ratio=0.8, share=0.69754)"
    assert str(FilterMotion()) == "FilterMotion(low=0.089925, high=2.0, ratio=0.8)"
    assert str(AssembleActors()) == "AssembleActors(2, rule='released')"
