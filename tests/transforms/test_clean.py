"""Whole chains against NumPy programs that follow the published definitions step by step."""

import numpy as np
import pytest
import torch

from sgnkit.data import SkeletonData
from sgnkit.transforms import (
    AlignBody,
    Center,
    Clean,
    CleanReport,
    CutEmptyFrames,
    FilterLength,
    FilterMotion,
    PadPersons,
    UniformSample,
    cleaning_steps,
)


def recording(seed, num_bodies=4, frames=80):
    """Bodies of standing people who come and go, and things that are wider than high."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.1, (num_bodies, frames, 25, 3))
    seen = np.zeros((num_bodies, frames), dtype=bool)
    for body in range(num_bodies):
        start, end = sorted(random.choice(frames, 2, replace=False))
        seen[body, start : end + 1] = True
        joints = random.uniform(-1, 1, (25, 3)) * (0.3, 0.8, 0.2)
        joints[0], joints[1] = (0, -0.2, 0), (0.01, 0.1, 0.02)
        joints[4], joints[8] = (-0.2, 0.4, 0.01), (0.2, 0.4, 0.0)
        if random.random() < 0.3:
            joints *= (3, 0.3, 1)
        wide = random.random(frames) < random.uniform(0, 0.5)
        x[body] += joints * np.where(wide, 4, 1)[:, None, None] ** (1, 0, 0)
        x[body] += random.uniform((-2, -2, 2), (2, 2, 6))
    x[~seen] = 0
    return x, seen


def as_clip(x, seen):
    mask = np.repeat(seen[:, :, None], 25, axis=2)
    return SkeletonData.from_array(x, "ntu25", "MTVC", mask=mask, persons="all", name="S001")


def stored(clip):
    return clip.to_array("MTVC")


# CTR-GCN, baselines of the field: its NTU arrays


def ctr_gcn_actors(x, seen):
    kept = seen.any(axis=0)
    x, seen = x[:, kept], seen[:, kept]
    ids = [i for i in range(len(x)) if seen[i].any()]
    total = {i: x[i, seen[i]].reshape(-1, 3).var(axis=0).sum() for i in ids}
    if len(ids) > 1:
        longest = max(ids, key=lambda i: seen[i].sum())
        ids = [i for i in ids if seen[i].sum() > 11] or [longest]
    if len(ids) > 1:
        for i in list(ids):
            if len(ids) == 1:
                break
            points = x[i, seen[i]]
            extent = points.max(axis=1) - points.min(axis=1)
            good = extent[:, 0] <= 0.8 * extent[:, 1]
            if (~good).sum() / len(good) >= 0.69754:
                ids.remove(i)
            elif not good.all():
                total[i] = min(total[i], points[good].reshape(-1, 3).var(axis=0).sum())
        ids.sort(key=lambda i: -total[i])
    actors, times = [np.zeros_like(x[0]) for _ in range(2)], [None, (0, 0)]
    for i in ids:
        start, end = np.flatnonzero(seen[i])[[0, -1]]
        for actor in range(2):
            if times[actor] is None:
                times[actor] = (start, end)
            elif min(times[actor][1], end) - max(times[actor][0], start) > 0:
                continue
            times[actor] = (min(times[actor][0], start), max(times[actor][1], end))
            actors[actor][seen[i]] = x[i, seen[i]]
            break
    actors = np.stack(actors)
    actors = actors[:, (actors != 0).any(axis=(0, 2, 3))]
    there = (actors != 0).any(axis=(2, 3))
    origin = actors[0, np.flatnonzero(there[0])[0], 1]
    actors = actors - origin
    actors[~there] = 0
    return actors


@pytest.mark.parametrize("seed", range(30))
def test_ctr_gcn_chain(seed):
    x, seen = recording(seed, num_bodies=1 + seed % 6)
    expected = ctr_gcn_actors(x, seen)
    out, report = Clean("ctr_gcn").clean(as_clip(x, seen))
    assert out.validate()
    if out.num_persons == 1:
        assert not expected[1].any()  # an absent actor is absent, not zeros
        out = PadPersons(2)(out)
    np.testing.assert_allclose(stored(out), expected, atol=1e-12)
    assert report.frames_after == expected.shape[1]


def test_ctr_gcn_chain_by_hand():
    x = np.zeros((3, 40, 25, 3))
    x[:, :, 13:, 1] = [[[1.8]], [[1.7]], [[0.2]]]  # heights: two people and a table
    x[:, :, 13:, 0] = [[[0.5]], [[0.4]], [[1.5]]]
    x[0] += np.linspace(0, 1, 40)[:, None, None] * (0, 0, 1) + (1, 2, 3)  # walks
    x[1] += (-1, 2, 3)
    seen = np.ones((3, 40), dtype=bool)
    seen[:, 4:6] = False
    seen[0, :4] = False
    out, report = Clean("ctr_gcn").clean(as_clip(x, seen))
    assert [(c.step, c.action, c.bodies, c.number) for c in report.changes] == [
        ("CutEmptyFrames", "cut", (), 2),
        ("FilterSpread", "dropped", (2,), 38),
        ("Center", "applied", (), 0),
        ("ZeroMissing", "zeroed", (0,), 100),
    ]
    assert report.persons == [(0,), (1,)] and out.x.shape == (50, 38, 3)
    # Joint 1 of the first actor in its first frame, frame 6 of the recording, is the origin.
    origin = np.array([1, 2, 3 + 6 / 39])
    np.testing.assert_allclose(out.x[1, 4], 0, atol=1e-12)
    np.testing.assert_allclose(out.x[1, 37], [0, 0, 33 / 39], atol=1e-12)
    np.testing.assert_allclose(out.x[26, 0], np.array([-1, 2, 3]) - origin, atol=1e-12)
    assert out.x[:25, :4].abs().max() == 0 and out.mask[25:].all()


# 2s-AGCN and pyskl: turned bodies


def turn(line, target):
    """Rodrigues' formula about the axis of the smallest turn."""
    axis = np.cross(line, target)
    if np.abs(axis).sum() < 1e-9:
        return np.eye(3)
    axis = axis / np.linalg.norm(axis)
    angle = np.arccos(np.clip(line @ target / np.linalg.norm(line), -1, 1))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def aligned(x):
    x = x @ turn(x[0, 0, 1] - x[0, 0, 0], np.array([0, 0, 1.0])).T
    return x @ turn(x[0, 0, 8] - x[0, 0, 4], np.array([1.0, 0, 0])).T


def agcn(x, seen, length):
    energy = [x[i, seen[i]].reshape(-1, 3).std(axis=0).sum() for i in range(len(x))]
    best = np.argsort(energy)[::-1][:2]
    out = np.zeros((len(best), length, 25, 3))
    for person, body in enumerate(best):
        frames = x[body]
        if not seen[body, 0]:
            frames = frames[seen[body]]
        frames = frames[: np.flatnonzero((frames != 0).any(axis=(1, 2)))[-1] + 1]
        for t in range(length):
            out[person, t] = frames[t % len(frames)]
    there = (out != 0).any(axis=(2, 3), keepdims=True)
    return aligned((out - out[:1, :, 1:2]) * there)


@pytest.mark.parametrize("seed", range(10))
def test_agcn_chain(seed):
    x, seen = recording(seed, num_bodies=1 + seed % 4)
    out = Clean("agcn")(as_clip(x, seen))
    expected = agcn(x, seen, 300)
    np.testing.assert_allclose(stored(out), expected, atol=1e-6)
    assert out.x[1].norm(dim=-1).max() < 1e-6  # joint 1 at the origin in each frame
    spine, shoulders = expected[0, 0, 1] - expected[0, 0, 0], expected[0, 0, 8] - expected[0, 0, 4]
    np.testing.assert_allclose(shoulders / np.linalg.norm(shoulders), [1, 0, 0], atol=1e-6)
    assert spine[2] > 0


def pyskl(x, seen, align_spine):
    if len(x) == 2 and seen[0].sum() < seen[1].sum():
        x, seen = x[::-1], seen[::-1]
    x = x[:, seen[0]]
    x = (x - x[0, 0, 1]) * (x != 0).any(axis=-1, keepdims=True)
    return aligned(x) if align_spine else x


@pytest.mark.parametrize("align_spine", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_pyskl_chain(seed, align_spine):
    x, seen = recording(seed, num_bodies=1 + seed % 2)
    steps = [s for s in cleaning_steps("pyskl") if align_spine or not isinstance(s, AlignBody)]
    out = Clean(steps)(as_clip(x, seen))
    np.testing.assert_allclose(stored(out), pyskl(x, seen, align_spine), atol=1e-6)


# The rest


def test_keypoints_chain():
    x, seen = np.zeros((1, 80, 25, 3)), np.ones((1, 80), dtype=bool)
    x[0, :, 13:, 1] = 1.8
    x += np.linspace(0, 1, 80)[:, None, None] + (1, 2, 3)
    seen[:, :6] = False
    straight = x.copy()
    x[0, 30, 11] += 9
    out, report = Clean("keypoints").clean(as_clip(x, seen))
    assert [(c.step, c.action, c.number) for c in report.changes] == [
        ("CutEmptyFrames", "cut", 6),
        ("FilterJumps", "hidden", 1),
        ("FillMissing", "filled", 1),
        ("Center", "applied", 0),
    ]
    np.testing.assert_allclose(stored(out)[0], straight[0, 6:] - straight[0, 6, 20], atol=1e-12)
    assert (~out.mask).nonzero().tolist() == [[11, 24]]


def test_thresholds_are_arguments():
    steps = cleaning_steps("ctr_gcn")
    steps[1] = FilterLength(5)
    steps.insert(4, FilterMotion())
    assert str(Clean(steps)).startswith("Clean([CutEmptyFrames('any'), FilterLength(5), ")
    assert str(cleaning_steps("ctr_gcn")[1]) == "FilterLength(11)"  # a list of one's own


def test_report_gathers_clips():
    report = CleanReport()
    clean = Clean([CutEmptyFrames(), FilterLength(), Center(1)], report=report)
    for seed in range(5):
        clean(as_clip(*recording(seed)))
    assert len(report) == 5
    content = report.to_dict()
    assert [c["name"] for c in content["clips"]] == ["S001"] * 5
    assert content["counts"]["Center"] == {"applied": {"clips": 5, "changes": 5, "number": 0}}
    cut = sum(c.number for clip in report.clips for c in clip.changes if c.action == "cut")
    assert content["counts"]["CutEmptyFrames"]["cut"]["number"] == cut
    text = str(report)
    changed = [clip for clip in report.clips if clip.is_changed]
    assert text.startswith(f"5 clips, {len(changed)} of them changed\n")
    assert f"  CutEmptyFrames: cut {cut} frames in " in text
    assert "  Center: applied in 5 clips\n" in text
    assert text.count("S001: ") == len(changed)
    assert repr(report) == "CleanReport(5 clips)"
    assert "report" not in str(clean)


def test_other_transforms_are_applied():
    data = as_clip(*recording(0))
    out, report = Clean([UniformSample(16)]).clean(data)
    assert torch.equal(out.x, UniformSample(16)(data).x)
    assert [tuple(c) for c in report.changes] == [
        ("UniformSample", "applied", (), 0, "UniformSample(16)")
    ]


def test_there_is_no_such_policy():
    message = "no policy 'ntu'; there are ctr_gcn, agcn, pyskl, keypoints"
    with pytest.raises(ValueError, match=message):
        Clean("ntu")


def test_experiment_files_name_the_policy():
    from sgnkit.training.config import build_transforms

    clean = build_transforms([{"Clean": {"policy": "pyskl"}}], "test_transforms").transforms[0]
    assert str(clean) == str(Clean("pyskl"))
