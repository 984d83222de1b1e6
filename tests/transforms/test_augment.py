import math

import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import Jitter, RandomRotate, RandomScale, rotation_matrix


def clip(persons=2, channels=3, frames=6, **kwargs):
    x = torch.randn(persons, frames, 20, channels, generator=torch.Generator().manual_seed(1))
    return SkeletonData.from_array(x.double(), "kinect20", "MTVC", **kwargs)


def solve(before, after):
    """Returns the matrix R of after = R before, and how badly it fits."""
    left, right = before.x.flatten(0, 1), after.x.flatten(0, 1)
    matrix = torch.linalg.lstsq(left, right).solution
    return matrix.t(), (left @ matrix - right).abs().max().item()


def test_rotation_check_numbers():
    expected = [
        [0.93629, 0.31299, -0.15935],
        [-0.28963, 0.94470, 0.15379],
        [0.19867, -0.09784, 0.97517],
    ]
    got = rotation_matrix(0.1, 0.2, 0.3)
    torch.testing.assert_close(got, torch.tensor(expected).double(), atol=1e-5, rtol=0)


def test_rotation_is_the_product_about_z_y_x():
    def about(axis, angle):
        return rotation_matrix(*(angle if a == axis else 0.0 for a in "xyz"))

    angles = dict(zip("xyz", (0.4, -1.1, 2.5), strict=True))
    product = about("z", 2.5) @ about("y", -1.1) @ about("x", 0.4)
    torch.testing.assert_close(rotation_matrix(*angles.values()), product)
    c, s = math.cos(0.4), math.sin(0.4)
    expected = torch.tensor([[1, 0, 0], [0, c, s], [0, -s, c]]).double()
    torch.testing.assert_close(about("x", 0.4), expected)
    torch.testing.assert_close(product @ product.t(), torch.eye(3).double())
    assert torch.linalg.det(product).item() == pytest.approx(1)


def test_one_rotation_for_all_persons_and_frames():
    torch.manual_seed(0)
    data = clip()
    matrix, residual = solve(data, RandomRotate(60)(data))
    assert residual < 1e-12
    torch.testing.assert_close(matrix @ matrix.t(), torch.eye(3).double())
    assert (matrix - torch.eye(3)).abs().max() > 0.05


@pytest.mark.parametrize("axis", "xyz")
def test_rotation_about_one_axis_keeps_it(axis):
    torch.manual_seed(0)
    data, index = clip(), "xyz".index(axis)
    for _ in range(20):
        out = RandomRotate(30, axes=axis)(data)
        torch.testing.assert_close(out.x[..., index], data.x[..., index])
        matrix, _ = solve(data, out)
        assert matrix.trace() >= 1 + 2 * math.cos(math.radians(30)) - 1e-9


def test_angles_fill_the_interval():
    torch.manual_seed(0)
    data = clip()
    matrices = [solve(data, RandomRotate(60, axes="z")(data))[0] for _ in range(400)]
    angles = torch.tensor([math.degrees(math.atan2(m[0, 1], m[0, 0])) for m in matrices])
    assert angles.min() < -55 and angles.max() > 55 and angles.abs().max() <= 60
    assert angles.mean().abs() < 6
    assert angles.std() == pytest.approx(60 / 3**0.5, abs=3)


def test_two_coordinates_turn_in_their_plane():
    torch.manual_seed(0)
    data = clip(channels=2)
    out = RandomRotate(60)(data)
    torch.testing.assert_close(out.x.norm(dim=-1), data.x.norm(dim=-1))
    assert not torch.allclose(out.x, data.x)
    with pytest.raises(ValueError, match="'z' among the axes, got C=2 and axes='xy'"):
        RandomRotate(60, axes="xy")(data)
    with pytest.raises(ValueError, match="got C=4"):
        RandomRotate(60)(clip(channels=4))


def test_zero_degrees_change_nothing():
    data = clip()
    assert torch.equal(RandomRotate(0)(data).x, data.x)


def test_one_factor_for_the_whole_clip():
    torch.manual_seed(0)
    data = clip()
    factors = []
    for _ in range(300):
        ratio = RandomScale((0.5, 1.5))(data).x / data.x
        torch.testing.assert_close(ratio, ratio[0, 0, 0].expand_as(ratio))
        factors.append(ratio[0, 0, 0].item())
    assert 0.5 <= min(factors) < 0.52 and 1.48 < max(factors) <= 1.5


def test_jitter_is_noise_of_its_own_on_what_was_observed():
    torch.manual_seed(0)
    mask = torch.ones(2, 50, 20, dtype=torch.bool)
    mask[1, 3, 4] = False
    data = clip(frames=50, mask=mask.numpy())
    noise = Jitter(0.2)(data).x - data.x
    assert noise[24, 3].tolist() == [0, 0, 0]
    assert (noise == 0).sum() == 3
    assert noise.std().item() == pytest.approx(0.2, abs=0.01)
    assert noise.mean().abs() < 0.02
    assert torch.equal(Jitter(0)(data).x, data.x)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RandomRotate(-1), "degrees must be at least 0, got -1"),
        (lambda: RandomRotate(float("nan")), "got nan"),
        (lambda: RandomRotate(1, axes="xw"), "letters of 'xyz', got 'xw'"),
        (lambda: RandomRotate(1, axes=""), "letters of 'xyz', got ''"),
        (lambda: RandomScale((1.5, 0.5)), "two factors above 0 in order"),
        (lambda: RandomScale((0, 1)), "two factors above 0 in order"),
        (lambda: Jitter(-0.1), "std must be at least 0, got -0.1"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_repr():
    assert str(RandomRotate(60, axes="xy")) == "RandomRotate(60, axes='xy')"
    assert str(RandomScale()) == "RandomScale((0.5, 1.5))"
    assert str(Jitter()) == "Jitter(0.01)"
