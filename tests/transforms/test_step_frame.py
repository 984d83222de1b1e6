"""Transforms of a stream: frame by frame they do what they do to the clip."""

import pytest
import torch

import sgnkit.transforms as T
from sgnkit.data import SkeletonData
from sgnkit.errors import DataError
from sgnkit.layout import get_layout, register_layout

register_layout(
    get_layout("kinect20").subset(["left_elbow", "left_wrist"], name="kinect20_forearm")
)

CAUSAL = [
    T.Center(causal=True),
    T.Center("head", "each", causal=True),
    T.Center(("left_hip", "right_hip"), causal=True),
    T.MinMaxNormalize(causal=True),
]
# causal where their joints are observed
SEEN = [T.Center(), T.Center("head", "each"), T.AlignBody(), T.SelectJoints("kinect20_forearm"),
        T.PadPersons(3), T.TakeFrames(20)]  # fmt: skip
frames = 12


def clip(holes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, frames, 20, 3, generator=generator).cumsum(1)
    mask = torch.rand(2, frames, 20, generator=generator) > 0.5
    mask[:, 0, :6] = False  # unknown at first
    return SkeletonData.from_array(x, "kinect20", "MTVC", mask=mask if holes else None)


def part(data, start, stop):
    data = data.clone()
    data.x, data.mask = data.x[:, start:stop], data.mask[:, start:stop]
    return data


def run(transform, data):
    state, out = None, []
    for t in range(frames):
        frame, state = transform.step_frame(part(data, t, t + 1), state)
        out.append(frame)
    return torch.cat([f.x for f in out], 1), torch.cat([f.mask for f in out], 1)


@pytest.mark.parametrize(
    ("transform", "holes"),
    [(t, h) for t in CAUSAL for h in (True, False)] + [(t, False) for t in SEEN],
    ids=str,
)
def test_a_stream_equals_every_prefix(transform, holes):
    data = clip(holes)
    before = data.clone()
    x, mask = run(transform, data)
    for stop in (1, 5, frames):
        whole = transform(part(data, 0, stop))
        torch.testing.assert_close(x[:, :stop], whole.x[:, :stop])
        assert torch.equal(mask[:, :stop], whole.mask[:, :stop])
    assert torch.equal(data.x, before.x)


@pytest.mark.parametrize(
    "transform",
    [T.UniformSample(8), T.RandomCropResize(8), T.MinMaxNormalize(), T.Clean("keypoints")],
    ids=str,
)
def test_what_needs_the_whole_clip_says_so(transform):
    with pytest.raises(DataError, match="has to see the whole clip"):
        transform.step_frame(part(clip(False), 0, 1))


@pytest.mark.parametrize("transform", [T.Center("hip_center"), T.Center(3, "each"), T.AlignBody()])
def test_a_gap_that_only_later_frames_could_fill(transform):
    with pytest.raises(DataError, match="whole clip"):
        transform.step_frame(part(clip(True), 0, 1))


def test_causal_centre_by_hand():
    x = torch.arange(1.0, 7.0).view(1, 6, 1, 1).expand(1, 6, 20, 3)
    mask = torch.ones(1, 6, 20, dtype=torch.bool)
    mask[:, [0, 3], 2] = False
    data = SkeletonData.from_array(x, "kinect20", "MTVC", mask=mask)
    each = T.Center(2, "each", causal=True)(data).x[0, :, 0].tolist()
    assert each == [1, 0, 0, 1, 0, 0]  # unmoved, then the last place is held
    assert T.Center(2, causal=True)(data).x[0, :, 0].tolist() == [1, 0, 1, 2, 3, 4]


def test_causal_extrema_by_hand():
    x = torch.tensor([0.0, 1.0, 4.0, -4.0]).view(1, 4, 1, 1) * torch.ones(1, 4, 20, 3)
    data = SkeletonData.from_array(x + 1, "kinect20", "MTVC")
    found = T.MinMaxNormalize(causal=True)(data).x[0, :, 0].tolist()
    assert found == [0, 1, 1, -1]


def test_frames_as_they_were_recorded():
    data = clip(False)
    assert torch.equal(T.TakeFrames(5)(data).x, data.x[:, :5])
    longer = T.TakeFrames(15)(data).x
    assert torch.equal(longer[:, 12:], data.x[:, -1:].expand(-1, 3, -1))
    torch.manual_seed(0)
    starts = {T.TakeFrames(9, random=True)(data).x[0, 0, 0].item() for _ in range(60)}
    assert starts == set(data.x[0, :4, 0].tolist())
    with pytest.raises(ValueError, match="at least 1"):
        T.TakeFrames(0)
