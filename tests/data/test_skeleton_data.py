import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from sgnkit.data import SkeletonData
from sgnkit.layout import SkeletonLayout, get_layout

SIZES = {"M": 2, "T": 5, "V": 20, "C": 3}
ALL_AXES = ["".join(p) for letters in ("TVC", "MTVC") for p in itertools.permutations(letters)]


def random_array(axes="MTVC", dtype="float32", seed=0, **sizes):
    rng = np.random.default_rng(seed)
    return rng.normal(size=[{**SIZES, **sizes}[a] for a in axes]).astype(dtype)


def clip(persons=1, frames=5, **kwargs):
    array = random_array(M=persons, T=frames, seed=persons)
    return SkeletonData.from_array(array, "kinect20", "MTVC", **kwargs)


def test_nodes_are_persons_times_joints():
    array = random_array()
    data = SkeletonData.from_array(array, "kinect20", "MTVC", y=3, name="a", subject=2, camera=1)
    assert str(data) == (
        "SkeletonData(x=[40, 5, 3], edge_index=[2, 116], y=[1], mask=[40, 5], num_frames=5, "
        "layout='kinect20', name='a', edge_type=[116], joint=[40], person=[40], "
        "parent_index=[40], subject=2, camera=1)"
    )
    assert data.validate()
    assert (data.num_nodes, data.num_persons, data.num_edges) == (40, 2, 116)
    assert data.num_node_features == 3
    assert (data.num_frames, data.layout, data.name) == (5, "kinect20", "a")
    assert (data.subject, data.camera, "setup" in data) == (2, 1, False)
    assert data.y.tolist() == [3] and data.y.dtype == torch.long
    assert data.mask.all() and data.mask.dtype == torch.bool
    for person, frame, joint in [(0, 0, 0), (1, 4, 19), (1, 2, 7), (0, 3, 5)]:
        node = person * 20 + joint
        assert data.x[node, frame].tolist() == array[person, frame, joint].tolist()
        assert (data.person[node], data.joint[node]) == (person, joint)


def test_edges_are_those_of_the_layout_in_each_person():
    layout = get_layout("kinect20")
    data = clip(persons=2)
    edge_index, edge_type = layout.edge_index("spatial")
    for person in range(2):
        inside = (data.person[data.edge_index] == person).all(dim=0)
        assert inside.sum() == edge_index.size(1)
        assert torch.equal(data.edge_index[:, inside] - 20 * person, edge_index)
        assert torch.equal(data.edge_type[inside], edge_type)
    assert torch.equal(data.joint[data.parent_index], torch.tensor(layout.parents)[data.joint])
    assert torch.equal(data.person[data.parent_index], data.person)


@pytest.mark.parametrize("axes", ALL_AXES)
def test_round_trip_is_loss_free(axes):
    array = random_array(axes)
    mask = np.random.default_rng(1).random([SIZES[a] for a in axes.replace("C", "")]) > 0.3
    data = SkeletonData.from_array(array, "kinect20", axes, mask=mask)
    data.validate()
    np.testing.assert_array_equal(data.to_array(axes), array)
    mask_axes = axes.replace("C", "")
    np.testing.assert_array_equal(data.to_array(mask_axes, attr="mask"), mask)
    for other in ALL_AXES:
        if len(other) == len(axes):
            back = SkeletonData.from_array(data.to_array(other), "kinect20", other)
            assert torch.equal(back.x, data.x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", ">f8"])
def test_floating_dtype_stays(dtype):
    array = random_array("TVC", dtype)
    out = SkeletonData.from_array(array, "kinect20").to_array()
    assert out.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(out, array)


def test_bfloat16_tensor():
    x = torch.randn(5, 20, 3, dtype=torch.bfloat16)
    data = SkeletonData.from_array(x, "kinect20")
    assert data.x.dtype == torch.bfloat16
    np.testing.assert_array_equal(data.to_array(), x.float().numpy())


def test_integers_become_the_default_dtype():
    pixels = np.arange(300).reshape(5, 20, 3)
    data = SkeletonData.from_array(pixels, "kinect20")
    assert data.x.dtype == torch.get_default_dtype()
    np.testing.assert_array_equal(data.to_array(), pixels)


def test_array_is_copied():
    array = random_array("TVC")
    data = SkeletonData.from_array(array, "kinect20")
    before = data.x.clone()
    array[:] = 0
    data.to_array()[:] = 0
    assert torch.equal(data.x, before)


def test_read_only_arrays(recwarn):
    array = random_array("TVC")
    array.flags.writeable = False
    np.testing.assert_array_equal(SkeletonData.from_array(array, "kinect20").to_array(), array)
    assert not recwarn.list


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_stay_on_a_gpu():
    data = SkeletonData.from_array(torch.ones(5, 20, 3, device="cuda"), "kinect20", y=1)
    assert {value.device.type for _, value in data if torch.is_tensor(value)} == {"cuda"}
    assert data.validate()


def test_tensors_stay_on_their_device(elsewhere):
    with elsewhere:
        x = torch.ones(5, 20, 3, device=elsewhere.name)
        data = SkeletonData.from_array(x, "kinect20", y=1)
        assert data.validate()
    assert {v.device.type for _, v in data if torch.is_tensor(v)} == {elsewhere.name}


def test_views_lists_and_reversed_arrays():
    array = random_array("TVC")[::-1, :, ::-1]
    data = SkeletonData.from_array(array, "kinect20")
    np.testing.assert_array_equal(data.to_array(), array)
    assert torch.equal(SkeletonData.from_array(array.tolist(), "kinect20").x.float(), data.x)


@pytest.mark.parametrize("frames, channels", [(1, 3), (1, 2), (4, 1)])
def test_small_clips(frames, channels):
    array = random_array("TVC", T=frames, C=channels)
    data = SkeletonData.from_array(array, "kinect20")
    assert data.validate()
    np.testing.assert_array_equal(data.to_array(), array)


@pytest.mark.parametrize("argument", ["persons", "missing"])
def test_wrong_choice(argument):
    with pytest.raises(ValueError, match=f"{argument} must be one of .*, got 'some'"):
        SkeletonData.from_array(random_array("TVC"), "kinect20", **{argument: "some"})


def test_layout_must_be_registered():
    layout = SkeletonLayout("private", ("a",), (0,))
    with pytest.raises(ValueError, match="unknown layout 'private'"):
        SkeletonData.from_array(np.ones((5, 1, 3)), layout)
    layout = SkeletonLayout("ntu25", ("a",), (0,))
    with pytest.raises(ValueError, match="the registered layout 'ntu25' is a different one"):
        SkeletonData.from_array(np.ones((5, 1, 3)), layout)


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"axes": "TVC"}, r"2 person\(s\), which do not fit axes='TVC'"),
        ({"axes": "MTVC", "num_persons": 1}, "num_persons=1"),
        ({"axes": "MTV"}, "axes of 'x' must be the letters 'MVTC'"),
        ({"axes": "MTVC", "attr": "mask"}, "axes of 'mask' must be the letters 'MVT'"),
    ],
)
def test_to_array_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        clip(persons=2).to_array(**kwargs)


# Validation


@pytest.mark.parametrize(
    "key, change, message",
    [
        ("x", lambda x: x[:-1], "not whole bodies of layout 'kinect20'"),
        ("x", lambda x: x[..., 0], "wrong shape or dtype"),
        ("x", lambda x: x.long(), "torch.int64"),
        (
            "x",
            lambda x: x.index_fill(0, torch.tensor([23]), torch.nan),
            "person 1, frame 0, joint 3",
        ),
        ("mask", lambda m: m.float(), "wrong mask"),
        ("mask", lambda m: m[:, :2], "wrong mask"),
        ("joint", lambda j: j.flip(0), "joint"),
        ("person", lambda p: 1 - p, "person"),
        ("parent_index", lambda p: p % 20, "parent_index"),
        ("edge_type", lambda e: e[:-1], "edge_type"),
        ("edge_index", lambda e: e + 20, "an edge leads to no node"),
        ("edge_index", lambda e: torch.stack([e[0], e[1].flip(0)]), "an edge joins two persons"),
        ("y", lambda y: y.float(), "wrong class"),
        ("y", lambda y: y[0], "wrong class"),
        ("layout", lambda _: "none", "unknown layout 'none'"),
        ("layout", lambda _: "ntu25", "not whole bodies"),
    ],
)
def test_validate_finds(key, change, message):
    data = clip(persons=2, y=1)
    assert data.validate()
    data[key] = change(data[key])
    with pytest.raises(ValueError, match=message):
        data.validate()
    assert data.validate(raise_on_error=False) is False


# PyG


def assert_same(left, right):
    assert type(left) is type(right) is SkeletonData
    assert left.keys() == right.keys()
    for key, value in left:
        other = right[key]
        if isinstance(value, torch.Tensor) and isinstance(other, torch.Tensor):
            assert value.dtype == other.dtype and torch.equal(value, other), key
        else:
            assert value == other, key


def test_batch_joins_clips_and_gives_them_back():
    clips = [clip(persons, y=persons, name=f"c{persons}", subject=1) for persons in (1, 2, 1)]
    batch = Batch.from_data_list(clips)
    assert batch.num_graphs == 3
    assert batch.x.shape == (80, 5, 3)
    assert batch.num_nodes == 80 and batch.num_persons == 4
    assert batch.y.tolist() == [1, 2, 1]
    assert batch.num_frames.tolist() == [5, 5, 5]
    assert batch.layout == ["kinect20"] * 3 and batch.name == ["c1", "c2", "c1"]
    assert batch.skeleton is get_layout("kinect20")
    assert batch.person.tolist() == [0] * 20 + [0] * 20 + [1] * 20 + [0] * 20
    assert torch.equal(batch.parent_index[20:60], clips[1].parent_index + 20)
    assert torch.equal(batch.batch[batch.parent_index], batch.batch)
    assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
    assert batch.validate()
    for before, after in zip(clips, batch.to_data_list(), strict=True):
        assert_same(before, after)


def test_batch_of_two_layouts():
    other = SkeletonData.from_array(random_array("TVC", V=25), "ntu25")
    batch = Batch.from_data_list([clip(), other])
    assert batch.x.shape == (45, 5, 3)
    assert batch.num_persons == 2
    assert batch.validate()
    with pytest.raises(ValueError, match=r"different layouts: \['kinect20', 'ntu25'\]"):
        _ = batch.skeleton


def test_batch_has_no_array():
    with pytest.raises(ValueError, match="to_data_list"):
        Batch.from_data_list([clip(), clip()]).to_array("MTVC")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_data_loader(num_workers):
    clips = [clip(1 + i % 2, y=i) for i in range(5)]
    batches = list(DataLoader(clips, batch_size=2, num_workers=num_workers))
    assert [batch.num_graphs for batch in batches] == [2, 2, 1]
    assert torch.cat([batch.y for batch in batches]).tolist() == list(range(5))
    for batch in batches:
        assert batch.validate()


def test_clips_of_different_length_need_sampling():
    clips = [clip(frames=5), clip(frames=7)]
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        Batch.from_data_list(clips)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d)), lambda d: d.clone()],
)
def test_copies(duplicate):
    data = clip(2, y=1, name="a", camera=3)
    assert_same(duplicate(data), data)


def test_to_device_and_dtype():
    data = clip(2, y=1).to("meta")
    assert data.x.device.type == data.parent_index.device.type == data.mask.device.type == "meta"
    assert clip().cpu().validate()


def test_class_loads_with_weights_only(tmp_path):
    data = clip(2, y=1)
    torch.save((data.to_dict(), SkeletonData), tmp_path / "clip.pt")
    values, cls = torch.load(tmp_path / "clip.pt", weights_only=True)
    assert_same(cls.from_dict(values), data)
