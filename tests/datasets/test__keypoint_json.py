import json

import numpy as np
import pytest

from sgnkit.datasets._keypoint_json import natural
from sgnkit.datasets._pose import to_clip
from sgnkit.datasets._pose_folder_raw import pose_options
from sgnkit.datasets._pose_json import parse_pose_json, read_frame_folder
from sgnkit.errors import DataError

RNG = np.random.default_rng(0)
FLAT18 = RNG.uniform(1, 2, (18, 3)).round(3)
FLAT17 = RNG.uniform(1, 2, (17, 3)).round(3)
POINTS = RNG.uniform(0.1, 1, (33, 4)).round(3)


def read(value, layout, **options):
    options = pose_options(layout, **options)
    return to_clip(
        parse_pose_json(json.dumps(value).encode(), options, "a.json"), options, "a.json"
    )


def person(flat=FLAT18, **more):
    return {"pose_keypoints_2d": flat.ravel().tolist(), **more}


def frame(*people):
    return {"version": 1.3, "people": list(people)}


def test_natural():
    names = ["f10", "f9", "f1_2", "f1_10", "f"]
    assert sorted(names, key=natural) == ["f", "f1_2", "f1_10", "f9", "f10"]


def test_openpose_folder(tmp_path):
    low = FLAT18.copy()
    low[4, 2] = 0
    frames = {9: frame(person()), 10: frame(person(low), person(FLAT18 + 1)), 100: frame()}
    for number, content in frames.items():
        (tmp_path / f"video_{number}_keypoints.json").write_text(json.dumps(content))
    (tmp_path / "notes.txt").write_text("mine")
    options = pose_options("openpose18")
    data = to_clip(read_frame_folder(tmp_path, options), options, tmp_path)
    x, mask = data.to_array("MTVC"), data.to_array("MTV", attr="mask")
    assert x.shape == (2, 3, 18, 2)
    assert np.allclose(x[0, 0], FLAT18[:, :2]) and np.allclose(x[1, 1], FLAT18[:, :2] + 1)
    assert mask.sum(-1).tolist() == [[18, 17, 0], [0, 18, 0]] and not mask[0, 1, 4]

    (tmp_path / "video_9_keypoints.json").write_text("{")
    with pytest.raises(DataError, match=r"video_9_keypoints\.json"):
        read_frame_folder(tmp_path, options)


def test_openpose_models():
    body25 = RNG.uniform(1, 2, (25, 3)).round(3)
    data = read([frame(person(body25))], "openpose18")
    kept = [*range(8), *range(9, 19)]
    assert np.allclose(data.to_array("TVC")[0], body25[kept, :2])
    flat = RNG.uniform(1, 2, (17, 4)).round(3)
    data = read(
        frame({"pose_keypoints_2d": [], "pose_keypoints_3d": flat.ravel().tolist()}), "coco17"
    )
    assert np.allclose(data.to_array("TVC")[0], flat[:, :3])
    swapped = [frame(person(person_id=[1]), person(FLAT18 + 1, person_id=[2]))]
    swapped.append(frame(person(FLAT18 + 1, person_id=[2]), person(person_id=[1])))
    x = read(swapped, "openpose18").to_array("MTVC")
    assert np.array_equal(x[0, 0], x[0, 1]) and np.allclose(x[1, 1], FLAT18[:, :2] + 1)


def record(image, flat=FLAT17, **more):
    return {"image_id": image, "category_id": 1, "keypoints": flat.ravel().tolist(), **more}


@pytest.mark.parametrize("wrap", [list, lambda records: {"annotations": records, "images": []}])
def test_coco(wrap):
    other = FLAT17 + 1
    records = [
        record("10.jpg", score=0.9),
        record("9.jpg", other, score=0.5),
        record("9.jpg", score=0.8),
    ]
    data = read(wrap(records), "coco17", min_score=1.1)
    x = data.to_array("MTVC")
    assert x.shape == (2, 2, 17, 2)
    assert np.allclose(x[0, 0], FLAT17[:, :2]) and np.allclose(x[1, 0], other[:, :2])
    mask = data.to_array("MTV", attr="mask")
    assert np.array_equal(mask[0, 0], FLAT17[:, 2] > 1.1) and not mask[1, 1].any()

    tracked = [record(1, track_id=5), record(2, track_id=5), record(2, other, track_id=3, score=9)]
    x = read(tracked, "coco17").to_array("MTVC")
    assert np.allclose(x[0, 1], FLAT17[:, :2]) and np.allclose(x[1, 1], other[:, :2])


def landmarks(points=POINTS):
    return [dict(zip(("x", "y", "z", "visibility"), p.tolist(), strict=True)) for p in points]


MEDIAPIPE = {
    "landmarks": [landmarks(), landmarks()],
    "persons": [[landmarks()], [landmarks()]],
    "python": [{"pose_landmarks": [landmarks()]}, {"pose_landmarks": [landmarks()]}],
    "frames": {"fps": 30, "frames": [{"pose_landmarks": landmarks()}] * 2},
    "javascript": [{"landmarks": [landmarks(POINTS + 1)], "worldLandmarks": [landmarks()]}] * 2,
    "protobuf": [{"poseLandmarks": {"landmark": landmarks()}}] * 2,
}


@pytest.mark.parametrize("case", MEDIAPIPE)
def test_mediapipe(case):
    data = read(MEDIAPIPE[case], "mediapipe33", min_score=0.5)
    x, mask = data.to_array("TVC"), data.to_array("TV", attr="mask")
    assert np.allclose(x, POINTS[None, :, :3]) and len(x) == 2
    assert np.array_equal(mask[1], POINTS[:, 3] > 0.5)


def test_mediapipe_without_people():
    frames = [None, {"pose_landmarks": []}, {"pose_landmarks": None}, [], [landmarks()]]
    data = read(frames, "mediapipe33")
    assert data.num_frames == 5 and data.mask.any(dim=0).tolist() == [False] * 4 + [True]
    two = [{"x": 1.0, "y": 2.0}] * 33
    assert read([two], "mediapipe33").x.shape == (33, 1, 2)


def without(key):
    return [{k: v for k, v in point.items() if k != key} for point in landmarks()]


TRACKS = [record(1, track_id=1), record(1, track_id=1)]
BAD = {
    "nobody": ([frame(), frame()], "openpose18", "no person"),
    "joints": ([frame(), frame(person(FLAT17))], "openpose18", "frame 1, person 0", "54 numbers"),
    "people": ([{"people": {}}], "openpose18", "frame 0, key 'people'"),
    "person": ([frame(3)], "openpose18", "person 0", "an object"),
    "no key": ([frame({})], "openpose18", "pose_keypoints_2d"),
    "text": ([frame({"pose_keypoints_2d": ["1"] * 54})], "openpose18", "numbers"),
    "huge": ([frame({"pose_keypoints_2d": [10**400] * 54})], "openpose18", "finite"),
    "infinite": ([frame(person(FLAT18 * 1e300))], "openpose18", "finite"),
    "image": ([record(1), {"image_id": None}], "coco17", "record 1", "image_id"),
    "coco joints": ([record(1, FLAT18)], "coco17", "record 0, image 1", "51 numbers", "54 values"),
    "coco score": ([record(1, score="high")], "coco17", "key 'score'"),
    "tracks": (TRACKS, "coco17", "frame 0", "twice"),
    "no records": ({"annotations": []}, "coco17", "no person"),
    "landmarks": ([landmarks(POINTS[:32])], "mediapipe33", "frame 0", "33 landmarks", "32"),
    "landmark": ([[*landmarks()[:-1], 3]], "mediapipe33", "landmark 32"),
    "no y": ([[*landmarks()[:-1], {"x": 1}]], "mediapipe33", "landmark 32", "x, y, z"),
    "word": ([[{"x": "a", "y": 1}] * 33], "mediapipe33", "landmark 0"),
    "keys": ([landmarks(), {"hands": []}], "mediapipe33", "frame 1", "hands"),
    "frame type": ([landmarks(), 3], "mediapipe33", "frame 1", "a list of landmarks"),
    "sizes": ([landmarks(), without("z")], "mediapipe33", "frame 1", "33 joints of 3"),
    "frames": ({"frames": []}, "mediapipe33", "no person"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_keypoints(case):
    value, layout, *messages = BAD[case]
    with pytest.raises(DataError, match=r"a\.json(?s:.*)remedy") as caught:
        read(value, layout)
    assert all(message in str(caught.value) for message in messages), str(caught.value)
