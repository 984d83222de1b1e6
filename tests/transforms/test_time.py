import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import RandomCropResize, UniformSample


def ramp(length, missing=()):
    """A clip whose coordinates are the frame number."""
    x = torch.arange(float(length)).view(-1, 1, 1).repeat(1, 20, 3)
    mask = torch.ones(length, 20, dtype=torch.bool)
    mask[list(missing)] = False
    return SkeletonData.from_array(x, "kinect20", mask=mask)


def frames(data):
    assert (data.x == data.x[:1, :, :1]).all()
    return data.x[0, :, 0].tolist()


@pytest.mark.parametrize(
    "length, num_frames, expected",
    [
        (5, 5, [0, 1, 2, 3, 4]),
        (10, 4, [0, 3, 6, 9]),
        (10, 5, [0, 2, 4, 6, 9]),
        (3, 7, [0, 0, 0, 1, 1, 1, 2]),
        (1, 4, [0, 0, 0, 0]),
        (9, 1, [0]),
    ],
)
def test_even_sampling(length, num_frames, expected):
    assert frames(UniformSample(num_frames)(ramp(length))) == expected


@pytest.mark.parametrize("length", [1, 2, 31, 52, 53, 201])
def test_even_sampling_is_the_floor_of_an_even_grid(length):
    got = frames(UniformSample(52)(ramp(length)))
    grid = torch.arange(52, dtype=torch.float64) * (length - 1) / 51
    assert got == (grid + 1e-9).floor().tolist()
    assert (got[0], got[-1]) == (0, length - 1)


@pytest.mark.parametrize("mode", ["draw", "segment"])
@pytest.mark.parametrize("length", [1, 7, 52, 120])
def test_random_sampling_is_sorted_and_in_range(mode, length):
    torch.manual_seed(0)
    transform, data = UniformSample(52, random=True, mode=mode), ramp(length)
    seen = set()
    for _ in range(200):
        got = frames(transform(data))
        assert got == sorted(got) and len(got) == 52
        seen.update(got)
    assert seen == set(range(length))


def test_draw_takes_all_frames_equally_often():
    torch.manual_seed(0)
    transform, data = UniformSample(52, random=True), ramp(10)
    drawn = torch.cat([transform(data).x[0, :, 0] for _ in range(200)])
    counts = drawn.long().bincount(minlength=10)
    assert (counts - 1040).abs().max() < 5 * 1040**0.5


def test_segment_takes_one_frame_of_each_part():
    torch.manual_seed(0)
    transform, data = UniformSample(8, random=True, mode="segment"), ramp(20)
    for _ in range(50):
        got = torch.tensor(frames(transform(data)))
        low = torch.arange(8) * 20 // 8
        high = torch.arange(1, 9) * 20 // 8
        assert ((got >= low) & (got < high)).all()


def test_sampling_carries_mask_and_recorded_frames():
    data = ramp(10, missing=[3])
    out = UniformSample(4)(data)
    assert out.mask[0].tolist() == [True, False, True, True]
    assert out.num_frames == data.num_frames == 10


@pytest.mark.parametrize(
    "length, num_frames, expected",
    [
        (10, 4, [0.75, 3.25, 5.75, 8.25]),
        (100, 8, [7.5, 19.5, 31.5, 43.5, 55.5, 67.5, 79.5, 91.5]),
    ],
)
def test_central_crop_check_numbers(length, num_frames, expected):
    assert frames(RandomCropResize(num_frames, scale=0.95)(ramp(length))) == expected


def test_central_crop_stretches():
    got = frames(RandomCropResize(64, scale=0.95)(ramp(50)))
    assert got[:3] == [1.0, 1.625, 2.375]
    assert got[-1] == 48.0
    assert got == sorted(got)


def test_full_scale_of_equal_length_changes_nothing():
    data = ramp(12, missing=[5])
    for scale in (1.0, (1.0, 1.0)):
        out = RandomCropResize(12, scale)(data)
        assert torch.equal(out.x, data.x) and torch.equal(out.mask, data.mask)


def test_random_crop_draws_share_and_place():
    torch.manual_seed(0)
    transform, data = RandomCropResize(100, scale=(0.5, 0.8)), ramp(100)
    lengths, starts = [], []
    for _ in range(300):
        got = frames(transform(data))
        starts.append(got[0])
        lengths.append(got[-1] - got[0] + 1)
        assert got == sorted(got) and got[0] >= 0 and got[-1] <= 99
    assert 50 <= min(lengths) < 54 and 76 < max(lengths) <= 80
    assert min(starts) == 0 and max(starts) > 45


def test_min_frames_makes_crops_of_short_clips_inert():
    transform, data = RandomCropResize(64, (0.5, 1.0), min_frames=64), ramp(60)
    assert frames(transform(data)) == frames(RandomCropResize(64, 1.0)(data))


def test_resized_mask_needs_both_frames():
    data = ramp(4, missing=[2])
    out = RandomCropResize(8, 1.0)(data)  # positions 0 .25 .75 1.25 1.75 2.25 2.75 3.25
    assert out.mask[0].tolist() == [True, True, True, False, False, False, False, True]
    out = RandomCropResize(4, 1.0)(data)
    assert out.mask[0].tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: UniformSample(0), "num_frames must be at least 1, got 0"),
        (lambda: UniformSample(8, mode="all"), "'draw' or 'segment', got 'all'"),
        (lambda: RandomCropResize(0), "must be at least 1, got 0 and 1"),
        (lambda: RandomCropResize(8, min_frames=0), "got 8 and 0"),
        (lambda: RandomCropResize(8, 1.5), r"share in \(0, 1\].*got 1.5"),
        (lambda: RandomCropResize(8, (0.9, 0.5)), r"got \(0.9, 0.5\)"),
        (lambda: RandomCropResize(8, (0.0, 0.5)), r"got \(0.0, 0.5\)"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(UniformSample(52)) == "UniformSample(52)"
    assert str(UniformSample(52, random=True)) == "UniformSample(52, random=True, mode='draw')"
    assert str(RandomCropResize(64)) == "RandomCropResize(64, scale=(0.5, 1.0))"
    assert str(RandomCropResize(64, 0.95, 64)) == "RandomCropResize(64, scale=0.95, min_frames=64)"
