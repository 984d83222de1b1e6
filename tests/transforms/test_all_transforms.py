"""Contracts that every exported transform keeps."""

import copy
import inspect
import itertools
import pickle
import random

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import BaseTransform

import sgnkit.transforms as T
from sgnkit.data import SkeletonData, transform_clips
from sgnkit.layout import get_layout, register_layout

ARMS = ["left_elbow", "left_wrist", "right_elbow", "right_wrist"]
register_layout(get_layout("kinect20").subset(ARMS, name="kinect20_arms"))

# Class -> instances to test; the names in RANDOM draw noise.
TRANSFORMS = {
    "AlignBody": [T.AlignBody(), T.AlignBody(spine=(0, 1), shoulders=("left_hip", "right_hip"))],
    "AssembleActors": [T.AssembleActors(), T.AssembleActors(1, rule="frames")],
    "Center": [
        T.Center(),
        T.Center("head", frame="each"),
        T.Center(("left_hip", 16)),
        T.Center(causal=True),
        T.Center("head", "each", causal=True),
    ],
    "Clean": [T.Clean("keypoints"), T.Clean("ctr_gcn"), T.Clean([T.Center()])],
    "Compose": [T.Compose([T.Center(), T.RandomRotate(60), T.UniformSample(8, random=True)])],
    "CutEmptyFrames": [T.CutEmptyFrames(), T.CutEmptyFrames("first")],
    "DropJoints": [T.DropJoints(0.5)],
    "FillMissing": [T.FillMissing(), T.FillMissing(max_gap=1)],
    "FilterJumps": [T.FilterJumps(), T.FilterJumps(0.5, window=3)],
    "FilterLength": [T.FilterLength()],
    "FilterMotion": [T.FilterMotion(), T.FilterMotion(ratio=None)],
    "FilterSpread": [T.FilterSpread()],
    "Jitter": [T.Jitter(0.1)],
    "LoopFrames": [T.LoopFrames(50)],
    "MinMaxNormalize": [T.MinMaxNormalize(), T.MinMaxNormalize(causal=True)],
    "MirrorLeftRight": [T.MirrorLeftRight(0.5), T.MirrorLeftRight(1.0, axis=1)],
    "PadPersons": [T.PadPersons(2), T.PadPersons(3)],
    "RandomCropResize": [T.RandomCropResize(8), T.RandomCropResize(8, 0.95, min_frames=4)],
    "RandomRotate": [T.RandomRotate(30), T.RandomRotate(30, axes="yz")],
    "RandomScale": [T.RandomScale((0.5, 1.5))],
    "SelectJoints": [T.SelectJoints("kinect20_arms")],
    "SelectPersons": [T.SelectPersons(1), T.SelectPersons(None, by="variance", ratio=0.8)],
    "TakeFrames": [T.TakeFrames(8), T.TakeFrames(8, random=True)],
    "ToModalities": [T.ToModalities(), T.ToModalities("bone")],
    "UniformSample": [
        T.UniformSample(8),
        T.UniformSample(8, random=True),
        T.UniformSample(8, random=True, mode="segment"),
    ],
    "ZeroMissing": [T.ZeroMissing()],
}
RANDOM = {"Compose", "DropJoints", "Jitter", "MirrorLeftRight", "RandomCropResize", "RandomRotate",
          "RandomScale", "TakeFrames", "UniformSample"}  # fmt: skip
INSTANCES = [
    pytest.param(transform, id=str(transform)) for row in TRANSFORMS.values() for transform in row
]


def clip(persons=1, frames=6, channels=3, dtype=torch.float32, seed=0, holes=True):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(persons, frames, 20, channels, generator=generator, dtype=dtype)
    mask = torch.rand(persons, frames, 20, generator=generator) > 0.2
    return SkeletonData.from_array(
        x, "kinect20", "MTVC", y=1, name="clip", camera=2, mask=mask if holes else None
    )


def snapshot(data):
    return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in data}


def test_every_exported_transform_is_tested():
    classes = {name for name in T.__all__ if inspect.isclass(getattr(T, name))}
    exported = {name for name in classes if issubclass(getattr(T, name), BaseTransform)}
    exported.remove("CleaningStep")  # a base
    assert exported == set(TRANSFORMS)
    for name, row in TRANSFORMS.items():
        for transform in row:
            assert type(transform) is getattr(T, name)
            assert isinstance(transform, BaseTransform)


@pytest.mark.parametrize("transform", INSTANCES)
@pytest.mark.parametrize("frames", [1, 2, 6, 40])
def test_works_on_every_clip_and_leaves_it_as_it_was(transform, frames):
    torch.manual_seed(0)
    for persons, channels, holes in itertools.product([1, 2], [2, 3], [False, True]):
        data = clip(persons, frames, channels, holes=holes)
        before, objects = snapshot(data), {key: id(value) for key, value in data}
        out = transform(data)

        assert out is not data
        assert {key: id(value) for key, value in data} == objects
        for key, value in data:
            same = value == before[key]
            assert same.all() if torch.is_tensor(value) else same, f"{transform} changed {key}"

        assert isinstance(out, SkeletonData)
        assert out.validate()
        assert out.x.dtype == data.x.dtype
        assert out.mask.shape == out.x.shape[:2]
        assert out.num_frames == frames
        assert (out.y.item(), out.name, out.camera) == (1, "clip", 2)


@pytest.mark.parametrize("transform", INSTANCES)
@pytest.mark.parametrize("holes", [False, True])
def test_many_at_once_equals_one_by_one(transform, holes):
    """A clip draws the same numbers in a batch and alone, and becomes the same."""
    for channels in (2, 3):
        clips = [
            clip(1 + k % 2, 1 + 3 * k, channels, seed=k, holes=holes and k != 2) for k in range(5)
        ]
        before = [snapshot(data) for data in clips]
        found = transform_clips(transform, clips, seeds=range(5))
        for seed, (data, out) in enumerate(zip(clips, found, strict=True)):
            torch.manual_seed(seed)
            expected = transform(data)
            assert set(out.keys()) == set(expected.keys())
            for key, value in expected.to_dict().items():
                same = out[key] == value
                if key == "x":
                    torch.testing.assert_close(out.x, value, atol=1e-6, rtol=1e-5)
                else:
                    assert same.all() if torch.is_tensor(value) else same, key
            for key, value in before[seed].items():
                same = data[key] == value
                assert same.all() if torch.is_tensor(value) else same


@pytest.mark.parametrize("transform", INSTANCES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtype_stays(transform, dtype):
    assert transform(clip(dtype=dtype)).x.dtype == dtype


@pytest.mark.parametrize("transform", INSTANCES)
def test_torch_seed_repeats_and_no_other_generator_is_used(transform):
    data = clip(persons=2)
    python_state, numpy_state = random.getstate(), np.random.get_state()[1].tolist()
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append(transform(data))
    assert torch.equal(results[0].x, results[1].x)
    assert torch.equal(results[0].mask, results[1].mask)
    assert random.getstate() == python_state
    assert np.random.get_state()[1].tolist() == numpy_state


@pytest.mark.parametrize("name", TRANSFORMS)
def test_only_random_transforms_draw(name):
    data = clip(frames=40)
    for transform in TRANSFORMS[name]:
        torch.manual_seed(0)
        state = torch.get_rng_state()
        results = [transform(data).x for _ in range(8)]
        drew = not torch.equal(state, torch.get_rng_state())
        differ = any(not torch.equal(results[0], x) for x in results[1:])
        is_random = name in RANDOM and not (
            getattr(transform, "random", True) is False
            or getattr(transform, "scale", ()) == 0.95
            or getattr(transform, "p", 0.5) == 1.0
        )
        assert differ == is_random
        if name not in RANDOM:
            assert not drew


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("transform", INSTANCES)
def test_works_on_a_gpu(transform):
    torch.manual_seed(0)
    expected = transform(clip(persons=2))
    torch.manual_seed(0)
    out = transform(clip(persons=2).to("cuda"))
    assert out.x.device.type == out.mask.device.type == "cuda"
    assert out.validate()
    torch.testing.assert_close(out.x.cpu(), expected.x, atol=1e-5, rtol=1e-4)
    assert torch.equal(out.mask.cpu(), expected.mask)


@pytest.mark.parametrize("transform", INSTANCES)
@pytest.mark.parametrize("frames", [1, 6])
def test_on_another_device(transform, frames, elsewhere):
    clips = [clip(2, frames), clip(1, 9, seed=3, holes=False)]
    torch.manual_seed(0)
    expected = [transform(clips[0]), *transform_clips(transform, clips, seeds=range(2))]
    with elsewhere:
        moved = [data.clone().to(elsewhere.name) for data in clips]
        torch.manual_seed(0)
        found = [transform(moved[0]), *transform_clips(transform, moved, seeds=range(2))]
        assert all(out.validate() for out in found)
    for out, same in zip(found, expected, strict=True):
        tensors = {key: value for key, value in out if torch.is_tensor(value)}
        assert {value.device.type for value in tensors.values()} == {elsewhere.name}
        for key, value in tensors.items():
            assert torch.equal(value.cpu(), same[key]), key


@pytest.mark.parametrize("transform", INSTANCES)
def test_batches_are_refused(transform):
    batch = Batch.from_data_list([clip(), clip()])
    with pytest.raises(TypeError, match=r"expected one SkeletonData clip, got SkeletonDataBatch"):
        transform(batch)
    with pytest.raises(TypeError, match="got Tensor"):
        transform(batch.x)


@pytest.mark.parametrize("transform", INSTANCES)
def test_copies_and_repr(transform):
    for copied in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert str(copied) == str(transform)
    assert str(transform).startswith(type(transform).__name__ + "(")


@pytest.mark.parametrize("transform", INSTANCES)
def test_results_make_batches(transform):
    clips = [transform(clip(persons)) for persons in (1, 2)]
    batch = Batch.from_data_list(clips)
    assert batch.validate()
    assert batch.x.size(0) == sum(c.x.size(0) for c in clips)


class Noisy(torch.utils.data.Dataset):
    """Returns the same clip again and again, augmented."""

    def __init__(self, num_clips=8):
        self.data = clip(holes=False)
        self.num_clips = num_clips
        self.transform = T.Compose([T.RandomRotate(60), T.Jitter(0.1)])

    def __len__(self):
        return self.num_clips

    def __getitem__(self, index):
        return self.transform(self.data)


def epochs(num_epochs=2, **kwargs):
    loader = DataLoader(Noisy(), batch_size=1, **kwargs)
    return [[batch.x for batch in loader] for _ in range(num_epochs)]


@pytest.mark.parametrize(
    "kwargs",
    [{"num_workers": 0}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}],
)
def test_workers_draw_different_noise_in_every_epoch(kwargs):
    torch.manual_seed(0)
    results = epochs(**kwargs)
    flat = [x for epoch in results for x in epoch]
    for i, x in enumerate(flat):
        for other in flat[:i]:
            assert not torch.equal(x, other)
    torch.manual_seed(0)
    again = [x for epoch in epochs(**kwargs) for x in epoch]
    assert all(torch.equal(x, other) for x, other in zip(flat, again, strict=True))
