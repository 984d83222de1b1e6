import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sgnkit
from sgnkit import Recognizer, SkeletonData
from sgnkit.errors import CheckpointError, DataError
from sgnkit.export import TensorModel, describe

NAMES = ["sit", "stand", "wave"]
RECIPE = [{"Center": {"joint": "nose"}}, {"UniformSample": {"num_frames": 8}}]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return sgnkit.create_model(
        "base_sgn_small", layout="coco17", num_classes=3, hidden_channels=(8,), strides=(1,)
    ).eval()


@pytest.fixture(scope="module")
def recognizer(model):
    description = describe(model, NAMES, RECIPE, frame_rate=30, model_name="base_sgn_small")
    return Recognizer(TensorModel(model), description)


@pytest.fixture
def keypoints():
    return np.random.default_rng(0).normal(size=(20, 17, 3)).astype("float32")


def test_repr(recognizer):
    expected = "Recognizer(base_sgn_small, layout=coco17, classes=3, in_channels=3, num_frames=8)"
    assert str(recognizer) == expected


def test_shares_are_those_of_the_network(recognizer, model, keypoints):
    scores = recognizer(keypoints)
    clip = SkeletonData.from_array(keypoints, "coco17", "TVC")
    expected = model(recognizer.transform(clip)).softmax(-1)[0]
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    for name, share in zip(NAMES, expected.tolist(), strict=True):
        assert scores[name] == pytest.approx(share, abs=1e-6)


def test_one_clip_in_every_form(recognizer, keypoints, tmp_path):
    expected = pytest.approx(recognizer(keypoints), abs=1e-5)
    np.save(tmp_path / "a.npy", keypoints)
    frames = [
        [{"x": float(x), "y": float(y), "z": float(z), "visibility": 0.9} for x, y, z in frame]
        for frame in keypoints
    ]
    (tmp_path / "a.json").write_text(json.dumps([{"pose_landmarks": [f]} for f in frames]))
    objects = [
        SimpleNamespace(
            pose_world_landmarks=[[SimpleNamespace(**landmark) for landmark in frame]],
            pose_landmarks=None,
        )
        for frame in frames
    ]
    for same in (
        torch.from_numpy(keypoints),
        keypoints[None],
        keypoints.tolist(),
        list(keypoints),
        tmp_path / "a.npy",
        str(tmp_path / "a.json"),
        frames,
        objects,
        SkeletonData.from_array(keypoints, "coco17", "TVC"),
    ):
        assert recognizer(same) == expected
    assert recognizer(keypoints.transpose(2, 0, 1), axes="CTV") == expected


def test_a_frame_without_anybody(recognizer, keypoints):
    frames = [[{"x": 0.1 * j, "y": float(t), "z": 0.0} for j in range(17)] for t in range(9)]
    with pytest.raises(DataError):
        recognizer([[]] * 9)
    assert recognizer([[], *frames, None])


def test_batches_of_mixed_clips(recognizer, keypoints):
    clips = [keypoints, np.stack([keypoints, keypoints[::-1]]), keypoints[:5]]
    together = recognizer.batch(clips)
    for clip, scores in zip(clips, together, strict=True):
        assert scores == pytest.approx(recognizer(clip), abs=1e-6)
    assert recognizer.batch([]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda k: k[:, :16], "17 joints"),
        (lambda k: k[..., :2], "wrong number of coordinates"),
        (lambda k: np.concatenate([k, k[..., :1]], -1), "min_score"),
        (lambda k: np.where(np.arange(17)[:, None] == 3, np.nan, k), "joint 3"),
        (lambda k: k[0, 0], "axes"),
        (lambda k: k[:0], "empty"),
        (lambda k: [k[0], k[1, :4]], "same joints"),
        (lambda k: ["a", "b"], "not numbers"),
        (lambda k: "nothing.csv", "nothing.csv"),
        (lambda k: [{"hands": 1}], "unknown keys"),
    ],
)
def test_says_what_is_wrong(recognizer, keypoints, change, words):
    with pytest.raises(DataError, match=words):
        recognizer(change(keypoints))


def test_missing_joints_can_be_taken(recognizer, keypoints):
    keypoints[3, 4] = np.nan
    assert recognizer(keypoints, missing="mask")


def test_layout_and_frame_rate(recognizer, keypoints, model):
    assert recognizer(keypoints, layout="coco17", frame_rate=25)
    with pytest.raises(DataError, match="layouts do not match"):
        recognizer(keypoints, layout="ntu25")
    with pytest.raises(DataError, match="every 4th frame"):
        recognizer(keypoints, frame_rate=120)
    with pytest.raises(DataError, match="not positive"):
        recognizer(keypoints, frame_rate=0)
    unknown = Recognizer(TensorModel(model), describe(model, NAMES, RECIPE))
    with pytest.warns(UserWarning, match="not checked"):
        unknown(keypoints, frame_rate=120)


def test_a_layout_of_the_same_name(model, monkeypatch):
    description = describe(model, NAMES, RECIPE)
    description.layout["center"] = "left_hip"
    with pytest.raises(CheckpointError, match="different layout"):
        Recognizer(TensorModel(model), description)


def test_needs_no_lightning():
    import subprocess

    code = "import sys, sgnkit.recognizer; print({'lightning', 'jsonargparse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_names_must_be_those_of_the_classes(model):
    with pytest.raises(ValueError, match="3 classes, got 1"):
        describe(model, ["sit"])
