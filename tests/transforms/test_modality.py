import pytest
import torch

from sgnkit.data import MODALITIES, SkeletonData, to_modalities
from sgnkit.transforms import Compose, RandomRotate, ToModalities


def clip():
    x = torch.randn(2, 6, 20, 3, generator=torch.Generator().manual_seed(1))
    return SkeletonData.from_array(x, "kinect20", "MTVC")


@pytest.mark.parametrize("names", [MODALITIES, ("bone",), ("joint_motion", "joint")])
def test_channels_hold_the_modalities_in_order(names):
    data = clip()
    out = ToModalities(names)(data)
    assert out.x.shape == (40, 6, 3 * len(names))
    streams = to_modalities(data.x, data.parent_index, names)
    for part, stream in zip(out.x.split(3, dim=-1), streams, strict=True):
        assert torch.equal(part, stream)
    assert out.modality == "+".join(names)


def test_one_name():
    data = clip()
    out = ToModalities("bone")(data)
    assert torch.equal(out.x, to_modalities(data.x, data.parent_index, "bone")[0])


def test_augmentation_is_shared():
    data = clip()
    out = Compose([RandomRotate(60), ToModalities(["joint", "bone"])])(data)
    joint, bone = out.x.split(3, dim=-1)
    torch.testing.assert_close(bone, joint - joint[data.parent_index])


def test_twice_is_an_error():
    data = ToModalities("bone")(clip())
    with pytest.raises(ValueError, match="the clip holds 'bone' already"):
        ToModalities("bone")(data)


def test_unknown_modality():
    with pytest.raises(ValueError, match=r"unknown modality 'bon' \(did you mean 'bone'\?\)"):
        ToModalities("bon")


def test_repr():
    assert str(ToModalities(["joint", "bone"])) == "ToModalities('joint', 'bone')"
