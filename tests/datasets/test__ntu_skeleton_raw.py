import zipfile

import numpy as np
import pytest
import torch

from sgnkit.datasets._ntu_skeleton_raw import main_actors, scan_ntu_skeleton
from sgnkit.errors import DataError
from sgnkit.transforms import SelectPersons

NAME = "S002C003P019R001A055"


def pose(*seed):
    return np.random.default_rng(seed).normal(size=(25, 3)).round(4)


def walk(body, frames, step=0.1):
    """A body that walks along x, by frame."""
    start = pose(body)
    return {t: start + np.array([step * t, 0, 0]) for t in frames}


def film(num_frames, **tracks):
    return [{b: xs[t] for b, xs in tracks.items() if t in xs} for t in range(num_frames)]


@pytest.fixture
def read(tmp_path, write_recording):
    def read(frames, end="\n", max_persons=None, name=NAME):
        path = write_recording(tmp_path / f"{name}.skeleton", frames, end)
        (source,) = scan_ntu_skeleton(tmp_path, max_persons=max_persons)
        assert (source.name, source.file) == (name, path)
        return source.read()

    return read


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_body(read, end):
    frames = [{"72057594037931101": pose(t)} for t in range(5)]
    data = read(frames, end)
    assert data.validate() and data.layout == "ntu25"
    assert (data.name, int(data.y)) == (NAME, 54)
    assert (data.setup, data.camera, data.subject) == (2, 3, 19)
    expected = np.stack([pose(t) for t in range(5)]).astype(np.float32)
    assert np.array_equal(data.to_array("TVC"), expected) and data.mask.all()


def test_bodies_come_and_go(read):
    tracks = {"11": walk(1, range(2, 6)), "22": walk(2, [0, 1, 4, 5, 7])}
    frames = film(8, **tracks)
    assert [len(bodies) for bodies in frames] == [1, 1, 1, 1, 2, 2, 0, 1]
    data = read(frames)  # in the order in which they are first seen
    assert data.num_persons == 2 and data.x.shape == (50, 8, 3)
    seen = data.mask.view(2, 25, 8)
    assert torch.equal(seen.any(1), seen.all(1))
    assert seen[:, 0].int().tolist() == [[1, 1, 0, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1, 0, 0]]
    assert not data.x[~data.mask].any()
    assert np.allclose(data.x.view(2, 25, 8, 3)[1, :, 4], tracks["11"][4])


def test_ids_identify_bodies(read):
    """The order within a frame says nothing: two bodies that swap places keep their tracks."""
    frames = film(6, a=walk(1, range(6)), b=walk(2, range(6)))
    swapped = [dict(reversed(f.items())) if t % 2 else f for t, f in enumerate(frames)]
    assert torch.equal(read(swapped).x, read(frames).x)


def test_an_id_twice_in_a_frame(tmp_path, write_recording):
    path = write_recording(tmp_path / f"{NAME}.skeleton", [{"7": pose(1), "8": pose(2)}])
    path.write_bytes(path.read_bytes().replace(b"\n8 0", b"\n7 0"))
    (source,) = scan_ntu_skeleton(tmp_path)
    assert source.read().num_persons == 2


def test_joints_that_were_not_tracked(tmp_path, write_recording):
    path = write_recording(tmp_path / f"{NAME}.skeleton", [{"7": pose(1)}, {"7": pose(2)}])
    lines = path.read_text().split("\n")
    lines[4 + 3] = lines[4 + 3][:-1] + "0"  # frame 0, joint 3: tracking state 0
    lines[4 + 25 + 3 + 6] = " ".join(["NaN"] * 3 + lines[4 + 6].split()[3:])  # frame 1, joint 6
    path.write_text("\n".join(lines))
    (source,) = scan_ntu_skeleton(tmp_path)
    data = source.read()
    assert (~data.mask).nonzero().tolist() == [[3, 0], [6, 1]]
    assert data.x[6, 1].tolist() == [0, 0, 0] and data.validate()


def test_main_actors_are_those_that_move(read):
    tracks = {
        "chair": walk(1, range(8), step=0),
        "slow": walk(2, range(1, 7), step=0.1),
        "fast": walk(3, range(2, 6), step=0.5),
    }
    frames = film(9, **tracks)
    data = read(frames, max_persons=2)
    assert data.num_persons == 2 and data.num_frames == 6  # frames 1 to 6
    x = data.x.view(2, 25, 6, 3)
    assert np.allclose(x[0, :, 1], tracks["fast"][2], atol=1e-6)
    assert np.allclose(x[1, :, 0], tracks["slow"][1], atol=1e-6)
    assert data.mask.view(2, 25, 6)[0, 0].tolist() == [False, *[True] * 4, False]
    assert read(frames, max_persons=1).num_persons == 1
    assert read(frames, max_persons=3).num_frames == 8

    whole = read(frames)
    chosen = SelectPersons(2, by="motion")(whole)  # the same measure of motion
    assert torch.equal(chosen.x.view(2, 25, 9, 3)[:, :, 1:7], x)


def test_somebody_who_is_found_again_is_one_person(read):
    tracks = {
        "1": walk(1, range(0, 4), step=0.2),
        "2": walk(2, range(0, 10), step=0.3),
        "3": walk(1, range(5, 10), step=0.2),  # person 1 under another id
    }
    data = read(film(10, **tracks), max_persons=2)
    assert data.num_persons == 2 and data.num_frames == 10
    seen = data.mask.view(2, 25, 10)[:, 0]
    assert seen[0].all() and (~seen[1]).nonzero().tolist() == [[4]]
    again = data.x.view(2, 25, 10, 3)[1, :, 9]
    assert np.allclose(again, tracks["3"][9], atol=1e-6)


def test_main_actors_of_one_body():
    x, mask = np.ones((1, 4, 25, 3), np.float32), np.ones((1, 4, 25), bool)
    mask[0, 0] = False
    out, seen = main_actors(x, mask, 2)
    assert out.shape == (1, 3, 25, 3) and seen.all()


GOOD = [{"7": pose(t), "8": pose(t, 1)} for t in range(3)]


def lines_of(tmp_path, write_recording):
    path = write_recording(tmp_path / "x" / f"{NAME}.skeleton", GOOD, "\r\n")
    return path, path.read_bytes().decode().split("\r\n")


# first line of frame 1: 1 + 1 + 2 * (1 + 1 + 25) = 56, line 57 in an editor
DAMAGE = {
    "no frames": (lambda ls: ["0", *ls[1:]], r"line 1\b(?s:.*)number of frames, 1 to"),
    "no number": (lambda ls: ["x", *ls[1:]], r"line 1\b(?s:.*)found: +x"),
    "empty": (lambda ls: [""], r"line 1\b(?s:.*)an empty line"),
    "cut at a frame": (lambda ls: ls[:56], r"line 57, frame 1(?s:.*)end of the file"),
    "cut in a body": (lambda ls: ls[:57], r"line 58, frame 1(?s:.*)end of the file"),
    "cut at the joints": (lambda ls: ls[:58], r"line 59, frame 1(?s:.*)end of the file"),
    "cut in the joints": (lambda ls: ls[:60], r"line 61, frame 1(?s:.*)end of the file"),
    "cut in a joint": (
        lambda ls: [*ls[:60], ls[60][:20]],
        r"line 61, frame 1(?s:.*)12 values of a joint",
    ),
    "body": (
        lambda ls: [*ls[:2], "7 0 1", *ls[3:]],
        r"line 3, frame 0(?s:.*)10 values of a body(?s:.*)7 0 1",
    ),
    "bodies": (lambda ls: [ls[0], "7", *ls[2:]], r"line 2, frame 0(?s:.*)bodies, 0 to 6"),
    "minus": (lambda ls: [ls[0], "-1", *ls[2:]], r"line 2, frame 0(?s:.*)found: +-1"),
    "joints": (
        lambda ls: [*ls[:3], "20", *ls[4:]],
        r"line 4, frame 0(?s:.*)number of joints, 25(?s:.*)found: +20",
    ),
    "more": (lambda ls: [*ls[:-1], "1"], "end of the file after 3 frames"),
    "word": (
        lambda ls: [*ls[:4], ls[4].replace(" ", " x", 1), *ls[5:]],
        r"line 5, frame 0(?s:.*)could not convert",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_recordings(tmp_path, write_recording, kind):
    path, lines = lines_of(tmp_path, write_recording)
    damage, message = DAMAGE[kind]
    path.write_bytes("\r\n".join(damage(lines)).encode())
    (source,) = scan_ntu_skeleton(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        source.read()
    assert str(path) in str(caught.value) and "download the file again" in str(caught.value)


def test_more_damage(tmp_path, write_recording):
    path, _ = lines_of(tmp_path, write_recording)
    (source,) = scan_ntu_skeleton(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:900] + b"\xff\xfe\0" + content[900:])
    with pytest.raises(DataError, match=r"not text(?s:.*)line"):
        source.read()
    write_recording(path, [{}, {}])
    with pytest.raises(DataError, match=r"holds no person(?s:.*)2 frames(?s:.*)on_error='skip'"):
        source.read()
    write_recording(path, [{str(t): pose(t)} for t in range(60)])
    with pytest.raises(DataError, match="at most 50 bodies"):
        source.read()


def test_which_recordings_are_listed(tmp_path, write_recording):
    names = ["S001C001P001R001A060", "S001C001P001R001A061", "S001C002P005R002A008", "other"]
    for name in names:
        write_recording(tmp_path / "nturgb+d_skeletons" / f"{name}.skeleton")
    assert [s.name for s in scan_ntu_skeleton(tmp_path)] == [names[0], names[1], "other"]
    listed = list(scan_ntu_skeleton(tmp_path, num_classes=60))
    assert [s.name for s in listed] == [names[0], "other"]
    with pytest.raises(DataError, match=r"another name than a recording(?s:.*)other"):
        listed[1].read()


def test_archives(tmp_path, write_recording):
    names = ["S001C001P001R001A001", "S018C001P041R001A061"]
    for name in names:
        path = write_recording(tmp_path / f"{name}.skeleton")
        with zipfile.ZipFile(tmp_path / f"{name[:4]}.zip", "w") as archive:
            archive.write(path, f"nturgb+d_skeletons/{path.name}")
        path.unlink()
    assert [s.read().name for s in scan_ntu_skeleton(tmp_path)] == names
    (source,) = scan_ntu_skeleton(tmp_path / "S001.zip")
    assert source.read().name == names[0]
    with zipfile.ZipFile(tmp_path / "S001.zip", "w") as archive:
        archive.writestr(f"{names[0]}.skeleton", "2\n0\n")
    with pytest.raises(DataError, match=r"S001.zip(?s:.*)S001C001P001R001A001.skeleton, line 3"):
        next(scan_ntu_skeleton(tmp_path)).read()
