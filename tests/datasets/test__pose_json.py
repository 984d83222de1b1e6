import json

import numpy as np
import pytest

from sgnkit.datasets._pose import to_clip
from sgnkit.datasets._pose_folder_raw import pose_options
from sgnkit.datasets._pose_json import parse_pose_json, write_json
from sgnkit.datasets.synthetic import SyntheticActions
from sgnkit.errors import DataError

X = np.random.default_rng(0).uniform(1, 2, (2, 4, 17, 3)).astype(np.float32).round(3)


def read(value, layout="coco17", **options):
    options = pose_options(layout, **options)
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return to_clip(parse_pose_json(content, options, "a.json"), options, "a.json")


def test_nested_lists():
    assert np.array_equal(read(X.tolist()).to_array("MTVC"), X)
    assert np.array_equal(read(X[0].tolist()).to_array("TVC"), X[0])
    record = {"keypoints": X[0].transpose(2, 0, 1).tolist(), "axes": "CTV", "layout": "coco17"}
    assert np.array_equal(read(record).to_array("TVC"), X[0])
    assert np.array_equal(read(X[0].transpose(1, 0, 2).tolist(), axes="VTC").to_array("TVC"), X[0])


def test_scores_and_nulls():
    scores = np.ones((4, 17))
    scores[2, 3] = 0.1
    data = read({"keypoints": X[0].tolist(), "scores": scores.tolist()}, min_score=0.5)
    assert (~data.mask).nonzero().tolist() == [[3, 2]]
    data = read(
        np.concatenate([X[0], scores[..., None]], -1).tolist(), confidence=True, min_score=0.5
    )
    assert data.x.shape == (17, 4, 3) and (~data.mask).nonzero().tolist() == [[3, 2]]

    lists = X.tolist()
    lists[0][0][5] = None  # a joint, a frame, a coordinate
    lists[0][1] = None
    lists[0][2][1][0] = None
    mask = read(lists).to_array("MTV", attr="mask")
    assert not mask[0, 0, 5] and not mask[0, 1].any() and not mask[0, 2, 1]
    assert mask.sum() == mask.size - 1 - 17 - 1
    assert read({"keypoints": [None, X[0, 0].tolist()]}).x.shape == (17, 2, 3)


ONE = {"keypoints": X[0].tolist()}
BAD = {
    "number": (3, "a list or an object"),
    "empty": ([], "a list or an object"),
    "empty lists": ([[[]]], "equal length"),
    "text": ([[["a", "b"]]], "'a'"),
    "true": ([[[True, False]]], "True"),
    "all null": ([None, None], "3 axes"),
    "ragged": ([[[1, 2], [1]]], "equal length", "depth 3"),
    "mixed": ([[[1, 2], 3]], "equal length"),
    "deep": ([[[[[1]]]]], "at most 4 deep"),
    "blow-up": ([None] * 5000 + [[0] * 100_000], "equal length"),
    "joints": (X[0, :, :16].tolist(), "17 joints", "16 joints"),
    "axes word": ({**ONE, "axes": 3}, "key 'axes'"),
    "axes count": ({**ONE, "axes": "MTVC"}, "4 axes"),
    "axes letters": ({**ONE, "axes": "abc"}, "axes"),
    "layout": ({**ONE, "layout": "ntu25"}, "'coco17'", "'ntu25'", "layouts do not match"),
    "scores": ({**ONE, "scores": [[1]]}, "scores do not fit", "(4, 17)"),
    "huge": ([[[10**400, 1]] * 17], "finite"),
    "infinite": ([[[1e300, 1]] * 17], "finite"),
    "nan": (b"[[" + b"[NaN, 1]," * 16 + b"[1, 1]]]", "finite"),
    "not json": (b"[1,", "JSON text"),
    "latin": ('{"ä": 1}'.encode("latin-1"), "UTF-8"),
    "unknown": ({"skeleton": []}, "people (OpenPose) or pose_landmarks"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_json(case):
    value, *messages = BAD[case]
    with pytest.raises(DataError, match=r"a\.json(?s:.*)remedy") as caught:
        read(value)
    assert all(message in str(caught.value) for message in messages), str(caught.value)


@pytest.mark.parametrize("num_persons", [1, 2])
@pytest.mark.parametrize("dropped", [0.0, 0.3])
def test_round_trip(tmp_path, num_persons, dropped):
    data = SyntheticActions(2, "ntu25", num_persons=num_persons, dropped=dropped)[1]
    write_json(data, tmp_path / "a.json")
    again = read((tmp_path / "a.json").read_bytes(), "ntu25")
    assert np.array_equal(again.x, data.x) and np.array_equal(again.mask, data.mask)
