import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.layout import get_layout
from sgnkit.transforms import (
    CutEmptyFrames,
    FillMissing,
    FilterJumps,
    LoopFrames,
    ZeroMissing,
)


def clip(persons=2, frames=6, layout="kinect20", mask=None):
    shape = (persons, frames, get_layout(layout).num_joints, 3)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return SkeletonData.from_array(x, layout, "MTVC", mask=mask, persons="all")


def seen(*frames, length=6):
    """A mask of bodies that are observed in some frames."""
    mask = torch.zeros(len(frames), length, 20, dtype=torch.bool)
    for body, index in enumerate(frames):
        mask[body, list(index)] = True
    return mask


# CutEmptyFrames


def test_frames_without_anybody_are_cut():
    data = clip(mask=seen([1, 2], [2, 4]))
    data.score = torch.rand(40, 6)
    out, report = CutEmptyFrames().clean(data)
    assert out.validate() and out.num_frames == 6
    for key in ("x", "mask", "score"):
        assert torch.equal(out[key], data[key][:, [1, 2, 4]])
    assert [tuple(c) for c in report.changes] == [
        ("CutEmptyFrames", "cut", (), 3, "3 of 6 frames with nobody in them")
    ]
    assert (report.frames_before, report.frames_after) == (6, 3)
    assert torch.equal(CutEmptyFrames("first")(data).x, data.x[:, [1, 2]])


def test_clips_without_empty_frames_and_without_others_stay():
    for mask in (None, seen([], [])):
        data = clip(mask=mask)
        out, report = CutEmptyFrames().clean(data)
        assert torch.equal(out.x, data.x) and not report.changes


# FillMissing


def test_fill_interpolates_and_holds_the_ends():
    x = torch.zeros(7, 20, 3)
    x[:, 5] = torch.tensor([9.0, 2, 9, 9, 8, 5, 9]).unsqueeze(1)
    mask = torch.ones(7, 20, dtype=torch.bool)
    mask[:, 5] = torch.tensor([False, True, False, False, True, True, False])
    data = SkeletonData.from_array(x, "kinect20", mask=mask)
    out = FillMissing()(data)
    assert out.x[5, :, 0].tolist() == [2, 2, 4, 6, 8, 5, 5]
    assert torch.equal(out.mask, data.mask)
    assert out.x[:5].abs().max() == 0


def test_fill_keeps_what_was_observed_and_never_observed():
    mask = torch.rand(2, 6, 20, generator=torch.Generator().manual_seed(0)) > 0.5
    mask[1, :, 7] = False
    data = clip(mask=mask)
    out = FillMissing()(data)
    assert torch.equal(out.x[data.mask], data.x[data.mask])
    assert torch.equal(out.x[27], data.x[27])
    assert torch.equal(FillMissing()(out).x, out.x)


def test_fill_repairs_a_straight_line():
    x = torch.arange(10.0).view(10, 1, 1).repeat(1, 20, 3) * torch.tensor([1.0, -2.0, 0.5])
    mask = torch.rand(10, 20, generator=torch.Generator().manual_seed(0)) > 0.5
    mask[0] = mask[-1] = True
    broken = x.clone()
    broken[~mask] = torch.nan
    data = SkeletonData.from_array(broken, "kinect20", missing="mask")
    torch.testing.assert_close(FillMissing()(data).x, x.transpose(0, 1))


def test_fill_leaves_long_gaps():
    x = torch.arange(12.0).view(12, 1, 1).repeat(1, 20, 3)
    mask = torch.ones(12, 20, dtype=torch.bool)
    mask[[0, 1, 3, 6, 7, 8, 11], 5] = False
    x[~mask] = -1
    data = SkeletonData.from_array(x, "kinect20", mask=mask)
    out, report = FillMissing(max_gap=2).clean(data)
    assert out.x[5, :, 0].tolist() == [2, 2, 2, 3, 4, 5, -1, -1, -1, 9, 10, 10]
    assert torch.equal(out.mask, data.mask)
    assert [tuple(c) for c in report.changes] == [
        ("FillMissing", "filled", (0,), 4, "4 joints in 4 frames"),
        ("FillMissing", "left", (0,), 3, "3 joints in 3 frames: never observed, or gaps above 2"),
    ]
    assert FillMissing(max_gap=3)(data).x[5, 7, 0] == 7


def test_fill_reports_each_body():
    mask = seen(range(6), [0, 1, 5])
    mask[1, :, 7] = False
    report = FillMissing().clean(clip(mask=mask))[1]
    assert [tuple(c) for c in report.changes] == [
        ("FillMissing", "filled", (1,), 57, "57 joints in 3 frames"),
        ("FillMissing", "left", (1,), 6, "6 joints in 6 frames: never observed"),
    ]


# FilterJumps


def still(frames=9, persons=1):
    """Bodies of size 2 that do not move."""
    x = torch.zeros(persons, frames, 20, 3, dtype=torch.float64)
    x[..., 3, 1] = 2
    return x


def test_jumps_above_a_share_of_the_body_are_hidden():
    x = still()
    x[0, 4, 7, 0] = 0.99  # half of the body is 1
    x[0, 6, 8, 2] = -1.01
    data = SkeletonData.from_array(x, "kinect20", "MTVC")
    out, report = FilterJumps().clean(data)
    assert (~out.mask).nonzero().tolist() == [[8, 6]]
    assert torch.equal(out.x, data.x)
    assert [tuple(c) for c in report.changes] == [
        ("FilterJumps", "hidden", (0,), 1, "1 joint in 1 frame, first right_shoulder in frame 6")
    ]
    assert (~FilterJumps(0.49)(data).mask).nonzero().tolist() == [[7, 4], [8, 6]]
    assert FilterJumps(0.51)(data).mask.all()


@pytest.mark.parametrize("start", range(9))
def test_jumps_of_two_frames_anywhere(start):
    x = still()
    x[0, start : start + 2, 7] += 9
    data = SkeletonData.from_array(x, "kinect20", "MTVC")
    hidden = (~FilterJumps()(data).mask).nonzero().tolist()
    assert hidden == [[7, t] for t in range(start, min(start + 2, 9))]


def test_movement_is_no_jump():
    x = still(20)
    x += torch.arange(20.0, dtype=torch.float64).view(20, 1, 1)  # half a body in each frame
    hidden = (~FilterJumps()(SkeletonData.from_array(x, "kinect20", "MTVC")).mask).any(0)
    assert hidden.nonzero().flatten().tolist() == [0, 1, 18, 19]  # no frames about them
    x = still(20)
    x += torch.arange(20.0, dtype=torch.float64).view(20, 1, 1) / 8  # an eighth of a body
    assert FilterJumps(0.25)(SkeletonData.from_array(x / 2, "kinect20", "MTVC")).mask.all()
    x = still(20)
    x[:, 10:] += 7  # the body is elsewhere, and stays there
    assert FilterJumps()(SkeletonData.from_array(x, "kinect20", "MTVC")).mask.all()


def test_bodies_have_sizes_of_their_own():
    x = still(persons=2)
    x[1] *= 0.1
    x[:, 4, 7, 0] = 0.5
    data = SkeletonData.from_array(x, "kinect20", "MTVC")
    assert (~FilterJumps()(data).mask).nonzero().tolist() == [[27, 4]]


def test_what_is_hidden_already_does_not_count():
    x = still()
    x[0, 4:, 7] = 50  # wild, but known to be
    mask = torch.ones(1, 9, 20, dtype=torch.bool)
    mask[0, 4:, 7] = False
    data = SkeletonData.from_array(x, "kinect20", "MTVC", mask=mask)
    out, report = FilterJumps().clean(data)
    assert torch.equal(out.mask, data.mask) and not report.changes
    mask[0, [0, 2], 7] = False  # two observations are left: no judge
    x[0, 1, 7] = 9
    data = SkeletonData.from_array(x, "kinect20", "MTVC", mask=mask)
    assert torch.equal(FilterJumps()(data).mask, data.mask)


def test_jumps_are_filled():
    x = still()
    x[0, 4, 7, 0] = 9
    data = SkeletonData.from_array(x, "kinect20", "MTVC")
    assert torch.equal(FillMissing()(FilterJumps()(data)).x[7, 4], data.x[7, 3])


# LoopFrames


def loop(frames, length=6, num_frames=10):
    x = torch.arange(float(length)).view(1, -1, 1, 1).repeat(1, 1, 20, 3)
    data = SkeletonData.from_array(
        x, "kinect20", "MTVC", mask=seen(frames, length=length), persons="all"
    )
    out = LoopFrames(num_frames)(data)
    assert out.mask.all(dim=0).equal(out.mask.any(dim=0)) and out.validate()
    return [int(t) if s else None for t, s in zip(out.x[0, :, 0], out.mask[0], strict=True)]


@pytest.mark.parametrize(
    "frames, expected",
    [
        (range(6), [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]),
        ([0, 1, 2], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]),
        ([0, 2], [0, None, 2, 0, None, 2, 0, None, 2, 0]),  # a gap inside stays
        ([2, 3, 5], [2, 3, 5, 2, 3, 5, 2, 3, 5, 2]),  # absent at first: all gaps close
        ([], [None] * 10),
    ],
)
def test_clips_start_anew(frames, expected):
    assert loop(frames) == expected


def test_longer_clips_stay():
    data = clip()
    out, report = LoopFrames(6).clean(data)
    assert torch.equal(out.x, data.x) and not report.changes
    assert torch.equal(LoopFrames(2)(data).x, data.x)


def test_each_person_starts_at_the_front():
    data = clip(mask=seen([0, 1, 2, 3], [4, 5]))
    out, report = LoopFrames(8).clean(data)
    assert torch.equal(out.x[:20], data.x[:20][:, [0, 1, 2, 3, 0, 1, 2, 3]])
    assert torch.equal(out.x[20:], data.x[20:][:, [4, 5, 4, 5, 4, 5, 4, 5]])
    assert [(c.bodies, c.number, c.why) for c in report.changes] == [
        ((0,), 4, "4 frames repeated until there are 8"),
        ((1,), 6, "2 frames repeated until there are 8"),
    ]


# ZeroMissing


def test_zeros_where_nothing_was_observed():
    data = clip(mask=seen(range(6), [0]))
    out, report = ZeroMissing().clean(data)
    assert torch.equal(out.x[data.mask], data.x[data.mask])
    assert out.x[~data.mask].abs().max() == 0
    assert [tuple(c) for c in report.changes] == [
        ("ZeroMissing", "zeroed", (1,), 100, "100 joints over all frames")
    ]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: CutEmptyFrames("all"), "person must be 'any' or 'first', got 'all'"),
        (lambda: FillMissing(0), "max_gap must be at least 1, got 0"),
        (lambda: FilterJumps(0), "at least 3, got 0 and 5"),
        (lambda: FilterJumps(window=4), "at least 3, got 0.5 and 4"),
        (lambda: LoopFrames(0), "num_frames must be at least 1, got 0"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(CutEmptyFrames()) == "CutEmptyFrames('any')"
    assert str(FillMissing()) == "FillMissing()"
    assert str(FillMissing(5)) == "FillMissing(max_gap=5)"
    assert str(FilterJumps()) == "FilterJumps(distance=0.5, window=5)"
    assert str(LoopFrames()) == "LoopFrames(300)"
    assert str(ZeroMissing()) == "ZeroMissing()"
