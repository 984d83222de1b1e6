import json
import os
import urllib.error
import urllib.request
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import BaseTransform

from sgnkit.data import SkeletonData
from sgnkit.datasets import NWUCLA
from sgnkit.errors import DataError

SHARED = Path(
    os.environ.get("SGNKIT_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)
LABELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 8: 7, 9: 8, 11: 9, 12: 10}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def skeletons(seed, num_frames=5):
    return np.random.default_rng(seed).uniform(-1, 1, (num_frames, 20, 3)).round(4).tolist()


def record(action, subject, view, take=0, num_frames=5, seed=None):
    name = f"a{action:02d}_s{subject:02d}_e{take:02d}_v{view:02d}"
    seed = action * 1000 + subject * 100 + view * 10 + take if seed is None else seed
    return {"file_name": name, "skeletons": skeletons(seed, num_frames), "label": LABELS[action]}


def tiny_set():
    """Two actions, subjects 1, 2 and 5, three views; view 3 of action 2 is a copy of view 2."""
    records = []
    for action in (2, 8):
        for subject in (1, 2, 5):
            for view in (1, 2, 3):
                seed = 7000 + subject if action == 2 and view > 1 else None
                records.append(record(action, subject, view, seed=seed))
    return records


def write_zip(path, records, prefix="all_sqe/"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in records:
            archive.writestr(f"{prefix}{item['file_name']}.json", json.dumps(item))
    return path


def write_folder(path, records):
    path.mkdir(parents=True)
    for item in records:
        (path / f"{item['file_name']}.json").write_text(json.dumps(item))
    return path


def stored_index(root):
    """Returns the file that lists the stored clips."""
    (notes,) = (root / "processed").glob("nw_ucla_*.notes.json")
    return notes.with_name(notes.name.replace(".notes", ""))


def load(root, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "NWUCLA: .* the official set has 1484")
        return NWUCLA(root, *args, **kwargs)


def test_nw_ucla(tmp_path):
    write_zip(tmp_path / "raw" / "all_sqe.zip", tiny_set())
    with pytest.warns(UserWarning, match=r"held 18 clips .* the official set has 1484"):
        dataset = NWUCLA(tmp_path)
    assert str(dataset) == "NWUCLA(8)"
    assert dataset.layout.name == "kinect20"
    assert dataset.num_classes == 10 and dataset.class_names[6] == "donning"
    assert dataset.y.tolist() == [1] * 4 + [6] * 4
    assert dataset.names[:2] == ["a02_s01_e00_v01", "a02_s01_e00_v02"]

    data = dataset[0]
    assert isinstance(data, SkeletonData) and data.validate()
    assert data.x.shape == (20, 5, 3) and data.x.dtype is torch.float32
    assert (data.num_frames, data.subject, data.camera, data.duplicate) == (5, 1, 1, False)
    expected = np.array(record(2, 1, 1)["skeletons"], dtype=np.float32)
    assert np.array_equal(data.to_array("TVC"), expected)

    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch.x.shape == (80, 5, 3) and batch.y.tolist() == [1] * 4


def test_nw_ucla_splits(tmp_path):
    write_zip(tmp_path / "raw" / "all_sqe.zip", tiny_set())
    splits = {s: set(load(tmp_path, s).names) for s in ("train", "val", "trainval", "test", "all")}
    assert {k: len(v) for k, v in splits.items()} == dict(
        train=8, val=4, trainval=12, test=6, all=18
    )
    assert splits["train"] | splits["val"] == splits["trainval"]
    assert not splits["train"] & splits["val"]
    assert {name[4:7] for name in splits["val"]} == {"s05"}
    assert all(name.endswith("v03") for name in splits["test"])

    assert len(load(tmp_path, "train", val_subjects=())) == 12
    assert {d.subject for d in load(tmp_path, "val", val_subjects=[1, 2])} == {1, 2}
    with pytest.raises(ValueError, match=r"val_subjects=\(\) leave no clip for split 'val'"):
        load(tmp_path, "val", val_subjects=())
    with pytest.raises(ValueError, match="val_subjects must be of 1, 2"):
        load(tmp_path, val_subjects=(11,))
    by_view = {s: load(tmp_path, s, val_view=2) for s in ("train", "val", "trainval", "test")}
    assert {d.camera for d in by_view["train"]} == {1}
    assert {d.camera for d in by_view["val"]} == {2}
    assert len(by_view["train"]) + len(by_view["val"]) == len(by_view["trainval"]) == 12
    assert set(by_view["test"].names) == splits["test"]
    with pytest.raises(ValueError, match="val_view must be 1 or 2, got 3"):
        load(tmp_path, val_view=3)
    with pytest.raises(ValueError, match="split must be one of train, val"):
        load(tmp_path, "valid")
    with pytest.raises(ValueError, match="test must be one of standard, clean"):
        load(tmp_path, "test", test="strict")
    with pytest.raises(DataError, match="split 'val' has no clip"):
        load(tmp_path, "val", val_subjects=(9,))


def test_nw_ucla_copies_are_found_by_their_data(tmp_path):
    records = tiny_set()
    almost = records[2]  # a02_s01_v03: the last bit of one coordinate differs
    almost["skeletons"][0][0][0] = float(np.nextafter(almost["skeletons"][0][0][0], 9))
    write_zip(tmp_path / "raw" / "all_sqe.zip", records)
    test = load(tmp_path, "test")
    assert [d.name for d in test if d.duplicate] == ["a02_s02_e00_v03", "a02_s05_e00_v03"]
    clean = load(tmp_path, "test", test="clean")
    assert len(clean) == 4 and not any(d.duplicate for d in clean)
    assert len(load(tmp_path, "all", test="clean")) == 16
    # a copy of another test clip, or between the training views, is no copy in this sense
    assert not any(d.duplicate for d in load(tmp_path, "trainval"))


@pytest.mark.parametrize("place", ["raw", "."])
@pytest.mark.parametrize("name", ["all_sqe.zip", "nw-ucla.zip", "all_sqe"])
def test_nw_ucla_finds_raw_data(tmp_path, place, name):
    make = write_zip if name.endswith(".zip") else write_folder
    make(tmp_path / place / name, [record(1, 1, 1, num_frames=1), record(1, 1, 3)])
    dataset = load(tmp_path)
    assert dataset.names == ["a01_s01_e00_v01"]
    assert dataset[0].x.shape == (20, 1, 3) and dataset[0].num_frames == 1
    assert stored_index(tmp_path).is_file()


def test_nw_ucla_order_of_places(tmp_path):
    names = [("raw", "all_sqe.zip"), ("raw", "nw-ucla.zip"), (".", "all_sqe.zip")]
    for take, (place, name) in enumerate(names):
        write_zip(tmp_path / place / name, [record(1, 1, 1, take=take)])
    for take, (place, name) in enumerate(names):
        dataset = load(tmp_path, force_reload=True)
        assert dataset.names == [f"a01_s01_e{take:02d}_v01"]
        (tmp_path / place / name).unlink()
    # processed files are enough
    assert load(tmp_path).names == ["a01_s01_e02_v01"]


def test_nw_ucla_takes_the_archive_itself_and_a_place_for_processed_files(tmp_path):
    archive = write_zip(tmp_path / "data" / "my copy.zip", tiny_set())
    dataset = load(archive, processed_root=tmp_path / "cache")
    assert len(dataset) == 8
    assert sorted(os.listdir(tmp_path / "data")) == ["my copy.zip"]
    assert stored_index(tmp_path / "cache").is_file()


def test_nw_ucla_read_only_root(tmp_path):
    write_zip(tmp_path / "data" / "nw-ucla.zip", tiny_set())
    (tmp_path / "data").chmod(0o555)
    try:
        with pytest.raises(DataError, match=r"read-only(?s:.*)processed_root="):
            load(tmp_path / "data")
        assert len(load(tmp_path / "data", processed_root=tmp_path)) == 8
    finally:
        (tmp_path / "data").chmod(0o755)


class Half(BaseTransform):
    def forward(self, data):
        data.x = data.x * 0.5
        return data


def test_nw_ucla_transforms_as_in_pyg(tmp_path):
    write_zip(tmp_path / "raw" / "all_sqe.zip", tiny_set())
    plain = load(tmp_path)
    halved = load(tmp_path, transform=Half())
    assert torch.equal(halved[0].x, plain[0].x * 0.5)
    assert torch.equal(halved[0].x, plain[0].x * 0.5)  # the stored clip did not change

    stored = load(tmp_path, pre_transform=Half())  # read again, without being told
    assert torch.equal(stored[0].x, plain[0].x * 0.5)
    some = load(tmp_path, pre_filter=lambda d: d.subject == 2)
    assert {d.subject for d in some} == {2}


def test_nw_ucla_joints_at_the_origin_are_not_observed(tmp_path):
    item = record(4, 1, 1)
    item["skeletons"][2][7] = [0.0, 0.0, 0.0]
    write_zip(tmp_path / "raw" / "all_sqe.zip", [item])
    mask = load(tmp_path)[0].mask
    assert mask.sum() == 20 * 5 - 1 and not mask[7, 2]


def test_nw_ucla_download(tmp_path, monkeypatch):
    message = (
        r"could not be downloaded(?s:.*)dropbox(?s:.*)no network(?s:.*)wangjiangb(?s:.*)all_sqe.zip"
    )
    with pytest.raises(DataError, match=message):
        load(tmp_path)
    assert os.listdir(tmp_path) == []

    page = tmp_path / "page"
    page.write_text("<!DOCTYPE html><p>This link is gone</p>")
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: page.open("rb"))
    with pytest.raises(DataError, match="a web page"):
        load(tmp_path)
    assert os.listdir(tmp_path / "raw") == []

    archive = write_zip(tmp_path / "elsewhere" / "x.zip", tiny_set())
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: archive.open("rb"))
    assert len(load(tmp_path)) == 8
    assert os.listdir(tmp_path / "raw") == ["all_sqe.zip"]
    monkeypatch.undo()


def test_nw_ucla_damaged_raw_data_leave_nothing_behind(tmp_path):
    path = write_zip(tmp_path / "raw" / "all_sqe.zip", tiny_set())
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match=r"all_sqe\.zip"):
        load(tmp_path)
    assert not list((tmp_path / "processed").glob("nw_ucla_*"))


def test_nw_ucla_damaged_processed_file(tmp_path):
    write_zip(tmp_path / "raw" / "all_sqe.zip", tiny_set())
    assert len(load(tmp_path)) == 8
    index = stored_index(tmp_path)
    stored = json.loads(index.read_text())
    assert stored["format"] == "sgnkit clips 2" and stored["num_clips"] == 18

    index.write_bytes(b"no")
    with pytest.raises(DataError, match="force_reload=True"):
        load(tmp_path)
    assert len(load(tmp_path, force_reload=True)) == 8

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "evil"),))

    for name in ("pre_transform.pt", index.name):
        torch.save(Evil(), tmp_path / "processed" / name)
        with pytest.raises(DataError, match=name):
            load(tmp_path)
        assert not (tmp_path / "evil").exists()
        load(tmp_path, force_reload=True)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    archive = SHARED / "nw-ucla.zip"
    if not archive.is_file():
        pytest.skip(f"no NW-UCLA data: {archive} is not there (set SGNKIT_TEST_DATA)")
    return NWUCLA(archive, "all", processed_root=tmp_path_factory.mktemp("nw_ucla"))


def test_nw_ucla_real(real):
    assert len(real) == 1484 and real.y.bincount().tolist() == [
        *(150, 152, 141, 173, 148),
        *(149, 142, 142, 145, 142),
    ]
    official = [data for data in real if data.camera != 3]
    assert (len(official), sum(data.subject == 5 for data in official)) == (1020, 109)
    archive, root = SHARED / "nw-ucla.zip", real._processed_root
    assert len(NWUCLA(archive, "train", processed_root=root)) == 911
    assert len(NWUCLA(archive, "test", "clean", processed_root=root)) == 369
    frames = sorted(data.num_frames for data in real)
    assert (frames[0], frames[-1], frames[741]) == (1, 201, 31)
    single = [data.name for data in real if data.num_frames == 1]
    assert single == ["a02_s09_e04_v02", "a02_s09_e04_v03"]
    lost = {data.name: int((~data.mask).sum()) for data in real if not data.mask.all()}
    assert lost == {"a04_s01_e01_v01": 6, "a04_s04_e02_v01": 6}
    assert all(data.validate() for data in real[:20])


def test_nw_ucla_real_copies(real):
    listed = SHARED / "leaked_v02_v03_pairs.txt"
    if not listed.is_file():
        pytest.skip(f"no list of copies: {listed} is not there (set SGNKIT_TEST_DATA)")
    pairs = [line.split() for line in listed.read_text().splitlines() if line.strip()]
    found = {data.name for data in real if data.duplicate}
    assert len(found) == 95 and found == {test for _, test in pairs}
    x = {data.name: data.x for data in real}
    assert all(torch.equal(x[train], x[test]) for train, test in pairs)
