"""Streams: after each frame the shares of the clip up to it."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sgnkit
from sgnkit import Recognizer
from sgnkit.errors import DataError
from sgnkit.export import TensorModel, describe
from sgnkit.training import describe_model, save_weights

NAMES = ["sit", "stand", "wave"]
CENTER, EXTENT = (
    {"Center": {"joint": "nose", "causal": True}},
    {"MinMaxNormalize": {"causal": True}},
)
RECIPES = {"nothing": [], "centre": [CENTER], "centre and extent": [CENTER, EXTENT]}
OPTIONS = {"hidden_channels": (8, 16), "strides": (1, 2), "causal": True}
T = 9


def network(name="mk_sgn_small", **options):
    torch.manual_seed(0)
    model = sgnkit.create_model(name, layout="coco17", num_classes=3, **{**OPTIONS, **options})
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = 1.0
    clips = torch.randn(4, 2, 12, 17, 3).cumsum(2) * 0.3
    TensorModel(model)(clips, torch.ones(4, 2, dtype=torch.bool))
    return model.eval()


def recognizer(recipe=(), **options):
    model = network(**options)
    return Recognizer(TensorModel(model), describe(model, NAMES, list(recipe), frame_rate=30))


def keypoints(persons=1, seed=0):
    x = np.random.default_rng(seed).normal(size=(persons, T, 17, 3)).cumsum(1) * 0.3
    return x.astype("float32")


def close(one, two):
    return one == pytest.approx(two, abs=1e-6)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("options", [{}, {"per_step": True}, {"persons": "each"}], ids=str)
def test_every_prefix_of_a_clip(recipe, persons, options):
    whole, x = recognizer(recipe, **options), keypoints(persons)
    stream, state = whole.stream(persons), None
    answers = []
    for t in range(T):
        scores, state = stream(x[:, t], state)
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
        assert close(scores, whole(x[:, : t + 1]))
        answers.append(scores["sit"])
    assert state.num_frames == T
    assert len({round(a, 6) for a in answers}) > 2


def test_taking_frames_passes_them_all():
    whole = recognizer([{"TakeFrames": {"num_frames": T}}, CENTER])
    x = keypoints()[0]
    *_, last = whole.stream().run(x)
    assert close(last, whole(x))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_joints_that_are_not_seen(recipe):
    x = keypoints(2)
    x[np.random.default_rng(1).random(x.shape[:3]) < 0.4] = np.nan
    x[1, :4] = np.nan  # the second person comes later
    whole = recognizer(recipe)
    for t, scores in enumerate(whole.stream(2, missing="mask").run(x.transpose(1, 0, 2, 3))):
        assert close(scores, whole(x[:, : t + 1], missing="mask"))


def test_a_person_fewer_than_there_may_be():
    whole, x = recognizer([CENTER]), keypoints()
    for t, scores in enumerate(whole.stream(3).run(x[0])):
        assert close(scores, whole(x[:, : t + 1]))


def test_states_are_values():
    stream, x = recognizer([CENTER, EXTENT]).stream(), keypoints()[0]
    state = None
    for frame in x[:4]:
        _, state = stream(frame, state)
    kept = copy.deepcopy(state)
    first = list(stream.run(x[4:], state))
    stream(x[0])  # another stream begins in between
    assert list(stream.run(x[4:], state)) == first == list(stream.run(x[4:], kept))


def test_what_a_detector_returns():
    whole, x = recognizer(), keypoints()[0]
    frames = [
        SimpleNamespace(
            pose_world_landmarks=[
                [SimpleNamespace(x=a, y=b, z=c, visibility=0.9) for a, b, c in frame.tolist()]
            ],
            pose_landmarks=None,
        )
        for frame in x
    ]
    nobody = SimpleNamespace(pose_world_landmarks=[], pose_landmarks=[])
    assert close(list(whole.stream().run(frames))[-1], whole(x))
    gaps = np.concatenate([x[:3], np.full_like(x[:2], np.nan), x[3:]])
    for empty in (None, [], nobody):
        stream = whole.stream(missing="mask").run([*frames[:3], empty, empty, *frames[3:]])
        assert close(list(stream)[-1], whole(gaps, missing="mask"))


def test_from_a_file(tmp_path):
    model = network()
    description = describe_model(model, "mk_sgn_small", OPTIONS, NAMES)
    save_weights(tmp_path / "weights.pt", model, description, config={"test_transforms": [CENTER]})
    whole, x = Recognizer.load(tmp_path / "weights.pt"), keypoints()[0]
    *_, last = whole.stream().run(x)
    assert close(last, whole(x))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.zeros((16, 3)), "17 joints"),
        (np.zeros((17, 2)), "3 coordinates"),
        (np.zeros((2, 17, 3)), "too many persons"),
        (np.zeros(17), "no array of keypoints"),
        (np.full((17, 3), np.nan), "finite"),
        ("a frame", "no array"),
    ],
)
def test_says_what_is_wrong(frame, words):
    with pytest.raises(DataError, match=words):
        recognizer().stream()(frame)


def test_what_cannot_be_streamed():
    with pytest.raises(DataError, match=r"model\.causal true"):
        recognizer(causal=False).stream()
    with pytest.raises(DataError, match=r"UniformSample\(8\) has to see the whole clip"):
        recognizer([{"UniformSample": {"num_frames": 8}}]).stream()
    model = network()
    exported = Recognizer(TensorModel(model).forward, describe(model, NAMES))
    with pytest.raises(DataError, match="exported files hold whole clips"):
        exported.stream()
    with pytest.raises(DataError, match="layouts do not match"):
        recognizer().stream(layout="ntu25")
    with pytest.raises(ValueError, match="at least 1"):
        recognizer().stream(0)
