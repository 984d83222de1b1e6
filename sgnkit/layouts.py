"""Tables of the built-in skeleton layouts: facts, no code that depends on them.

A row is ``(joint, parent, x, y)``. The root is its own parent. ``x, y`` is a standing figure
for drawings only: the left side has negative ``x``, as in Kinect's camera frame. Joints whose
names differ in ``left`` and ``right`` alone are the left/right pairs.
"""

from __future__ import annotations

__all__ = ["TABLES"]

Row = tuple[str, str, float, float]

_NTU25: tuple[Row, ...] = (
    ("spine_base", "spine_mid", 0.0, 0.0),
    ("spine_mid", "spine_shoulder", 0.0, 0.30),
    ("neck", "spine_shoulder", 0.0, 0.68),
    ("head", "neck", 0.0, 0.82),
    ("left_shoulder", "spine_shoulder", -0.20, 0.55),
    ("left_elbow", "left_shoulder", -0.34, 0.30),
    ("left_wrist", "left_elbow", -0.42, 0.06),
    ("left_hand", "left_wrist", -0.44, -0.03),
    ("right_shoulder", "spine_shoulder", 0.20, 0.55),
    ("right_elbow", "right_shoulder", 0.34, 0.30),
    ("right_wrist", "right_elbow", 0.42, 0.06),
    ("right_hand", "right_wrist", 0.44, -0.03),
    ("left_hip", "spine_base", -0.11, -0.03),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("left_ankle", "left_knee", -0.16, -0.80),
    ("left_foot", "left_ankle", -0.24, -0.86),
    ("right_hip", "spine_base", 0.11, -0.03),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("right_ankle", "right_knee", 0.16, -0.80),
    ("right_foot", "right_ankle", 0.24, -0.86),
    ("spine_shoulder", "spine_shoulder", 0.0, 0.58),
    ("left_hand_tip", "left_thumb", -0.46, -0.14),
    ("left_thumb", "left_hand", -0.37, -0.10),
    ("right_hand_tip", "right_thumb", 0.46, -0.14),
    ("right_thumb", "right_hand", 0.37, -0.10),
)

_ARMS_AND_LEGS: tuple[Row, ...] = (
    ("left_shoulder", "shoulder_center", -0.20, 0.53),
    ("left_elbow", "left_shoulder", -0.34, 0.30),
    ("left_wrist", "left_elbow", -0.42, 0.06),
    ("left_hand", "left_wrist", -0.45, -0.05),
    ("right_shoulder", "shoulder_center", 0.20, 0.53),
    ("right_elbow", "right_shoulder", 0.34, 0.30),
    ("right_wrist", "right_elbow", 0.42, 0.06),
    ("right_hand", "right_wrist", 0.45, -0.05),
    ("left_hip", "hip_center", -0.11, -0.05),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("left_ankle", "left_knee", -0.16, -0.80),
    ("left_foot", "left_ankle", -0.24, -0.86),
    ("right_hip", "hip_center", 0.11, -0.05),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("right_ankle", "right_knee", 0.16, -0.80),
    ("right_foot", "right_ankle", 0.24, -0.86),
)

_KINECT20: tuple[Row, ...] = (
    ("hip_center", "spine", 0.0, 0.0),
    ("spine", "shoulder_center", 0.0, 0.20),
    ("shoulder_center", "shoulder_center", 0.0, 0.58),
    ("head", "shoulder_center", 0.0, 0.80),
    *_ARMS_AND_LEGS,
)

_UTD_MHAD20: tuple[Row, ...] = (
    ("head", "shoulder_center", 0.0, 0.80),
    ("shoulder_center", "shoulder_center", 0.0, 0.58),
    ("spine", "shoulder_center", 0.0, 0.20),
    ("hip_center", "spine", 0.0, 0.0),
    *_ARMS_AND_LEGS,
)

_SBU15: tuple[Row, ...] = (
    ("head", "neck", 0.0, 0.80),
    ("neck", "neck", 0.0, 0.58),
    ("torso", "neck", 0.0, 0.20),
    ("left_shoulder", "neck", -0.20, 0.54),
    ("left_elbow", "left_shoulder", -0.34, 0.28),
    ("left_hand", "left_elbow", -0.44, 0.0),
    ("right_shoulder", "neck", 0.20, 0.54),
    ("right_elbow", "right_shoulder", 0.34, 0.28),
    ("right_hand", "right_elbow", 0.44, 0.0),
    ("left_hip", "torso", -0.11, -0.04),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("left_foot", "left_knee", -0.18, -0.82),
    ("right_hip", "torso", 0.11, -0.04),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("right_foot", "right_knee", 0.18, -0.82),
)

_COCO17: tuple[Row, ...] = (
    ("nose", "nose", 0.00, 0.80),
    ("left_eye", "nose", -0.08, 0.89),
    ("right_eye", "nose", 0.08, 0.89),
    ("left_ear", "left_eye", -0.17, 0.84),
    ("right_ear", "right_eye", 0.17, 0.84),
    ("left_shoulder", "nose", -0.20, 0.55),
    ("right_shoulder", "nose", 0.20, 0.55),
    ("left_elbow", "left_shoulder", -0.34, 0.30),
    ("right_elbow", "right_shoulder", 0.34, 0.30),
    ("left_wrist", "left_elbow", -0.43, 0.04),
    ("right_wrist", "right_elbow", 0.43, 0.04),
    ("left_hip", "left_shoulder", -0.12, 0.0),
    ("right_hip", "right_shoulder", 0.12, 0.0),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("left_ankle", "left_knee", -0.16, -0.82),
    ("right_ankle", "right_knee", 0.16, -0.82),
)

_OPENPOSE18: tuple[Row, ...] = (
    ("nose", "neck", 0.00, 0.80),
    ("neck", "neck", 0.0, 0.58),
    ("right_shoulder", "neck", 0.20, 0.55),
    ("right_elbow", "right_shoulder", 0.34, 0.30),
    ("right_wrist", "right_elbow", 0.43, 0.04),
    ("left_shoulder", "neck", -0.20, 0.55),
    ("left_elbow", "left_shoulder", -0.34, 0.30),
    ("left_wrist", "left_elbow", -0.43, 0.04),
    ("right_hip", "right_shoulder", 0.12, 0.0),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("right_ankle", "right_knee", 0.16, -0.82),
    ("left_hip", "left_shoulder", -0.12, 0.0),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("left_ankle", "left_knee", -0.16, -0.82),
    ("right_eye", "nose", 0.08, 0.89),
    ("left_eye", "nose", -0.08, 0.89),
    ("right_ear", "right_eye", 0.17, 0.84),
    ("left_ear", "left_eye", -0.17, 0.84),
)

_MEDIAPIPE33: tuple[Row, ...] = (
    ("nose", "nose", 0.00, 0.83),
    ("left_eye_inner", "nose", -0.06, 0.93),
    ("left_eye", "left_eye_inner", -0.13, 0.95),
    ("left_eye_outer", "left_eye", -0.20, 0.93),
    ("right_eye_inner", "nose", 0.06, 0.93),
    ("right_eye", "right_eye_inner", 0.13, 0.95),
    ("right_eye_outer", "right_eye", 0.20, 0.93),
    ("left_ear", "left_eye_outer", -0.27, 0.86),
    ("right_ear", "right_eye_outer", 0.27, 0.86),
    ("mouth_left", "nose", -0.06, 0.73),
    ("mouth_right", "nose", 0.06, 0.73),
    ("left_shoulder", "nose", -0.20, 0.55),
    ("right_shoulder", "nose", 0.20, 0.55),
    ("left_elbow", "left_shoulder", -0.34, 0.30),
    ("right_elbow", "right_shoulder", 0.34, 0.30),
    ("left_wrist", "left_elbow", -0.43, 0.06),
    ("right_wrist", "right_elbow", 0.43, 0.06),
    ("left_pinky", "left_wrist", -0.56, -0.06),
    ("right_pinky", "right_wrist", 0.56, -0.06),
    ("left_index", "left_wrist", -0.48, -0.13),
    ("right_index", "right_wrist", 0.48, -0.13),
    ("left_thumb", "left_wrist", -0.37, -0.07),
    ("right_thumb", "right_wrist", 0.37, -0.07),
    ("left_hip", "left_shoulder", -0.12, 0.0),
    ("right_hip", "right_shoulder", 0.12, 0.0),
    ("left_knee", "left_hip", -0.14, -0.42),
    ("right_knee", "right_hip", 0.14, -0.42),
    ("left_ankle", "left_knee", -0.15, -0.78),
    ("right_ankle", "right_knee", 0.15, -0.78),
    ("left_heel", "left_ankle", -0.12, -0.88),
    ("right_heel", "right_ankle", 0.12, -0.88),
    ("left_foot_index", "left_heel", -0.26, -0.90),
    ("right_foot_index", "right_heel", 0.26, -0.90),
)

_HAND21: tuple[Row, ...] = (
    ("wrist", "wrist", 0.0, 0.0),
    ("thumb_cmc", "wrist", 0.18, 0.10),
    ("thumb_mcp", "thumb_cmc", 0.32, 0.24),
    ("thumb_ip", "thumb_mcp", 0.42, 0.36),
    ("thumb_tip", "thumb_ip", 0.50, 0.46),
    ("index_mcp", "wrist", 0.17, 0.48),
    ("index_pip", "index_mcp", 0.21, 0.66),
    ("index_dip", "index_pip", 0.23, 0.77),
    ("index_tip", "index_dip", 0.25, 0.87),
    ("middle_mcp", "wrist", 0.04, 0.50),
    ("middle_pip", "middle_mcp", 0.05, 0.71),
    ("middle_dip", "middle_pip", 0.05, 0.84),
    ("middle_tip", "middle_dip", 0.05, 0.95),
    ("ring_mcp", "wrist", -0.09, 0.47),
    ("ring_pip", "ring_mcp", -0.12, 0.66),
    ("ring_dip", "ring_pip", -0.13, 0.78),
    ("ring_tip", "ring_dip", -0.14, 0.88),
    ("pinky_mcp", "wrist", -0.21, 0.41),
    ("pinky_pip", "pinky_mcp", -0.27, 0.55),
    ("pinky_dip", "pinky_pip", -0.30, 0.64),
    ("pinky_tip", "pinky_dip", -0.33, 0.72),
)

TABLES: dict[str, tuple[str, str, tuple[Row, ...]]] = {
    # name: (centre joint, source of the table, rows)
    "ntu25": (
        "spine_shoulder",
        "Kinect v2 joint order; tree of ST-GCN, 2s-AGCN and CTR-GCN (graph/ntu_rgb_d.py)",
        _NTU25,
    ),
    "kinect20": (
        "shoulder_center",
        "Kinect v1 joint order, as in NW-UCLA; tree of CTR-GCN (graph/ucla.py)",
        _KINECT20,
    ),
    "utd_mhad20": (
        "shoulder_center",
        "UTD-MHAD's own joint list (Kinect v1); the tree of kinect20 in that order",
        _UTD_MHAD20,
    ),
    "sbu15": (
        "neck",
        "SBU Kinect Interaction joint list; tree without the torso-shoulder links",
        _SBU15,
    ),
    "coco17": ("nose", "COCO keypoints; tree of pyskl and mmaction2", _COCO17),
    "openpose18": ("neck", "OpenPose COCO model; tree of ST-GCN (hips on shoulders)", _OPENPOSE18),
    "mediapipe33": (
        "nose",
        "MediaPipe Pose; its 35 connections fall into three parts and close cycles, so this "
        "tree hangs mouth and shoulders on the nose (a choice of sgnkit)",
        _MEDIAPIPE33,
    ),
    "hand21": ("wrist", "MediaPipe Hands joint order; tree of pyskl (handmp)", _HAND21),
}
"""Of each built-in layout: centre, source of the tree, and name, parent and place of each joint."""
