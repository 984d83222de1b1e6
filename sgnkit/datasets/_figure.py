"""An articulated figure for any skeleton layout: segments, pivots and forward kinematics."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sgnkit.layout import SkeletonLayout

__all__ = ["SEGMENTS", "Proportions", "Rig", "build_rig", "pose_figure"]

Array = NDArray[np.float64]

SEGMENTS = (
    *("pelvis", "trunk", "head"),
    *("upper_arm_left", "upper_arm_right", "forearm_left", "forearm_right"),
    *("thigh_left", "thigh_right", "shank_left", "shank_right", "foot_left", "foot_right"),
)
"""The moving parts of the figure. A motion program gives two angles for each of them."""

_PARENT = (0, 0, 1, 1, 1, 3, 4, 0, 0, 7, 8, 9, 10)
_INDEX = {name: i for i, name in enumerate(SEGMENTS)}


@dataclass(frozen=True)
class Proportions:
    """Lengths of one body in metres; widths are from the middle to one side."""

    trunk: float = 0.50
    head: float = 0.20
    shoulder: float = 0.18
    upper_arm: float = 0.28
    forearm: float = 0.25
    hand: float = 0.17
    hip: float = 0.10
    thigh: float = 0.42
    shank: float = 0.41
    foot: float = 0.17

    def scaled(self, factors: Array) -> Proportions:
        """Returns the body with each length multiplied by its own factor."""
        names = [field.name for field in fields(self)]
        return Proportions(
            **{n: getattr(self, n) * float(f) for n, f in zip(names, factors, strict=True)}
        )


@dataclass(frozen=True)
class Rig:
    """A figure at rest: where segments turn and which segment carries each joint.

    Attributes:
        role: Index into `SEGMENTS` whose angles drive each segment, $(P)$.
        parent: Parent segment, the root is its own parent, $(P)$.
        pivot: Turning point in the parent's frame, in metres, $(P, 3)$.
        segment: Segment that carries each joint, $(V)$.
        offset: Joint in the frame of its segment, in metres, $(V, 3)$.
        gain: Factor on all angles; small where limbs would run through each other.
        soles: Segments that stand on the ground; empty for a figure without legs.
    """

    role: NDArray[np.int64]
    parent: NDArray[np.int64]
    pivot: Array
    segment: NDArray[np.int64]
    offset: Array
    gain: float = 1.0
    soles: tuple[int, ...] = ()


def _split_name(name: str) -> tuple[str, int]:
    """Returns a joint name without its side, and -1 (left), 0 or 1 (right)."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    tokens = [token for token in re.split(r"[^a-z0-9]+", words) if token]
    sides = {"left": -1, "l": -1, "right": 1, "r": 1}
    found = [sides[token] for token in tokens if token in sides]
    return "_".join(token for token in tokens if token not in sides), found[0] if found else 0


def _landmarks(body: Proportions, side: int) -> dict[str, tuple[str, float, float, float]]:
    """Returns ``name: (segment, x, y, z)`` for one side, or for the middle when side is 0.

    The body looks along -z with y up, and its left side has negative x: Kinect's camera
    frame for a person who faces the sensor.
    """
    if side == 0:
        middle = {
            "pelvis": ("pelvis", 0.0, 0.0, 0.0),
            "spine": ("trunk", 0.0, 0.36 * body.trunk, 0.0),
            "torso": ("trunk", 0.0, 0.45 * body.trunk, 0.0),
            "spine_mid": ("trunk", 0.0, 0.52 * body.trunk, 0.0),
            "chest": ("trunk", 0.0, body.trunk, 0.0),
            "neck": ("trunk", 0.0, body.trunk + 0.06, 0.0),
            "head": ("head", 0.0, 0.85 * body.head, 0.0),
            "head_top": ("head", 0.0, 1.25 * body.head, 0.0),
            "nose": ("head", 0.0, 0.65 * body.head, -0.10),
            "mouth": ("head", 0.0, 0.40 * body.head, -0.09),
        }
        for name, words in {
            "pelvis": "hip hips hip_center mid_hip spine_base root waist",
            "spine_mid": "belly abdomen",
            "chest": "shoulder_center spine_shoulder mid_shoulder thorax upper_chest",
        }.items():
            middle.update({word: middle[name] for word in words.split()})
        return middle
    tag, s = ("left" if side < 0 else "right"), float(side)
    arm, sole = f"forearm_{tag}", f"foot_{tag}"
    reach = -body.forearm
    landmarks = {
        "shoulder": ("trunk", s * body.shoulder, body.trunk - 0.03, 0.0),
        "collar": ("trunk", s * 0.5 * body.shoulder, body.trunk, 0.0),
        "elbow": (arm, 0.0, 0.0, 0.0),
        "wrist": (arm, 0.0, reach, 0.0),
        "hand": (arm, 0.0, reach - 0.45 * body.hand, 0.0),
        "hand_tip": (arm, 0.0, reach - body.hand, 0.0),
        "thumb": (arm, -0.02 * s, reach - 0.35 * body.hand, -0.05),
        "index": (arm, -0.01 * s, reach - 0.6 * body.hand, -0.03),
        "pinky": (arm, 0.01 * s, reach - 0.55 * body.hand, 0.04),
        "hip": ("pelvis", s * body.hip, -0.02, 0.0),
        "knee": (f"shank_{tag}", 0.0, 0.0, 0.0),
        "ankle": (sole, 0.0, 0.0, 0.0),
        "heel": (sole, 0.0, -0.06, 0.05),
        "foot": (sole, 0.01 * s, -0.05, -0.65 * body.foot),
        "foot_index": (sole, 0.01 * s, -0.06, -body.foot),
        "eye_inner": ("head", 0.018 * s, 0.80 * body.head, -0.09),
        "eye": ("head", 0.032 * s, 0.80 * body.head, -0.085),
        "eye_outer": ("head", 0.046 * s, 0.80 * body.head, -0.08),
        "ear": ("head", 0.075 * s, 0.72 * body.head, 0.0),
        "mouth": ("head", 0.025 * s, 0.40 * body.head, -0.09),
    }
    landmarks["toe"] = landmarks["big_toe"] = landmarks["foot_index"]
    landmarks["clavicle"] = landmarks["collar"]
    return landmarks


def build_rig(layout: SkeletonLayout, body: Proportions | None = None) -> Rig:
    """Returns the figure of a layout: a human body where all joint names are those of one,
    else limbs laid out from the tree.

    Args:
        layout: Names and parents of the joints.
        body: Lengths of the segments; a figure from the tree takes the size of its trunk.

    Examples:
        >>> from sgnkit import get_layout
        >>> build_rig(get_layout("ntu25")).offset.shape
        (25, 3)
        >>> len(build_rig(get_layout("hand21")).role)  # root, trunk, five fingers in two parts
        12
    """
    body = body or Proportions()
    tables = {side: _landmarks(body, side) for side in (-1, 0, 1)}
    names = [_split_name(joint) for joint in layout.joints]
    if not all(name in tables[side] for name, side in names):
        return _tree_rig(layout, body)
    rows = [tables[side][name] for name, side in names]
    pivot = np.zeros((len(SEGMENTS), 3))
    pivot[_INDEX["head"]] = 0.0, body.trunk + 0.07, 0.0
    for side, tag in ((-1, "left"), (1, "right")):
        pivot[_INDEX[f"upper_arm_{tag}"]] = tables[side]["shoulder"][1:]
        pivot[_INDEX[f"forearm_{tag}"]] = 0.0, -body.upper_arm, 0.0
        pivot[_INDEX[f"thigh_{tag}"]] = tables[side]["hip"][1:]
        pivot[_INDEX[f"shank_{tag}"]] = 0.0, -body.thigh, 0.0
        pivot[_INDEX[f"foot_{tag}"]] = 0.0, -body.shank, 0.0
    return Rig(
        role=np.arange(len(SEGMENTS)),
        parent=np.array(_PARENT),
        pivot=pivot,
        segment=np.array([_INDEX[row[0]] for row in rows]),
        offset=np.array([row[1:] for row in rows]),
        soles=(_INDEX["foot_left"], _INDEX["foot_right"]),
    )


def _tree_rig(layout: SkeletonLayout, body: Proportions) -> Rig:
    """Returns a figure with one limb of two parts for each subtree below the root joints.

    Limbs spread like a fan and take the roles of arms and legs in turn.
    """
    limbs = ("upper_arm_left", "upper_arm_right", "thigh_left", "thigh_right")
    below = {"upper_arm": "forearm", "thigh": "shank"}
    num_joints, parents = layout.num_joints, layout.parents
    depth = np.zeros(num_joints, dtype=np.int64)
    top = np.arange(num_joints)  # the ancestor (or self) that is a child of a root
    for joint in range(num_joints):
        node = joint
        while parents[node] != node:
            depth[joint] += 1
            top[joint], node = node, parents[node]
    branches = sorted({int(top[j]) for j in range(num_joints) if depth[j] > 0})
    role, parent, pivot = [0, 1], [0, 0], [np.zeros(3), np.zeros(3)]
    segment = np.ones(num_joints, dtype=np.int64)
    offset = np.zeros((num_joints, 3))
    for j in range(num_joints):  # roots share the trunk; more than one root: side by side
        if depth[j] == 0:
            offset[j] = 0.05 * sum(parents[i] == i for i in range(j)), 0.0, 0.0
    bone = body.trunk / max(1, int(depth.max()))
    for k, branch in enumerate(branches):
        root = offset[parents[branch]]
        angle = np.deg2rad(-60 + 120 * (k + 0.5) / len(branches))
        ahead = np.array([np.sin(angle), np.cos(angle), 0.0])
        joints = np.flatnonzero((top == branch) & (depth > 0)).tolist()
        half = (int(depth[joints].max()) + 1) // 2
        limb = limbs[k % 4]
        part, tag = limb.rsplit("_", 1)
        role += [_INDEX[limb], _INDEX[f"{below[part]}_{tag}"]]
        parent += [1, len(role) - 2]
        pivot += [root, ahead * bone * half]
        across = np.array([ahead[1], -ahead[0], 0.0])
        for rank, j in enumerate(joints):
            mates = int(np.sum(depth[joints[:rank]] == depth[j]))  # beside those of equal depth
            far = bool(depth[j] > half)
            segment[j] = len(role) - (1 if far else 2)
            offset[j] = ahead * bone * (depth[j] - half * far) + across * 0.3 * bone * mates
    return Rig(
        role=np.array(role),
        parent=np.array(parent),
        pivot=np.array(pivot),
        segment=segment,
        offset=offset,
        gain=0.5,
    )


def _turn(x: Array, z: Array) -> Array:
    """Returns the rotation by ``x`` about the x axis, then by ``z`` about the z axis."""
    cx, sx, cz, sz = np.cos(x), np.sin(x), np.cos(z), np.sin(z)
    rows = [cz, -sz * cx, sz * sx, sz, cz * cx, -cz * sx, np.zeros_like(x), sx, cx]
    return np.stack(rows, axis=-1).reshape(*x.shape, 3, 3)


def pose_figure(rig: Rig, pivot: Array, offset: Array, angles: Array) -> Array:
    r"""Returns the joints of posed figures, standing at the origin and looking along $-z$.

    $$
    \mathbf{R}_p = \mathbf{R}_{parent(p)} \mathbf{R}_z(\beta_p) \mathbf{R}_x(\alpha_p),
    \qquad \mathbf{x}_v = \mathbf{o}_{p(v)} + \mathbf{R}_{p(v)} \mathbf{d}_v
    $$

    Args:
        rig: Structure of the figures.
        pivot: Pivots of each body, $(B, P, 3)$.
        offset: Joint offsets of each body, $(B, V, 3)$.
        angles: Degrees about x (forward) and z (outward) per segment, $(B, T, 13, 2)$.

    Returns:
        Joint positions in metres, $(B, T, V, 3)$. Bodies with legs stand on $y = 0$.
    """
    num_bodies, num_frames = angles.shape[:2]
    num_segments = len(rig.role)
    outward = np.where(np.array(["left" in name for name in SEGMENTS]), -1.0, 1.0)
    radians = np.deg2rad(angles * rig.gain)
    local = _turn(radians[..., 0], radians[..., 1] * outward)[:, :, rig.role]
    turn = np.empty((num_bodies, num_frames, num_segments, 3, 3))
    origin = np.zeros((num_bodies, num_frames, num_segments, 3))
    turn[:, :, 0] = local[:, :, 0]
    for p in range(1, num_segments):
        q = int(rig.parent[p])
        turn[:, :, p] = turn[:, :, q] @ local[:, :, p]
        origin[:, :, p] = origin[:, :, q] + np.einsum("btij,bj->bti", turn[:, :, q], pivot[:, p])
    joints = origin[:, :, rig.segment] + np.einsum(
        "btvij,bvj->btvi", turn[:, :, rig.segment], offset
    )
    if rig.soles:
        ground = origin[:, :, list(rig.soles), 1].min(axis=2) - 0.06
        joints[..., 1] -= ground[:, :, None]
    return joints
