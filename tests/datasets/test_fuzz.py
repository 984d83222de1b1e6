"""Valid files of every format, garbled: clips or a `DataError`, soon, in little memory."""

import functools
import io
import json
import pickle
import re
import shutil
import signal
import sys
import threading
import warnings
import zipfile
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sgnkit.datasets import SyntheticActions
from sgnkit.datasets._ctr_gcn_npz_raw import scan_ctr_gcn_npz
from sgnkit.datasets._ctr_gcn_write import write_ctr_gcn
from sgnkit.datasets._mat5 import write_mat5
from sgnkit.datasets._ntu_skeleton_raw import scan_ntu_skeleton
from sgnkit.datasets._nw_ucla_raw import scan_nw_ucla
from sgnkit.datasets._pose_folder_raw import scan_pose_folder
from sgnkit.datasets._pose_folder_write import write_pose_folder
from sgnkit.datasets._pose_pickle_raw import read_splits, scan_pose_pickle, write_pose_pickle
from sgnkit.datasets._safe_pickle import restricted_pickle
from sgnkit.datasets._sbu_raw import scan_sbu
from sgnkit.datasets._sources import collect
from sgnkit.datasets._utd_mhad_raw import scan_utd_mhad
from sgnkit.errors import DataError

QUICK, SLOW = 200, 2000  # cases, of all formats together
SECONDS = 10  # for one file
BYTES = 2**30  # on top of what the process has


def uniform(low, high, shape):
    return np.random.default_rng(0).uniform(low, high, shape).round(3)


X = uniform(1, 2, (3, 17, 3)).astype(np.float32)


@functools.lru_cache
def clips(layout="coco17"):
    return SyntheticActions(3, layout, num_classes=2, num_frames=(3, 4), dropped=0.2)


# Each maker writes valid files into an empty folder and returns the one to garble and what to read.


def nw_ucla(folder, packed):
    name = "a01_s01_e00_v01"
    x = uniform(-1, 1, (2, 20, 3)).tolist()
    text = json.dumps({"file_name": name, "skeletons": x, "label": 1})
    path = folder / f"{name}.json"
    path.write_text(text)
    if not packed:
        return path, lambda: collect(scan_nw_ucla(folder))
    path = zipped(path, f"all_sqe/{path.name}")
    return path, lambda: collect(scan_nw_ucla(path))


def zipped(path, member):
    with zipfile.ZipFile(path.parent / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, member)
    path.unlink()
    return path.parent / "set.zip"


def ntu_skeleton(folder):
    lines = ["2"]
    for t in range(2):
        lines += ["1", f"7205759403792{t} 0 1 1 1 1 0 0.02 -0.3 2", "25"]
        rows = uniform(-1, 1, (25, 11)).tolist()
        lines += [" ".join(map(str, [*row, 2])) for row in rows]
    path = folder / "S001C001P001R001A001.skeleton"
    path.write_text("\r\n".join(lines))
    return path, lambda: collect(scan_ntu_skeleton(folder, 120, 2))


def utd_mhad(folder, compress):
    path = folder / "a1_s1_t1_skeleton.mat"
    path.write_bytes(write_mat5({"d_skel": uniform(1, 2, (20, 3, 3))}, packed=compress))
    return path, lambda: collect(scan_utd_mhad(folder))


def sbu(folder, packed):
    path = folder / "s01s02" / "01" / "001" / "skeleton_pos.txt"
    path.parent.mkdir(parents=True)
    rows = uniform(0, 1, (3, 90)).tolist()
    path.write_text("".join(f"{t},{','.join(map(str, row))}\n" for t, row in enumerate(rows)))
    if not packed:
        return path, lambda: collect(scan_sbu(folder))
    path = zipped(path, "s01s02/01/001/skeleton_pos.txt")
    return path, lambda: collect(scan_sbu(path))


def ctr_gcn(folder):
    path = folder / "set.npz"
    write_ctr_gcn(clips("ntu25"), path, test=["a02_s02_v02_i00001"])
    return path, lambda: collect(scan_ctr_gcn_npz(path))


def pose_pickle(folder, protocol):
    path = folder / "set.pkl"
    write_pose_pickle(clips(), path, {"train": ["a01_s01_v01_i00000"]})
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()), protocol))

    def read():
        content = restricted_pickle(path)
        read_splits(path, content)
        return collect(scan_pose_pickle(path, "coco17", content=content))

    return path, read


def own(folder, kind):
    root = folder / "mine"
    write_pose_folder(clips(), root, kind)
    (path,) = list(root.rglob(f"*i00001.{kind}"))
    return path, lambda: collect(scan_pose_folder(root, "coco17"))


def table(folder):
    _, read = own(folder, "npz")
    return folder / "mine" / "clips.csv", read


def plain(folder, name, content, layout="coco17"):
    path = folder / "wave" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path, lambda: collect(scan_pose_folder(folder, layout))


def npy(folder):
    stream = io.BytesIO()
    np.save(stream, X)
    return plain(folder, "a.npy", stream.getvalue())


def long_csv(folder):
    rows = [
        f"{t},{m},{v},{X[t, v, 0]},{X[t, v, 1]},1"
        for t in range(3)
        for m in "ab"
        for v in range(17)
    ]
    return plain(folder, "a.csv", "\n".join(["frame,person,joint,x,y,score", *rows]))


def openpose(folder):
    text = json.dumps({"people": [{"person_id": [-1], "pose_keypoints_2d": X[0].ravel().tolist()}]})
    (folder / "wave").mkdir()
    (folder / "wave" / "clip").mkdir()
    for number in range(2):
        (folder / "wave" / "clip" / f"v_{number}_keypoints.json").write_text(text)
    path = folder / "wave" / "clip" / "v_1_keypoints.json"
    return path, lambda: collect(scan_pose_folder(folder, "coco17"))


def coco(folder):
    records = [
        {"image_id": f"{t}.jpg", "keypoints": X[t].ravel().tolist(), "score": 0.5, "track_id": 1}
        for t in range(3)
    ]
    return plain(folder, "a.json", json.dumps(records))


def mediapipe(folder):
    points = uniform(0, 1, (2, 33, 4)).tolist()
    frames = [
        {"pose_landmarks": [[dict(zip(("x", "y", "z", "visibility"), p, strict=True)) for p in f]]}
        for f in points
    ]
    return plain(folder, "a.json", json.dumps({"frames": frames}), "mediapipe33")


MAKERS = {
    "nw_ucla.zip": partial(nw_ucla, packed=True),
    "nw_ucla.json": partial(nw_ucla, packed=False),
    "ntu.skeleton": ntu_skeleton,
    "ctr_gcn.npz": ctr_gcn,
    "utd_mhad.mat": partial(utd_mhad, compress=False),
    "utd_mhad packed": partial(utd_mhad, compress=True),
    "sbu.txt": partial(sbu, packed=False),
    "sbu.zip": partial(sbu, packed=True),
    "pose pickle 2": partial(pose_pickle, protocol=2),
    "pose pickle 4": partial(pose_pickle, protocol=4),
    "own.npz": partial(own, kind="npz"),
    "own.csv": partial(own, kind="csv"),
    "own.json": partial(own, kind="json"),
    "clips.csv": table,
    "own.npy": npy,
    "long.csv": long_csv,
    "openpose": openpose,
    "coco": coco,
    "mediapipe": mediapipe,
}

NASTY = [
    *(b"nan", b"-inf", b"1e999", b"-1", b"0", b"", b"null", b"true", b"{}", b"[", b"[" * 20_000),
    *(b'"a"', b",", b"\n", b"\xff", b"\0", b"..", b"/", b"1000000000", b"4294967295", b"9" * 5000),
    *(b"\xff" * 8, b"\0" * 64, b"\x80\x04", b"0.5", b"\r\n\r\n", b";", b"1e-320", b"9" * 400),
]
ODD = [
    *(None, True, 0, -1, 1.5, float("nan"), float("inf"), 10**400, 1e300, 2**63, "", "x", "17"),
    *([], {}, [None], [[]], [[], [1]], {"x": 1}, {"keypoints": 1}, ["1"] * 51, [0.5] * 51),
    *([[1, 2], [1]], [[[1.0, None]]], "x" * 100_000, [[None] * 2000] * 2000, [[[[[[1]]]]]]),
]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")

STEP = st.tuples(
    st.sampled_from(["cut", "delete", "insert", "replace", "flip", "copy", "number", "key"]),
    st.integers(0, 2**20),
    st.integers(0, 2**20),
    st.sampled_from(NASTY) | st.binary(min_size=1, max_size=9),
)


def garbled(content, steps):
    """Returns bytes with some changes; where they fall depends on the steps alone."""
    for step, first, second, piece in steps:
        size = len(content)
        if not size:
            return content
        at, length = first % size, second % 64 + 1
        if step == "cut":
            content = content[:at]
        elif step == "delete":
            content = content[:at] + content[at + length :]
        elif step == "insert":
            content = content[:at] + piece + content[at:]
        elif step == "replace":
            content = content[:at] + piece + content[at + len(piece) :]
        elif step == "flip":
            content = content[:at] + bytes([content[at] ^ 1 << second % 8]) + content[at + 1 :]
        elif step == "copy":
            start = second % size
            content = content[:at] + content[start : start + 200] + content[at:]
        else:
            pattern = NUMBER if step == "number" else re.compile(rb'"[a-z_]+"|[a-z]+_?[xyz]?')
            found = list(pattern.finditer(content))
            if found:
                match = found[first % len(found)]
                content = content[: match.start()] + piece + content[match.end() :]
    return content


def replaced(value, first, second):
    """Returns plain values with one of them, at any depth, replaced by something odd."""
    if isinstance(value, dict | list) and value and first % 7:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[first % len(keys)]
        changed = dict(value) if isinstance(value, dict) else list(value)
        changed[key] = replaced(value[key], first // 7, second)
        if second % 11 == 0:
            del changed[key]
        return changed
    if isinstance(value, np.ndarray):
        odd = [value[:1], value[..., :1], value * np.nan, value * 0, value.astype(str), value.T]
        odd += [value[None], value.astype(np.int8), value.tolist(), value / 0, value[:0], value[0]]
        return (odd + ODD)[second % (len(odd) + len(ODD))]
    return ODD[second % len(ODD)]


def garble(path, steps, inside):
    """Garbles a file, or what is packed in it."""
    if inside and path.suffix in (".pkl", ".json"):
        codec = pickle if path.suffix == ".pkl" else json
        value = codec.loads(path.read_bytes())
        for _, first, second, _ in steps:
            with np.errstate(all="ignore"):
                value = replaced(value, first, second)
        content = codec.dumps(value)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return
    if not (inside and zipfile.is_zipfile(path)):
        path.write_bytes(garbled(path.read_bytes(), steps))
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = sorted(members)[steps[0][2] % len(members)]
    members[chosen] = garbled(members[chosen], steps)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@contextmanager
def limits(seconds=SECONDS, size=BYTES):
    """Ends what takes too long or too much memory, where the system can do that."""
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        yield
        return
    import resource

    def stop(*_):
        raise TimeoutError(f"more than {seconds} s")

    with open("/proc/self/statm") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (now + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def check(read, path):
    """Reads; whatever comes out are clips that are right, or one error that explains itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with limits():
                found = read()
        except DataError as error:
            assert error.file is not None and error.expected is not None, str(error)
            assert error.found is not None or error.place is not None, str(error)
            assert error.remedy is not None and len(str(error)) < 6000, str(error)
            return
    assert all(data.validate() for data in found[0])


def fuzz(name, folder, examples, derandomize):
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEP, min_size=1, max_size=4), st.booleans())
    def run(steps, inside):
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir()
        path, read = MAKERS[name](case)
        garble(path, steps, inside)
        check(read, path)

    run()


@pytest.mark.parametrize("name", MAKERS)
def test_valid_files(tmp_path, name):
    _, read = MAKERS[name](tmp_path)
    with limits():
        found = read()
    assert len(found[0]) >= 1


@pytest.mark.parametrize("name", MAKERS)
def test_garbled_files(tmp_path, name):
    fuzz(name, tmp_path, -(-QUICK // len(MAKERS)), derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", MAKERS)
def test_many_garbled_files(tmp_path, name):
    fuzz(name, tmp_path, -(-SLOW // len(MAKERS)), derandomize=False)


def test_limits_do_their_work():
    if sys.platform != "linux":
        pytest.skip("needs the limits of Linux")
    with pytest.raises(TimeoutError), limits(seconds=0.05):
        while True:
            pass
    with pytest.raises(MemoryError), limits():
        np.ones(BYTES // 4)
