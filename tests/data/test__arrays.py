import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.errors import DataError

SIZES = {"M": 2, "T": 5, "V": 20, "C": 3}


def random_array(axes="MTVC", dtype="float32", seed=0, **sizes):
    rng = np.random.default_rng(seed)
    return rng.normal(size=[{**SIZES, **sizes}[a] for a in axes]).astype(dtype)


@pytest.mark.parametrize("array", [np.full((5, 20, 3), "a"), np.zeros((5, 20, 3), complex)])
def test_numbers_must_be_real(array):
    with pytest.raises(TypeError, match="array must hold real numbers"):
        SkeletonData.from_array(array, "kinect20")


# Persons


@pytest.mark.parametrize("empty", [0.0, np.nan])
def test_absent_persons_are_absent(empty):
    array = random_array(M=3)
    array[1] = empty
    data = SkeletonData.from_array(array, "kinect20", "MTVC")
    assert data.num_persons == 2
    np.testing.assert_array_equal(data.to_array("MTVC"), array[[0, 2]])
    assert data.person.unique().tolist() == [0, 1]


def test_masked_person_is_absent():
    mask = np.ones((2, 5, 20), bool)
    mask[0] = False
    array = random_array()
    data = SkeletonData.from_array(array, "kinect20", "MTVC", mask=mask)
    np.testing.assert_array_equal(data.to_array("TVC"), array[1])


def test_one_value_makes_a_person_present():
    array = np.zeros((2, 5, 20, 3), "float32")
    array[0, 0, 0, 0] = array[1, 4, 19, 2] = 1e-6
    assert SkeletonData.from_array(array, "kinect20", "MTVC").num_persons == 2


def test_all_persons_can_be_kept():
    array = random_array()
    array[1] = 0
    data = SkeletonData.from_array(array, "kinect20", "MTVC", persons="all")
    assert data.num_persons == 2
    np.testing.assert_array_equal(data.to_array("MTVC"), array)


def test_padding_comes_back_on_request():
    array = random_array()
    array[1] = 0
    data = SkeletonData.from_array(array, "kinect20", "MTVC")
    assert data.num_persons == 1
    np.testing.assert_array_equal(data.to_array("CTVM", num_persons=2), array.transpose(3, 1, 2, 0))


def test_clip_without_person():
    zeros = np.zeros((2, 5, 20, 3))
    with pytest.raises(DataError, match=r"holds no person\n.*axis M\n.*\n.*2 bodies without one"):
        SkeletonData.from_array(zeros, "kinect20", "MTVC")
    assert SkeletonData.from_array(zeros[0], "kinect20").num_persons == 1


# Missing values


def test_nan_names_person_frame_and_joint():
    array = random_array()
    array[1, 2, 3, 0] = np.nan
    array[1, 4, 0, 0] = np.inf
    with pytest.raises(DataError) as info:
        SkeletonData.from_array(array, "kinect20", "MTVC")
    for part in (
        "person 1, frame 2, joint 3 ('head')",
        "[nan, ",
        "2 such joints",
        "missing='mask'",
    ):
        assert part in str(info.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_can_mean_not_observed(value):
    array = random_array()
    array[1, 2, 3, 1] = value
    data = SkeletonData.from_array(array, "kinect20", "MTVC", missing="mask")
    assert (~data.mask).nonzero().tolist() == [[23, 2]]
    assert data.x[23, 2].tolist() == [0, 0, 0]
    assert data.validate()


def test_zeros_can_mean_not_observed():
    array = random_array("TVC")
    array[2, 3] = 0
    array[1, 4, 0] = 0
    array[0, 5] = np.nan
    data = SkeletonData.from_array(array, "kinect20", missing="zeros")
    assert (~data.mask).nonzero().tolist() == [[3, 2], [5, 0]]


def test_nan_under_a_mask_becomes_zero():
    array = random_array("TVC")
    mask = np.ones((5, 20), bool)
    mask[2, 3] = mask[1, 1] = False
    array[2, 3] = np.nan
    data = SkeletonData.from_array(array, "kinect20", mask=mask)
    assert data.x[3, 2].tolist() == [0, 0, 0]
    assert data.x[1, 1].tolist() == array[1, 1].tolist()
    np.testing.assert_array_equal(data.to_array("TV", attr="mask"), mask)


def test_mask_is_copied():
    mask = torch.ones(5, 20, dtype=torch.bool)
    data = SkeletonData.from_array(random_array("TVC"), "kinect20", mask=mask)
    mask[:] = False
    assert data.mask.all()


@pytest.mark.parametrize("mask", [np.ones((20, 5), bool), np.ones((5, 20))])
def test_wrong_mask(mask):
    with pytest.raises(DataError, match=r"axes 'TV', shape \(5, 20\)(.|\n)*score > threshold"):
        SkeletonData.from_array(random_array("TVC"), "kinect20", mask=mask)


# Errors


def test_wrong_joint_count_lists_layouts_that_fit():
    with pytest.raises(DataError) as info:
        SkeletonData.from_array(random_array("TVC"), "ntu25")
    for part in (
        "layout 'ntu25'",
        "axis 1 (V) of shape (5, 20, 3), axes='TVC'",
        "expected: 25 joints",
        "found:    20 joints",
        "layouts with 20 joints: kinect20, utd_mhad20",
    ):
        assert part in str(info.value)


def test_wrong_joint_count_hints_at_the_axes():
    with pytest.raises(DataError, match=r"another axis has 20: check axes='CVT'; or no registered"):
        SkeletonData.from_array(random_array("CTV"), "kinect20", "CVT")


@pytest.mark.parametrize("axes", ["TV", "TVCN", "TTVC", "NTVC", "tvc", ""])
def test_wrong_axes(axes):
    with pytest.raises(ValueError, match=f"axes must be the letters .*, got '{axes}'"):
        SkeletonData.from_array(random_array(), "kinect20", axes)


def test_wrong_number_of_axes():
    with pytest.raises(DataError, match=r"3 axes\n.*4 axes, shape \(2, 5, 20, 3\)"):
        SkeletonData.from_array(random_array(), "kinect20", "TVC")


def test_empty_array():
    with pytest.raises(DataError, match=r"the array is empty\n.*axis 0 \(T\)"):
        SkeletonData.from_array(np.zeros((0, 20, 3)), "kinect20")
