import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from sgnkit.datasets import SBUInteraction
from sgnkit.datasets._sbu_raw import FOLDS, PAIR_SETS
from sgnkit.errors import DataError
from sgnkit.transforms import Center, Compose, MinMaxNormalize

SHARED = Path(
    os.environ.get("SGNKIT_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)

pytestmark = pytest.mark.filterwarnings("ignore:SBUInteraction. .* official set:UserWarning")


def array(seed, num_frames=5):
    return np.random.default_rng(seed).uniform(0.1, 1.9, (num_frames, 2, 15, 3)).round(5)


def lines(values, end="\n"):
    rows = [[100 + t, *frame.flatten().tolist()] for t, frame in enumerate(values)]
    return end.join(",".join(f"{v:g}" for v in row) for row in rows) + end


def write(root, pair="s01s02", action=1, take=1, text=None):
    path = root / pair / f"{action:02d}" / f"{take:03d}" / "skeleton_pos.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = [PAIR_SETS.index(pair) if pair in PAIR_SETS else 0, action, take]
    path.write_bytes((lines(array(seed)) if text is None else text).encode())
    return path


def all_pairs(root):
    for pair in PAIR_SETS:
        write(root, pair)
    return root


def test_sbu_interaction(tmp_path):
    write(tmp_path, "s01s02", action=8)
    write(tmp_path, "s07s03", action=1, take=2, text=lines(array(3), end="\r\n"))
    with pytest.warns(UserWarning, match="held 2 clips .* official set has 282"):
        dataset = SBUInteraction(tmp_path, split="all")
    assert str(dataset) == "SBUInteraction(2)"
    assert dataset.layout.name == "sbu15" and dataset.num_classes == 8
    assert dataset.names == ["s01s02_08_001", "s07s03_01_002"]
    assert [dataset.class_names[y] for y in dataset.y] == ["exchanging", "approaching"]
    assert [data.subject for data in dataset] == [1, 21]
    data = dataset[1]
    assert data.validate() and data.num_persons == 2 and data.x.shape == (30, 5, 3)
    assert data.x.dtype is torch.float32 and bool(data.mask.all())
    u, v, w = array(3).transpose(3, 1, 0, 2)
    metres = np.stack([1.28 - 2.56 * u, 0.96 - 1.92 * v, 1.28 * w], axis=-1)
    assert np.allclose(data.to_array("MTVC"), metres, atol=1e-6)
    plain = SBUInteraction(tmp_path, split="all", units="normalized")
    assert np.allclose(plain[1].to_array("TMVC"), array(3), atol=1e-6)
    assert len(os.listdir(tmp_path / "processed")) >= 4  # neither takes the place of the other


def test_sbu_folds(tmp_path):
    assert sorted(n for fold in FOLDS for n in fold) == list(range(1, 22))
    root = all_pairs(tmp_path)
    tested = []
    for fold in range(1, 6):
        parts = {
            split: {data.subject for data in SBUInteraction(root, fold, split)}
            for split in ("train", "val", "trainval", "test")
        }
        assert parts["test"] == set(FOLDS[fold - 1]) and parts["val"] == set(FOLDS[fold % 5])
        assert parts["train"] | parts["val"] == parts["trainval"]
        assert not parts["train"] & parts["val"] and not parts["trainval"] & parts["test"]
        tested += SBUInteraction(root, fold, "test").names
    assert sorted(tested) == SBUInteraction(root, split="all").names
    for argument in ({"fold": 0}, {"fold": 6}, {"split": "valid"}, {"units": "feet"}):
        with pytest.raises(ValueError, match=f"{next(iter(argument))} must be"):
            SBUInteraction(root, **argument)


@pytest.mark.parametrize("name", ["sbu.zip", "raw/sbu.zip", "sbu", "raw", ".", "a copy.zip"])
def test_sbu_finds_raw_data(tmp_path, name):
    root = tmp_path / "root"
    if name.endswith(".zip"):
        (root / name).parent.mkdir(parents=True)
        with zipfile.ZipFile(root / name, "w") as archive:
            archive.writestr("s01s02/", "")
            archive.writestr("s01s02/01/001/skeleton_pos.txt", lines(array(1)))
            archive.writestr("s01s02/01/001/depth_000101.png", b"not read")
    else:
        write(root / name)
    given = root / name if name.startswith("a ") else root
    dataset = SBUInteraction(given, split="all", processed_root=tmp_path / "p")
    assert dataset.names == ["s01s02_01_001"]


def test_sbu_one_pair_set(tmp_path):
    write(tmp_path, "s02s03", action=4, take=2)
    assert SBUInteraction(tmp_path / "s02s03", 1, "all").names == ["s02s03_04_002"]


def test_sbu_without_data(tmp_path):
    with pytest.raises(DataError, match=r"no raw data were found(?s:.*)unpack them"):
        SBUInteraction(tmp_path)


GOOD = lines(array(0)).splitlines()
DAMAGED = {
    "cut": ("\n".join([*GOOD[:3], GOOD[3][:200]]), r"another length(?s:.*)line 4(?s:.*)91 numbers"),
    "empty": ("", "no frames"),
    "word": ("\n".join([GOOD[0], GOOD[1].replace(",", ",x", 1)]), "not a number(?s:.*)line 2"),
    "nan": (
        "\n".join([GOOD[0], ",".join(["1", "0.5", "nan", *["1"] * 88])]),
        r"not a finite number(?s:.*)line 2, value 3(?s:.*)nan",
    ),
    "huge": (",".join(["1", *["1e40"] * 90]), "not a finite number(?s:.*)line 1, value 2"),
    "binary": (GOOD[0] + "\n\0\1\2", "not text(?s:.*)line 2"),
    "one person": (",".join(GOOD[0].split(",")[:46]), "46 values"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_sbu_damaged_files(tmp_path, kind):
    text, message = DAMAGED[kind]
    path = write(tmp_path, text=text)
    with pytest.raises(DataError, match=message) as caught:
        SBUInteraction(tmp_path, split="all")
    assert str(path) in str(caught.value)
    write(tmp_path, "s01s03")
    with pytest.warns(UserWarning, match="1 clips were skipped(?s:.*)s01s02_01_001"):
        dataset = SBUInteraction(tmp_path, split="all", on_error="skip")
    assert dataset.names == ["s01s03_01_001"] and list(dataset.skipped) == ["s01s02_01_001"]


@pytest.mark.parametrize(
    ("pair", "action", "message"),
    [
        ("s09s01", 1, "unknown pair"),
        ("s01s02", 9, "unknown action"),
        ("pair1", 1, "another folder"),
    ],
)
def test_sbu_unknown_names(tmp_path, pair, action, message):
    write(tmp_path, pair, action)
    write(tmp_path, "s01s02")
    with pytest.raises(DataError, match=message):
        SBUInteraction(tmp_path, split="all")


def test_persons_stay_relative_to_one_another(tmp_path):
    """The transforms of the config move and scale the clip, not each person."""
    write(tmp_path)
    data = SBUInteraction(tmp_path, split="all")[0]
    moved = Compose([Center("torso"), MinMaxNormalize()])(data)
    before, after = (clip.x.view(2, 15, 5, 3) for clip in (data, moved))
    scale = (after[0, 1] - after[0, 0]) / (before[0, 1] - before[0, 0])
    assert torch.allclose(scale, scale[0].expand_as(scale), rtol=1e-3)
    assert torch.allclose(after[1] - after[0], (before[1] - before[0]) * scale[0], atol=1e-4)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    archive = SHARED / "sbu.zip"
    if not archive.is_file():
        pytest.skip(f"no SBU data: {archive} is not there (set SGNKIT_TEST_DATA)")
    return archive, tmp_path_factory.mktemp("sbu")


def test_sbu_real(real):
    archive, root = real
    clips = SBUInteraction(archive, split="all", processed_root=root)
    assert len(clips) == 282
    assert clips.y.bincount().tolist() == [42, 43, 40, 41, 18, 21, 39, 38]
    assert {data.subject for data in clips} == set(range(1, 22))
    assert all(data.num_persons == 2 and bool(data.mask.all()) for data in clips)
    frames = sorted(int(data.num_frames) for data in clips)
    assert (frames[0], frames[141], frames[-1]) == (10, 23, 46)
    sizes = {
        split: [len(SBUInteraction(archive, f, split, processed_root=root)) for f in range(1, 6)]
        for split in ("test", "trainval", "val", "train")
    }
    assert sizes == dict(
        test=[55, 52, 56, 54, 65],
        trainval=[227, 230, 226, 228, 217],
        val=[52, 56, 54, 65, 55],
        train=[175, 174, 172, 163, 162],
    )


def bones(clips):
    """Returns mean length and relative spread of the limbs, over all frames and persons."""
    layout = clips.layout
    limbs = [
        f"{side}_{limb}" for side in ("left", "right") for limb in ("elbow", "hand", "knee", "foot")
    ]
    pairs = [(layout.index(j), layout.parents[layout.index(j)]) for j in limbs]
    x = torch.cat([data.x.view(2, 15, -1, 3).transpose(0, 1).flatten(1, 2) for data in clips], 1)
    lengths = torch.stack([(x[joint] - x[parent]).norm(dim=-1) for joint, parent in pairs])
    return lengths.mean(1), float((lengths.std(1) / lengths.mean(1)).mean())


def test_sbu_real_metres_are_metres(real):
    archive, root = real
    metres, spread = bones(SBUInteraction(archive, split="all", processed_root=root))
    assert (metres > 0.25).all() and (metres < 0.45).all()
    plain = SBUInteraction(archive, split="all", units="normalized", processed_root=root)
    assert spread < 0.8 * bones(plain)[1]
    x = torch.stack([data.x.mean(1) for data in plain])  # image coordinates: y grows downwards
    joint = plain.layout.index
    assert x[:, joint("head"), 1].mean() < x[:, joint("left_foot"), 1].mean()
