import numpy as np
import pytest

from sgnkit.datasets._programs import Pose, list_classes, max_classes

PHASE = np.linspace(0, 1, 4000, endpoint=False)


def angles(program, rise):
    pose = Pose(len(PHASE), 1)
    program(pose, PHASE, rise)
    return pose.angles.reshape(len(PHASE), -1)


@pytest.mark.parametrize("num_persons", [1, 2])
def test_classes_of_a_family_share_their_poses(num_persons):
    """Backwards in time it is the same set of poses; evenly, each angle is spread the same way."""
    for family, _ in list_classes(max_classes(num_persons) - 1, num_persons)[::2]:
        for program in (family.actor, family.partner):
            if program is None:
                continue
            forward = angles(program, 0.22)
            assert np.ptp(forward, axis=0).max() > 20, family.names
            if len(family.names) == 3:
                quantiles = np.linspace(0, 1, 21)
                a, b = (np.quantile(angles(program, r), quantiles, axis=0) for r in (0.22, 0.5))
                assert np.abs(a - b).max() < 0.5, family.names


def test_list_classes():
    assert max_classes(1) == 21 and max_classes(2) == 15
    for num_classes in range(2, 22):
        classes = list_classes(num_classes, 1)
        assert len(set(classes)) == num_classes
        families = [family for family, _ in classes]
        assert min(families.count(family) for family in families) >= 2


def test_pose_sides():
    pose = Pose(2, side=-1)
    pose.bend("thigh:near", x=30)
    pose.bend("shank", x=-20)
    pose.level_feet()
    x = dict(zip(range(13), pose.angles[0, :, 0], strict=True))
    assert (x[7], x[8], x[9], x[10], x[11], x[12]) == (30, 0, -20, -20, -10, 20)
