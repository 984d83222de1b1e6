"""Stand-ins for what the pages about data need: recordings, a camera, a pose estimator."""

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

from sgnkit.datasets import SyntheticActions


@pytest.fixture
def stand_ins(request, tmp_path, monkeypatch):
    """Puts there what the page names, if it is one of those pages."""
    page = getattr(request.node, "callspec", None)
    name = page.params["page"].name if page and "page" in page.params else ""
    if name == "own_skeletons.md":
        videos = stand_in_for_videos(tmp_path / "videos")
        for module, value in stand_in_for_mediapipe(videos).items():
            monkeypatch.setitem(sys.modules, module, value)
    if name == "ntu.md":
        stand_in_for_ntu(tmp_path / "data" / "ntu")


def stand_in_for_videos(folder):
    """Makes empty files; returns the skeletons that are to be seen in each of them."""
    clips = SyntheticActions(24, "mediapipe33", num_classes=2, seed=1)
    seen = {}
    for clip in clips:
        path = folder / clips.class_names[int(clip.y)] / f"s{clip.subject}_{clip.name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        seen[path.name] = clip.to_array("TVC") * (1, -1, -1)  # y of MediaPipe points down
    return seen


def stand_in_for_mediapipe(videos):
    """Returns modules with the part of OpenCV and MediaPipe that the page calls."""

    class VideoCapture:
        def __init__(self, path):
            self.frames = [
                (path, t) for t in range(len(videos[path.replace("\\", "/").split("/")[-1]]))
            ]

        def read(self):
            return (True, self.frames.pop(0)) if self.frames else (False, None)

    class PoseLandmarker:
        @classmethod
        def create_from_options(cls, options):
            assert options.running_mode == "VIDEO" and options.base_options.model_asset_path
            return cls()

        def __enter__(self):
            self.last = -1
            return self

        def __exit__(self, *error):
            pass

        def detect_for_video(self, image, timestamp_ms):
            assert timestamp_ms > self.last  # as MediaPipe asks for
            self.last = timestamp_ms
            path, t = image.data
            points = videos[path.replace("\\", "/").split("/")[-1]][t]
            if t == 7:
                return SimpleNamespace(pose_world_landmarks=[])  # nobody was found
            body = [SimpleNamespace(x=x, y=y, z=z, visibility=0.9) for x, y, z in points]
            body[3].visibility = 0.1
            return SimpleNamespace(pose_world_landmarks=[body])

    cv2 = types.ModuleType("cv2")
    cv2.VideoCapture, cv2.COLOR_BGR2RGB = VideoCapture, 4
    cv2.cvtColor = lambda image, code: image
    mediapipe = types.ModuleType("mediapipe")
    mediapipe.Image = SimpleNamespace
    mediapipe.ImageFormat = SimpleNamespace(SRGB=1)
    tasks, python = types.ModuleType("mediapipe.tasks"), types.ModuleType("mediapipe.tasks.python")
    python.BaseOptions = SimpleNamespace
    python.vision = SimpleNamespace(
        PoseLandmarker=PoseLandmarker,
        PoseLandmarkerOptions=SimpleNamespace,
        RunningMode=SimpleNamespace(VIDEO="VIDEO"),
    )
    mediapipe.tasks, tasks.python = tasks, python
    names = ("cv2", "mediapipe", "mediapipe.tasks", "mediapipe.tasks.python")
    return dict(zip(names, (cv2, mediapipe, tasks, python), strict=True))


def stand_in_for_ntu(folder):
    """Writes recordings in the form of NTU RGB+D: one person, two, and bodies that are none."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for action in (1, 24, 50):
        for subject in (1, 35, 3):
            for camera in (1, 2, 3):
                name = f"S001C{camera:03d}P{subject:03d}R001A{action:03d}"
                (folder / f"{name}.skeleton").write_text(recording(action >= 50, random))


def recording(is_interaction, random, frames=30):
    """One file: people move; a table stands still; a person is lost and found under a new id."""
    people = 2 if is_interaction else 1
    pose = random.uniform(-1, 1, (people, 25, 3)) * (0.25, 0.8, 0.1)
    place = np.array([[0, 0, 3], [1, 0, 3]])
    table = random.uniform(-1, 1, (25, 3)) * (0.8, 0.2, 0.2) + (2, 0, 4)
    lines = [str(frames)]
    for t in range(frames):
        bodies = {}
        for person in range(people):
            swing = 0.3 * np.sin(0.4 * t + person) * pose[person, :, [1]].T * (1, 0, 0)
            body = 10 + person if person or t < 14 else 90
            bodies[body] = pose[person] + swing + place[person]
        bodies[50] = table + random.normal(0, 0.01, (25, 3))
        if t in (3, 4):
            bodies[60] = pose[0] + random.normal(0, 0.5, (25, 3)) + (0, 0, 2)
        if t == 14:
            del bodies[90]  # nobody is found for a moment
        lines.append(str(len(bodies)))
        for body, joints in bodies.items():
            lines += [f"{body} 0 1 1 1 1 0 0.1 0.1 2", "25"]
            lines += [" ".join(f"{v:.6f}" for v in (*joint, *[0] * 8)) + " 2" for joint in joints]
    return "\n".join(lines) + "\n"
