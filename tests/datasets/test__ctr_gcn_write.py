import numpy as np
import pytest
import torch

from sgnkit.datasets import SyntheticActions, write_ctr_gcn
from sgnkit.datasets._ctr_gcn_npz_raw import scan_ctr_gcn_npz
from sgnkit.datasets._sources import collect
from sgnkit.errors import DataError


@pytest.fixture(scope="module")
def clips():
    return SyntheticActions(10, "ntu25", num_classes=4, num_persons=2, num_frames=(3, 9))


def test_write_ctr_gcn(tmp_path, clips):
    path = tmp_path / "a.npz"
    write_ctr_gcn(clips, path, test=clips.names[7:])
    content = np.load(path)
    longest = max(data.num_frames for data in clips)
    assert content["x_train"].shape == (7, longest, 150) and content["x_test"].shape[0] == 3
    assert content["x_train"].dtype == np.float32
    assert content["y_train"].argmax(1).tolist() == clips.y[:7].tolist()
    assert content["y_train"].shape == (7, 4) and (content["y_test"].sum(1) == 1).all()
    for x, data in zip([*content["x_train"], *content["x_test"]], clips, strict=True):
        x = x.reshape(longest, 2, 25, 3)
        assert np.array_equal(x[: data.num_frames], data.to_array("TMVC"))
        assert not x[data.num_frames :].any()
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("num_persons", [1, 2])
def test_round_trip(tmp_path, num_persons):
    clips = list(SyntheticActions(6, "ntu25", num_persons=num_persons, dropped=0, seed=1))
    clips[0].mask[:25, 2] = False  # the first person was not seen in one frame
    clips[0].x[:25, 2] = 0
    write_ctr_gcn(clips, tmp_path / "a.npz", test=[clips[5].name])
    found = collect(scan_ctr_gcn_npz(tmp_path / "a.npz"))[0]
    assert [data.name for data in found] == [*(f"train_{i:05d}" for i in range(5)), "test_00000"]
    for data, expected in zip(found, clips, strict=True):
        assert torch.equal(data.x, expected.x) and torch.equal(data.mask, expected.mask)
        assert torch.equal(data.y, expected.y) and data.num_frames == expected.num_frames


def test_one_person_and_no_test_clips(tmp_path):
    clips = SyntheticActions(3, "coco17", num_frames=(4, 4))
    write_ctr_gcn(iter(clips), tmp_path / "a.npz", num_classes=60)
    content = np.load(tmp_path / "a.npz")
    assert content["x_train"].shape == (3, 4, 2 * 17 * 3) and content["y_test"].shape == (0, 60)
    assert not content["x_train"].reshape(3, 4, 2, 51)[:, :, 1].any()


def test_clips_that_do_not_fit(tmp_path, clips):
    flat = clips[0].clone()
    flat.x = flat.x[..., :2]
    unlabelled = clips[1].clone()
    del unlabelled.y
    other = SyntheticActions(2, "coco17")[0]
    cases = [([flat], "2 coordinates"), ([unlabelled], "a class"), ([clips[0], other], "coco17")]
    for wrong, message in cases:
        with pytest.raises(DataError, match=message):
            write_ctr_gcn(wrong, tmp_path / "a.npz")
    with pytest.raises(DataError, match="a class from 0 to 1"):
        write_ctr_gcn(clips, tmp_path / "a.npz", num_classes=2)
    assert list(tmp_path.iterdir()) == []
