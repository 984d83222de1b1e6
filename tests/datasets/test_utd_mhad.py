import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from sgnkit.data import SkeletonData
from sgnkit.datasets import UTDMHAD
from sgnkit.datasets._mat5 import write_mat5
from sgnkit.errors import DataError

SHARED = Path(
    os.environ.get("SGNKIT_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)

pytestmark = pytest.mark.filterwarnings("ignore:UTDMHAD. .* official set:UserWarning")


def array(action, subject, take, num_frames=6):
    rng = np.random.default_rng([action, subject, take])
    return rng.uniform(-1, 3, (20, 3, num_frames))


def write(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for action, subject, take in names:
        path = folder / f"a{action}_s{subject}_t{take}_skeleton.mat"
        path.write_bytes(write_mat5({"d_skel": array(action, subject, take)}))
    return folder


NAMES = [(action, subject, 1) for action in (1, 27) for subject in range(1, 9)]


def pack(folder, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"Skeleton/{file.name}")
        archive.writestr("Skeleton/Skeleton_joint_order.txt", "1. head;")
    return path


def test_utd_mhad(tmp_path):
    write(tmp_path / "Skeleton", NAMES)
    with pytest.warns(UserWarning, match="held 16 clips .* official set has 861"):
        dataset = UTDMHAD(tmp_path)
    assert str(dataset) == "UTDMHAD(6)"
    assert dataset.layout.name == "utd_mhad20" and dataset.num_classes == 27
    assert dataset.class_names[26] == "squat"
    assert dataset.names[:3] == ["a1_s1_t1", "a1_s3_t1", "a1_s5_t1"]
    assert dataset.y.tolist() == [0, 0, 0, 26, 26, 26]

    data = dataset[3]
    assert isinstance(data, SkeletonData) and data.validate()
    assert data.x.shape == (20, 6, 3) and data.x.dtype is torch.float32
    assert (data.subject, data.num_frames, data.name) == (1, 6, "a27_s1_t1")
    expected = array(27, 1, 1).transpose(2, 0, 1).astype("float32")
    assert np.array_equal(data.to_array("TVC"), expected)
    batch = next(iter(DataLoader(dataset, batch_size=3)))
    assert batch.x.shape == (60, 6, 3)


def test_utd_mhad_splits(tmp_path):
    write(tmp_path / "raw" / "Skeleton", NAMES)
    splits = {s: set(UTDMHAD(tmp_path, s).names) for s in ("train", "val", "trainval", "test")}
    assert {k: len(v) for k, v in splits.items()} == dict(train=6, val=2, trainval=8, test=8)
    assert splits["train"] | splits["val"] == splits["trainval"]
    assert splits["val"] == {"a1_s7_t1", "a27_s7_t1"}
    assert not splits["trainval"] & splits["test"]
    assert len(UTDMHAD(tmp_path, "all")) == 16
    assert {d.subject for d in UTDMHAD(tmp_path, "val", val_subjects=[1, 3])} == {1, 3}
    with pytest.raises(ValueError, match="val_subjects must be of 1, 3, 5, 7"):
        UTDMHAD(tmp_path, val_subjects=[2])
    with pytest.raises(ValueError, match="leave no clip for split 'train'"):
        UTDMHAD(tmp_path, val_subjects=[1, 3, 5, 7])
    with pytest.raises(ValueError, match="split must be one of train, val"):
        UTDMHAD(tmp_path, "valid")


@pytest.mark.parametrize("name", ["raw/Skeleton.zip", "utd-mhad.zip", "my copy.zip", "raw", "."])
def test_utd_mhad_finds_raw_data(tmp_path, name):
    folder = write(tmp_path / "made", NAMES[:1])
    root = tmp_path / "root"
    if name.endswith(".zip"):
        pack(folder, root / name)
    else:
        write(root / name, NAMES[:1])
    given = root / name if name.startswith("my") else root
    assert UTDMHAD(given, processed_root=tmp_path / "p").names == ["a1_s1_t1"]
    assert (tmp_path / "p" / "processed").is_dir() and not (root / "processed").exists()


def test_utd_mhad_without_data(tmp_path):
    with pytest.raises(DataError, match=r"no raw data were found(?s:.*)Skeleton\.zip from https"):
        UTDMHAD(tmp_path)
    (tmp_path / "Skeleton").mkdir()
    with pytest.raises(DataError, match="there are no clips"):
        UTDMHAD(tmp_path)


def damaged(tmp_path):
    """Yields a folder with one damaged file, and what its error says."""
    good = write(tmp_path / "good", [(1, 1, 1)]) / "a1_s1_t1_skeleton.mat"
    content = good.read_bytes()
    values = array(1, 1, 1)
    nan = values.copy()
    nan[3, 1, 2] = np.nan
    cases = {
        "a1_s1_t1_skeleton.mat": [
            (content[: len(content) // 2], "cannot be read(?s:.*)version 5"),
            (b"", "cannot be read"),
            (b"<html>" * 99, "cannot be read"),
            (b"MATLAB 7.3 MAT-file" + bytes(105) + b"\0\2IM" + b"\x89HDF" * 9, "cannot be read"),
            (bytes(300 * 2**10), "far too large"),
            ({"skeleton": values}, r"variable is missing(?s:.*)variables \['skeleton'\]"),
            ({"d_skel": values[:19]}, r"another shape(?s:.*)float64 \(19, 3, 6\)"),
            ({"d_skel": values.transpose(2, 0, 1)}, "another shape"),
            ({"d_skel": values[..., :0]}, "another shape"),
            ({"d_skel": values[0]}, "another shape"),
            ({"d_skel": nan}, r"not a finite number(?s:.*)joint 3, frame 2"),
            ({"d_skel": values * 1e300}, "not a finite number"),
        ],
        "a28_s1_t1_skeleton.mat": [({"d_skel": values}, "unknown action(?s:.*)a1 to a27")],
        "a1_s9_t1_skeleton.mat": [({"d_skel": values}, "unknown subject")],
        "walking.mat": [({"d_skel": values}, "another name than a clip(?s:.*)walking")],
    }
    number = 0
    for name, contents in cases.items():
        for made, message in contents:
            number += 1
            folder = tmp_path / f"set{number}" / "Skeleton"
            folder.mkdir(parents=True)
            (folder / name).write_bytes(write_mat5(made) if isinstance(made, dict) else made)
            yield folder.parent, name, message


def test_utd_mhad_damaged_files(tmp_path):
    for root, name, message in damaged(tmp_path):
        with pytest.raises(DataError, match=message) as caught:
            UTDMHAD(root, "all")
        assert name in str(caught.value)
        write(root / "Skeleton", [(2, 2, 2)])
        with pytest.warns(UserWarning, match="1 clips were skipped"):
            dataset = UTDMHAD(root, "all", on_error="skip")
        assert dataset.names == ["a2_s2_t2"] and len(dataset.skipped) == 1


def test_utd_mhad_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "Skeleton").mkdir()
    huge = write_mat5({"d_skel": np.zeros((20, 3, 200_000))})
    (tmp_path / "Skeleton/a1_s1_t1_skeleton.mat").write_bytes(huge)
    with pytest.raises(DataError, match=r"cannot be read(?s:.*)more than 8388608 bytes"):
        UTDMHAD(tmp_path)


def test_utd_mhad_joints_at_the_origin_are_not_observed(tmp_path):
    (tmp_path / "Skeleton").mkdir()
    values = array(1, 1, 1)
    values[7, :, 2] = 0
    content = write_mat5({"d_skel": values})
    (tmp_path / "Skeleton/a1_s1_t1_skeleton.mat").write_bytes(content)
    mask = UTDMHAD(tmp_path)[0].mask
    assert mask.sum() == 20 * 6 - 1 and not mask[7, 2]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    archive = SHARED / "utd-mhad.zip"
    if not archive.is_file():
        pytest.skip(f"no UTD-MHAD data: {archive} is not there (set SGNKIT_TEST_DATA)")
    return archive, tmp_path_factory.mktemp("utd_mhad")


def test_utd_mhad_real(real):
    archive, root = real
    clips = UTDMHAD(archive, "all", processed_root=root)
    assert len(clips) == 861
    counts = clips.y.bincount().tolist()
    assert [counts[i] for i in (7, 22, 26)] == [31, 31, 31] and sum(counts) == 24 * 32 + 3 * 31
    missing = {"a8_s1_t4", "a23_s6_t4", "a27_s8_t4"}
    every = {f"a{a}_s{s}_t{t}" for a in range(1, 28) for s in range(1, 9) for t in range(1, 5)}
    assert every - set(clips.names) == missing
    sizes = {
        split: len(UTDMHAD(archive, split, processed_root=root))
        for split in ("train", "val", "trainval", "test")
    }
    assert sizes == dict(train=323, val=108, trainval=431, test=430)
    frames = sorted(int(data.num_frames) for data in clips)
    assert (frames[0], frames[430], frames[-1]) == (41, 67, 125)
    assert all(bool(data.mask.all()) for data in clips)
    height = torch.stack([data.x[:, :, 1].mean(1) for data in clips]).mean(0)
    joint = clips.layout.index  # heights tell whether the joint order is right
    assert height[joint("head")] > height[joint("spine")] > height[joint("left_knee")]
    assert height[joint("left_knee")] > height[joint("left_foot")]
