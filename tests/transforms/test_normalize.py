import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import Center, MinMaxNormalize


def clip(layout="kinect20", persons=2, frames=6, channels=3, mask=None, num_joints=20):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(persons, frames, num_joints, channels, generator=generator).double()
    return SkeletonData.from_array(x, layout, "MTVC", mask=mask)


# Center


def test_center_subtracts_the_first_person_in_the_first_frame():
    data = clip()
    out = Center()(data)
    assert torch.equal(out.x, data.x - data.x[2, 0])
    assert torch.equal(Center("spine")(data).x, data.x - data.x[1, 0])
    assert torch.equal(Center(1)(data).x, Center("spine")(data).x)


def test_center_in_each_frame():
    data = clip()
    out = Center("head", frame="each")(data)
    assert torch.equal(out.x, data.x - data.x[3])
    assert out.x[3].abs().max() == 0


def test_center_of_several_joints():
    data = clip()
    out = Center(("left_hip", "right_hip"))(data)
    torch.testing.assert_close(out.x, data.x - (data.x[12, 0] + data.x[16, 0]) / 2)


def test_center_waits_for_the_first_observation():
    mask = torch.ones(2, 6, 20, dtype=torch.bool)
    mask[0, :2, 2] = False
    data = clip(mask=mask)
    assert torch.equal(Center()(data).x, data.x - data.x[2, 2])
    mask[0, :, 2] = False
    data = clip(mask=mask)
    assert torch.equal(Center()(data).x, data.x - data.x[2, 0])


def test_center_errors():
    with pytest.raises(ValueError, match="'first' or 'each', got 'last'"):
        Center(frame="last")
    with pytest.raises(ValueError, match="no joint 'nose'"):
        Center("nose")(clip())


# MinMaxNormalize


def test_min_max_is_exact_over_frames_joints_and_persons():
    data = clip()
    out = MinMaxNormalize()(data)
    low, high = data.x.amin((0, 1)), data.x.amax((0, 1))
    torch.testing.assert_close(out.x, 2 * (data.x - low) / (high - low) - 1)
    assert out.x.amin((0, 1)).tolist() == [-1, -1, -1]
    assert out.x.amax((0, 1)).tolist() == [1, 1, 1]


def test_min_max_takes_scale_and_place_out():
    data = clip()
    moved = data.clone()
    moved.x = data.x * 3 + 7
    torch.testing.assert_close(MinMaxNormalize()(moved).x, MinMaxNormalize()(data).x)


def test_axis_without_extent_becomes_zero():
    data = clip()
    data.x[..., 1] = 5
    out = MinMaxNormalize()(data)
    assert out.x[..., 1].abs().max() == 0
    assert out.x[..., 0].amax() == 1


def test_min_max_leaves_out_what_was_not_observed():
    data = clip()
    expected = MinMaxNormalize()(data).x
    data.x[7, 3] = 100
    data.mask[7, 3] = False
    keep = data.mask.clone()
    low, high = data.x[keep].amin(0), data.x[keep].amax(0)
    out = MinMaxNormalize()(data).x
    torch.testing.assert_close(out, 2 * (data.x - low) / (high - low) - 1)
    assert out[keep].amin(0).tolist() == [-1, -1, -1] and out[keep].amax(0).tolist() == [1, 1, 1]
    assert expected.shape == out.shape


def test_min_max_with_nothing_observed():
    data = clip()
    data.mask[:] = False
    assert MinMaxNormalize()(data).x.abs().max() == 0


def test_repr():
    assert str(Center()) == "Center(frame='first')"
    assert str(Center("spine", frame="each")) == "Center('spine', frame='each')"
    assert str(Center(causal=True)) == "Center(frame='first', causal=True)"
    assert str(MinMaxNormalize(causal=True)) == "MinMaxNormalize(causal=True)"
