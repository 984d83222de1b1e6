import pytest
import torch
from torch_geometric.data import Batch

from sgnkit.data import MODALITIES, SkeletonData, to_modalities
from sgnkit.layout import get_layout

# Two persons of three joints (0 <- 1 <- 2), three frames, one coordinate.
X = torch.tensor(
    [
        [1.0, 2.0, 4.0],
        [2.0, 5.0, 5.0],
        [2.5, 5.0, 9.0],
        [0.0, 0.0, 0.0],
        [1.0, 1.0, -1.0],
        [3.0, 0.0, 1.0],
    ]
).unsqueeze(-1)
PARENT = torch.tensor([0, 0, 1, 3, 3, 4])
BONE = [[0, 0, 0], [1, 3, 1], [0.5, 0, 4], [0, 0, 0], [1, 1, -1], [2, -1, 2]]
JOINT_MOTION = [[1, 2, 0], [3, 0, 0], [2.5, 4, 0], [0, 0, 0], [0, -2, 0], [-3, 1, 0]]
BONE_MOTION = [[0, 0, 0], [2, -2, 0], [-0.5, 4, 0], [0, 0, 0], [0, -2, 0], [-3, 3, 0]]
STREAMS = dict(
    zip(MODALITIES, (X.squeeze(-1).tolist(), BONE, JOINT_MOTION, BONE_MOTION), strict=True)
)


def test_hand_numbers():
    out = to_modalities(X, PARENT)
    assert out.shape == (4, 6, 3, 1)
    for stream, expected in zip(out.squeeze(-1), STREAMS.values(), strict=True):
        assert stream.tolist() == expected


@pytest.mark.parametrize(
    "names", [["bone_motion"], ["joint_motion", "joint"], ["bone", "bone"], list(MODALITIES[::-1])]
)
def test_any_subset_in_any_order(names):
    out = to_modalities(X, PARENT, names)
    assert [stream.squeeze(-1).tolist() for stream in out] == [STREAMS[name] for name in names]


def test_one_name_is_a_list_of_one():
    assert torch.equal(to_modalities(X, PARENT, "bone"), to_modalities(X, PARENT, ["bone"]))


def test_one_frame_has_no_motion():
    out = to_modalities(X[:, :1], PARENT)
    assert out.shape == (4, 6, 1, 1)
    assert out[2:].abs().sum() == 0
    assert out[1].flatten().tolist() == [row[0] for row in BONE]


def test_bones_follow_the_layout_and_roots_are_zero():
    layout = get_layout("ntu25")
    data = SkeletonData.from_array(torch.rand(2, 7, 25, 3), layout, "MTVC")
    bone = to_modalities(data.x, data.parent_index, "bone")[0].view(2, 25, 7, 3)
    x = data.x.view(2, 25, 7, 3)
    assert bone[:, 20].abs().sum() == 0
    for joint, parent in layout.bones:
        assert torch.equal(bone[:, joint], x[:, joint] - x[:, parent])


def test_batch_equals_its_clips():
    clips = [
        SkeletonData.from_array(torch.rand(persons, 6, 20, 3), "kinect20", "MTVC")
        for persons in (1, 2, 1)
    ]
    batch = Batch.from_data_list(clips)
    out = to_modalities(batch.x, batch.parent_index)
    parts = [to_modalities(clip.x, clip.parent_index) for clip in clips]
    assert torch.equal(out, torch.cat(parts, dim=1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_stays(dtype):
    assert to_modalities(X.to(dtype), PARENT).dtype == dtype


def test_gradient():
    x = X.double().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: to_modalities(x, PARENT), (x,))


def test_input_stays():
    x, before = X.clone(), X.clone()
    to_modalities(x, PARENT).zero_()
    assert torch.equal(x, before)


def test_compiles_as_one_graph():
    compiled = torch.compile(to_modalities, fullgraph=True, backend="eager")
    assert torch.equal(compiled(X, PARENT), to_modalities(X, PARENT))


@pytest.mark.parametrize(
    "names, message",
    [
        ("bones", r"unknown modality 'bones' \(did you mean 'bone'\?\); legal are joint, bone, "),
        (["joint", "velocity"], "unknown modality 'velocity'"),
        ([], "no modality given"),
    ],
)
def test_unknown_names(names, message):
    with pytest.raises(ValueError, match=message):
        to_modalities(X, PARENT, names)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"got \(6, 3\) and \(6,\)"):
        to_modalities(X[..., 0], PARENT)
    with pytest.raises(ValueError, match=r"got \(6, 3, 1\) and \(5,\)"):
        to_modalities(X, PARENT[:5])
