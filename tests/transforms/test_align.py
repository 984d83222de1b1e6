import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.layout import list_layouts
from sgnkit.transforms import AlignBody


def clip(layout="kinect20", persons=2, frames=6, channels=3, mask=None, num_joints=20):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(persons, frames, num_joints, channels, generator=generator).double()
    return SkeletonData.from_array(x, layout, "MTVC", mask=mask)


def unit(v):
    return v / v.norm()


def test_align_turns_spine_then_shoulders():
    data = clip("ntu25", num_joints=25)
    out = AlignBody()(data).x
    x_axis, z_axis = torch.eye(3).double()[[0, 2]]
    torch.testing.assert_close(unit(out[8, 0] - out[4, 0]), x_axis)
    # The angle between the two lines stays, so the spine stands upright if they are square.
    before = torch.dot(unit(data.x[1, 0] - data.x[0, 0]), unit(data.x[8, 0] - data.x[4, 0]))
    torch.testing.assert_close(unit(out[1, 0] - out[0, 0])[0], before)
    data.x[8, 0] = data.x[4, 0] + torch.linalg.cross(data.x[1, 0] - data.x[0, 0], z_axis)
    out = AlignBody()(data).x
    torch.testing.assert_close(unit(out[1, 0] - out[0, 0]), z_axis)
    torch.testing.assert_close(unit(out[8, 0] - out[4, 0]), x_axis)


def test_align_is_one_rotation_of_everything():
    data = clip("ntu25", num_joints=25)
    left, right = data.x.flatten(0, 1), AlignBody()(data).x.flatten(0, 1)
    matrix = torch.linalg.lstsq(left, right).solution
    torch.testing.assert_close(left @ matrix, right)
    torch.testing.assert_close(matrix @ matrix.t(), torch.eye(3).double())
    assert torch.linalg.det(matrix).item() == pytest.approx(1)


def test_align_does_not_depend_on_the_view():
    data = clip("ntu25", num_joints=25)
    expected = AlignBody()(data).x
    turned = data.clone()
    turned.x = data.x @ torch.linalg.qr(torch.randn(3, 3).double())[0]
    if torch.linalg.det(torch.linalg.lstsq(data.x.flatten(0, 1), turned.x.flatten(0, 1))[0]) < 0:
        turned.x = -turned.x
    lines = (AlignBody()(turned).x, expected)
    for first, second in [(4, 8), (0, 1)]:
        torch.testing.assert_close(*(x[first].sub(x[second]).norm(dim=-1) for x in lines))
    torch.testing.assert_close(*(unit(x[8, 0] - x[4, 0]) for x in lines))


def test_align_turns_an_upside_down_body():
    data = clip("ntu25", num_joints=25)
    data.x[1, 0] = data.x[0, 0] - torch.tensor([0, 0, 2.0]).double()
    data.x[8, 0] = data.x[4, 0] - torch.tensor([0, 1.0, 0]).double()
    out = AlignBody()(data).x
    torch.testing.assert_close(unit(out[1, 0] - out[0, 0]), torch.tensor([0, 0, 1.0]).double())
    torch.testing.assert_close(unit(out[8, 0] - out[4, 0]), torch.tensor([1.0, 0, 0]).double())


def test_align_of_a_body_without_extent():
    data = clip("ntu25", num_joints=25)
    data.x[:] = 1
    assert torch.equal(AlignBody()(data).x, data.x)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("layout", [name for name in list_layouts()[:7]])
def test_align_knows_the_body_layouts(layout, channels):
    data = clip(layout, num_joints=int(layout[-2:]), channels=channels)
    out = AlignBody()(data)
    torch.testing.assert_close(out.x.norm(dim=-1), data.x.norm(dim=-1))


def test_align_in_the_plane():
    data = clip(channels=2)
    out = AlignBody()(data).x
    torch.testing.assert_close(unit(out[1, 0] - out[0, 0]), torch.tensor([0.0, 1.0]).double())


def test_align_needs_a_body():
    data = clip("hand21", num_joints=21)
    with pytest.raises(ValueError, match=r"'hand21' has no spine by name; give spine=\(joint, jo"):
        AlignBody()(data)
    with pytest.raises(ValueError, match="has no shoulders by name"):
        AlignBody(spine=("wrist", "middle_mcp"))(data)
    out = AlignBody(spine=("wrist", "middle_mcp"), shoulders=("pinky_mcp", "index_mcp"))(data).x
    torch.testing.assert_close(unit(out[5, 0] - out[17, 0]), torch.tensor([1.0, 0, 0]).double())
    with pytest.raises(ValueError, match="got C=4"):
        AlignBody()(clip(channels=4))


def test_repr():
    assert str(AlignBody()) == "AlignBody()"
    assert str(AlignBody(spine=(0, 1))) == "AlignBody(spine=(0, 1))"
