import numpy as np
import pytest
import torch

from sgnkit.data import ClipList, SkeletonData, collate
from sgnkit.data.clip_list import bodies, follows_layout
from sgnkit.layout import get_layout


def clip(k, persons=1, num_frames=6, layout="sbu15", holes=True, **extra):
    rng = np.random.default_rng(k)
    joints = get_layout(layout).num_joints
    array = rng.normal(size=(persons, num_frames, joints, 3)).astype("float32")
    mask = rng.random((persons, num_frames, joints)) > 0.2 if holes else None
    data = SkeletonData.from_array(
        array, layout, "MTVC", y=k % 3, name=f"clip{k}", mask=mask, persons="all", subject=k
    )
    for key, value in extra.items():
        data[key] = value
    return data


def assert_same(found, expected):
    assert type(found) is type(expected) and list(found.to_dict()) == list(expected.to_dict())
    for key, value in expected.to_dict().items():
        assert type(found[key]) is type(value), key
        if isinstance(value, torch.Tensor):
            assert found[key].dtype == value.dtype and torch.equal(found[key], value), key
        else:
            assert repr(found[key]) == repr(value), key


def test_clip_list_reads_like_a_list():
    clips = [clip(k, persons=1 + k % 2, num_frames=3 + k) for k in range(4)]
    found = ClipList.of(clips)
    assert len(found) == 4 and found.num_frames == [3, 4, 5, 6] and found.num_persons == [1, 2] * 2
    for ours, theirs in zip(found, clips, strict=True):
        assert_same(ours, theirs)
    assert [c.name for c in found[1:3]] == ["clip1", "clip2"]
    assert_same(found[-1], clips[-1])
    with pytest.raises(IndexError):
        found[4]
    assert ClipList.of(found) is found


def test_clip_list_replaces_attributes():
    found = ClipList.of([clip(0), clip(1)])
    other = found.with_([x * 2 for x in found.x], [None, None], note=["a", "b"])
    assert torch.equal(other[1].x, clip(1).x * 2) and other[1].mask.all()
    assert other[0].note == "a" and "note" not in found[0]
    assert torch.equal(found[1].x, clip(1).x)
    assert collate(other).mask.all() and collate(other).note == ["a", "b"]
    half = collate(found.with_(mask=[None, found.mask[1]]))
    assert half.mask[:15].all() and torch.equal(half.mask[15:], found.mask[1])


def test_follows_layout():
    data = clip(0, persons=2)
    layout, persons, parts = follows_layout(data)
    assert layout.name == "sbu15" and persons == 2 and len(parts) == 5
    assert all(torch.equal(value, data[key]) for key, value in bodies(layout, 2).items())
    data.joint = data.joint.int()
    assert "joint" not in follows_layout(data)[2]
    data.layout = "nobody_knows"
    assert follows_layout(data) == (None, 0, ())


def test_joined_takes_the_clips_of_several_lists_in_any_order():
    parts = [ClipList.of([clip(0), clip(1)]), ClipList.of([clip(2, persons=2)])]
    found = ClipList.joined(parts, [2, 0, 1, 2])
    assert isinstance(found, ClipList) and found.rest["name"] == [
        "clip2",
        "clip0",
        "clip1",
        "clip2",
    ]
    for data, k in zip(found, (2, 0, 1, 2), strict=True):
        assert_same(data, clip(k, persons=1 + (k == 2)))
    mixed = ClipList.joined([parts[0], [clip(3, layout="ntu25")]], [2, 1])
    assert isinstance(mixed, list) and [data.name for data in mixed] == ["clip3", "clip1"]
