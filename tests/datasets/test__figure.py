import numpy as np
import pytest

from sgnkit.datasets._figure import SEGMENTS, Proportions, build_rig, pose_figure
from sgnkit.layout import SkeletonLayout, get_layout


def pose(layout, **angles):
    rig = build_rig(layout)
    turned = np.zeros((1, 1, len(SEGMENTS), 2))
    for name, (x, z) in angles.items():
        turned[0, 0, SEGMENTS.index(name)] = x, z
    joints = pose_figure(rig, rig.pivot[None], rig.offset[None], turned)[0, 0]
    return dict(zip(layout.joints, joints, strict=True))


def test_rest_pose_stands_on_the_ground():
    body = Proportions()
    joints = pose(get_layout("ntu25"))
    assert np.allclose(joints["left_ankle"], [-body.hip, 0.06, 0])
    assert np.allclose(joints["spine_base"], [0, 0.08 + body.thigh + body.shank, 0])
    assert np.allclose(joints["left_wrist"] * [-1, 1, 1], joints["right_wrist"])


def test_angles_turn_the_right_way():
    body, rest = Proportions(), pose(get_layout("kinect20"))
    ahead = pose(get_layout("kinect20"), upper_arm_left=(90, 0))
    reach = ahead["left_wrist"] - rest["left_shoulder"]
    assert np.allclose(reach, [0, 0, -body.upper_arm - body.forearm])
    aside = pose(get_layout("kinect20"), upper_arm_left=(0, 90), upper_arm_right=(0, 90))
    assert np.allclose(aside["left_elbow"] - aside["left_shoulder"], [-body.upper_arm, 0, 0])
    assert np.allclose(aside["right_elbow"] - aside["right_shoulder"], [body.upper_arm, 0, 0])
    bent = pose(get_layout("kinect20"), trunk=(-90, 0))
    assert bent["head"][2] < -0.4 and bent["head"][1] < rest["head"][1] - 0.4
    squat = {f"thigh_{s}": (60, 0) for s in ("left", "right")}
    squat |= {f"shank_{s}": (-120, 0) for s in ("left", "right")}
    low = pose(get_layout("kinect20"), **squat)
    assert low["hip_center"][1] < rest["hip_center"][1] - 0.3
    assert np.isclose(low["left_ankle"][1], 0.06)


def test_proportions_scale_one_by_one():
    factors = np.ones(10)
    factors[0] = 2.0
    assert Proportions().scaled(factors) == Proportions(trunk=1.0)


@pytest.mark.parametrize("joints", [("leftShoulder", "LElbow", "wrist-left"), ("l hip", "L_Knee")])
def test_names_of_a_body_are_known_in_many_spellings(joints):
    layout = SkeletonLayout("part", joints, tuple(max(0, i - 1) for i in range(len(joints))))
    assert len(build_rig(layout).role) == len(SEGMENTS)


def test_unknown_names_give_limbs_of_the_tree():
    hand = get_layout("hand21")
    rig = build_rig(hand)
    assert len(rig.role) == 2 + 2 * 5 and rig.soles == ()
    rest = pose(hand)
    distances = [np.linalg.norm(rest[a] - rest[b]) for a in rest for b in rest if a != b]
    assert min(distances) > 0.02
    forest = SkeletonLayout("two_roots", ("p", "q", "r"), (0, 0, 2))
    assert np.linalg.norm(pose(forest)["p"] - pose(forest)["r"]) > 0.02
    alone = SkeletonLayout("one", ("p",), (0,))
    assert np.allclose(pose(alone)["p"], 0)
