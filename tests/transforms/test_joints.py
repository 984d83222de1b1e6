import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.layout import get_layout
from sgnkit.transforms import DropJoints, MirrorLeftRight, PadPersons, SelectJoints


def clip(persons=2, frames=6, layout="kinect20", mask=None):
    shape = (persons, frames, get_layout(layout).num_joints, 3)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return SkeletonData.from_array(x, layout, "MTVC", mask=mask)


# MirrorLeftRight


def test_mirror_negates_the_axis_and_swaps_the_sides():
    data = clip()
    data.mask[20 + 4, 3] = False
    out = MirrorLeftRight(p=1)(data)
    swap = list(range(20))
    for left, right in get_layout("kinect20").pairs:
        swap[left], swap[right] = right, left
    for person in range(2):
        for joint in range(20):
            source = data.x[20 * person + swap[joint]] * torch.tensor([-1, 1, 1])
            assert torch.equal(out.x[20 * person + joint], source)
    assert (~out.mask).nonzero().tolist() == [[20 + 8, 3]]
    assert torch.equal(out.joint, data.joint) and torch.equal(out.edge_index, data.edge_index)


def test_mirror_another_axis():
    data = clip()
    out = MirrorLeftRight(p=1, axis=2)(data)
    assert torch.equal(out.x[0], data.x[0] * torch.tensor([1, 1, -1]))


def test_mirror_happens_with_probability_p():
    torch.manual_seed(0)
    data, transform = clip(), MirrorLeftRight(0.3)
    mirrored = sum(not torch.equal(transform(data).x, data.x) for _ in range(1000))
    assert 250 < mirrored < 350
    assert torch.equal(MirrorLeftRight(0)(data).x, data.x)


# DropJoints


def test_dropped_joints_are_hidden_for_the_whole_clip_in_all_persons():
    torch.manual_seed(0)
    data = clip()
    out = DropJoints(0.3)(data)
    hidden = ~out.mask
    joints = hidden[:20, 0]
    assert 0 < joints.sum() < 20
    assert torch.equal(hidden, joints.repeat(2).unsqueeze(1).expand(-1, 6))
    assert out.x[hidden].abs().max() == 0
    assert torch.equal(out.x[~hidden], data.x[~hidden])


def test_dropping_rate():
    torch.manual_seed(0)
    data = clip()
    share = torch.stack([(~DropJoints(0.2)(data).mask).float().mean() for _ in range(300)]).mean()
    assert share.item() == pytest.approx(0.2, abs=0.02)
    assert DropJoints(0)(data).mask.all()


def test_dropping_keeps_what_was_missing():
    data = clip()
    data.mask[3, 2] = False
    assert not DropJoints(0)(data).mask[3, 2]


# PadPersons


def test_padded_bodies_are_zero_and_not_observed():
    data = clip(persons=1)
    out = PadPersons(3)(data)
    assert out.validate() and out.num_persons == 3
    assert torch.equal(out.x[:20], data.x)
    assert out.x[20:].abs().max() == 0
    assert out.mask[:20].all() and not out.mask[20:].any()
    expected = SkeletonData.from_array(out.to_array("MTVC"), "kinect20", "MTVC", persons="all")
    for key in ("edge_index", "edge_type", "joint", "person", "parent_index"):
        assert torch.equal(out[key], expected[key])


def test_padding_never_removes():
    data = clip(persons=2)
    out = PadPersons(1)(data)
    assert torch.equal(out.x, data.x) and out.num_persons == 2


# SelectJoints


def test_select_finds_joints_by_name():
    data = clip(layout="utd_mhad20")
    data.mask[20, 1] = False  # head of person 1
    out = SelectJoints("kinect20")(data)
    assert out.validate() and out.layout == "kinect20"
    order = [3, 2, 1, 0, *range(4, 20)]  # the published index list
    expected = data.to_array("MTVC")[:, :, order]
    assert (out.to_array("MTVC") == expected).all()
    assert (~out.mask).nonzero().tolist() == [[23, 1]]


def test_select_needs_every_joint():
    with pytest.raises(ValueError, match="'kinect20' has no joint 'nose'"):
        SelectJoints("coco17")(clip())


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MirrorLeftRight(1.5), r"p must be in \[0, 1\], got 1.5"),
        (lambda: MirrorLeftRight(1, axis=3)(clip()), r"axis must be in \[0, 3\) for C=3, got 3"),
        (lambda: DropJoints(1.0), r"p must be in \[0, 1\), got 1.0"),
        (lambda: PadPersons(0), "num_persons must be at least 1, got 0"),
        (lambda: SelectJoints("ntu52"), "unknown layout 'ntu52'"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(MirrorLeftRight()) == "MirrorLeftRight(p=0.5, axis=0)"
    assert str(DropJoints()) == "DropJoints(p=0.1)"
    assert str(PadPersons()) == "PadPersons(2)"
    assert str(SelectJoints("kinect20")) == "SelectJoints('kinect20')"
