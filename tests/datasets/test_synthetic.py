import itertools
import pickle

import pytest
import torch
from torch_geometric.loader import DataLoader

from sgnkit.datasets import SyntheticActions
from sgnkit.layout import SkeletonLayout, list_layouts, register_layout
from sgnkit.models import create_model
from sgnkit.transforms import Center, Compose, UniformSample

PIN = {
    "num_frames": 32,
    "first": [
        [-1516, -632, 34258],
        [-1455, 1726, 34043],
        [-1533, 4674, 33765],
        [-1638, 6781, 33497],
    ],
    "sum": 24924371,
    "observed": 782,
}


def softmax_regression(train, test, l2=1e-2):
    """Test accuracy of multinomial logistic regression on standardised features."""
    (x, y), (x_test, y_test) = train, test
    mean, std = x.mean(0), x.std(0) + 1e-9
    x, x_test = (x - mean) / std, (x_test - mean) / std
    weight = torch.zeros(x.size(1) + 1, int(y.max()) + 1, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=40, line_search_fn="strong_wolfe")

    def logits(x):
        return x @ weight[:-1] + weight[-1]

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(x), y) + l2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return (logits(x_test).argmax(1) == y_test).double().mean().item()


def features(dataset, kind):
    generator = torch.Generator().manual_seed(0)
    center, num_joints, rows = dataset.layout.center, dataset.layout.num_joints, []
    for data in dataset:
        x = data.x.double().view(-1, num_joints, *data.x.shape[1:])
        x = x - x[:, center : center + 1]
        if kind == "mean pose":
            row = x.mean(2)
        elif kind == "frame":
            row = x[:, :, int(torch.randint(x.size(2), (1,), generator=generator))]
        else:  # skew of the velocity, and the area that position and velocity of limbs enclose
            velocity, x = x[:, :, 2:] - x[:, :, :-2], x[:, :, 1:-1]
            parents = torch.tensor(dataset.layout.parents)
            bone, position = x - x[:, parents], x - x.mean(2, keepdim=True)
            pairs = (position.unsqueeze(-1) * velocity.unsqueeze(-2)).mean(2).flatten(2)
            across = ((bone - bone.mean(2, keepdim=True)).unsqueeze(-1)) * velocity.unsqueeze(-2)
            skew = (velocity**3).mean(2)
            row = torch.cat([1e4 * skew, 1e3 * pairs, 1e3 * across.mean(2).flatten(2)], dim=2)
            row = torch.cat([row, x.mean(2), velocity.abs().mean(2)], dim=2)
        rows.append(row.flatten())
    return torch.stack(rows), dataset.y


def probe(num_clips=500, **options):
    sets = [SyntheticActions(num_clips, split=s, **options) for s in ("train", "test")]
    kinds = ("mean pose", "frame", "dynamics")
    return [softmax_regression(*(features(dataset, kind) for dataset in sets)) for kind in kinds]


def test_synthetic_actions():
    dataset = SyntheticActions(200)
    assert str(dataset) == "SyntheticActions(200)"
    assert dataset.layout.name == "ntu25" and dataset.num_classes == 10
    assert len(set(dataset.class_names)) == 10
    assert dataset.y.bincount().tolist() == [20] * 10
    assert len(set(dataset.names)) == 200
    lengths = {data.num_frames for data in dataset}
    assert min(lengths) == 28 and max(lengths) == 48
    lost = 0.0
    for data in dataset:
        assert data.validate()
        assert data.x.shape == (25, data.num_frames, 3) and data.x.dtype is torch.float32
        assert data.camera in (1, 2, 3) and 1 <= data.subject <= 10
        lost += (~data.mask).double().mean().item() / len(dataset)
    assert 0.01 < lost < 0.03
    batch = next(iter(DataLoader(SyntheticActions(8, num_frames=(30, 30)), batch_size=8)))
    assert batch.x.shape == (200, 30, 3)
    assert len(pickle.loads(pickle.dumps(dataset))) == 200


def test_synthetic_actions_are_the_same_everywhere():
    data = SyntheticActions(12, seed=5)[11]
    scaled = (data.x.double() * 1e4).round().long()
    assert torch.equal((scaled.double() / 1e4).float(), data.x)
    assert data.num_frames == PIN["num_frames"]
    assert scaled[:4, 0].tolist() == PIN["first"]
    assert int(scaled.sum()) == PIN["sum"] and int(data.mask.sum()) == PIN["observed"]


def test_synthetic_clip_depends_on_seed_and_number_alone():
    few, many = SyntheticActions(20, seed=3), SyntheticActions(150, seed=3)
    part = SyntheticActions(150, seed=3, split="test")
    for data in few:
        assert torch.equal(data.x, many[int(data.name[-5:])].x)
    for data in part:
        assert torch.equal(data.x, many[int(data.name[-5:])].x)
    assert not torch.equal(few[0].x[:, :28], SyntheticActions(20, seed=4)[0].x[:, :28])


@pytest.mark.parametrize("protocol", ["subject", "camera"])
def test_synthetic_splits(protocol):
    splits = {
        split: SyntheticActions(300, split=split, protocol=protocol)
        for split in ("train", "val", "test", "all")
    }
    names = {split: set(dataset.names) for split, dataset in splits.items()}
    assert names["train"] | names["val"] | names["test"] == names["all"]
    assert sum(len(names[s]) for s in ("train", "val", "test")) == 300
    subjects, cameras = (
        {s: {data[key] for data in d} for s, d in splits.items()} for key in ("subject", "camera")
    )
    assert subjects["val"] == {8} and not subjects["train"] & subjects["val"]
    if protocol == "subject":
        assert subjects["test"] == {9, 10} and subjects["train"] == set(range(1, 8))
        assert cameras["test"] == {1, 2, 3}
    else:
        assert cameras["test"] == {3} and cameras["train"] == cameras["val"] == {1, 2}
    assert all(len(dataset.y.unique()) == 10 for dataset in splits.values())


@pytest.mark.parametrize("layout", list_layouts())
@pytest.mark.parametrize("num_persons", [1, 2])
def test_synthetic_every_layout(layout, num_persons):
    dataset = SyntheticActions(6, layout=layout, num_persons=num_persons)
    for data in dataset:
        assert data.validate() and data.num_persons == num_persons
        assert data.x.shape[0] == num_persons * dataset.layout.num_joints
        assert data.x.abs().max() < 8
        assert (data.x.std(dim=1).sum(dim=1) > 0.01).all()  # every joint moves


def test_synthetic_body_looks_like_one():
    dataset = SyntheticActions(40, layout="ntu25", noise=0.0, dropped=0.0)
    index = dataset.layout.index
    for data in dataset:
        x = data.x
        upright = ("head", "neck", "spine_base", "left_foot")
        if dataset.class_names[int(data.y)] not in ("bow", "rock"):
            for upper, lower in itertools.pairwise(upright):
                assert (x[index(upper), :, 1] > x[index(lower), :, 1]).all()
        for child, parent in dataset.layout.bones:  # rigid bones between joints of one segment
            if "spine" not in dataset.layout.joints[parent]:
                length = (x[child] - x[parent]).norm(dim=-1)
                assert length.max() - length.min() < 2e-3
        # seen from the front, the left side has the smaller x
        if data.camera == 2:
            assert (x[index("left_shoulder"), :, 0] < x[index("right_shoulder"), :, 0]).all()
    heights = {d.subject: float((d.x[3, :, 1] - d.x[15, :, 1]).max()) for d in dataset}
    assert max(heights.values()) - min(heights.values()) > 0.1


def test_synthetic_lost_joints_keep_their_place():
    clean = SyntheticActions(10, dropped=0.0)[3]
    data = SyntheticActions(10, dropped=0.3)[3]
    assert clean.mask.all() and 0.15 < (~data.mask).double().mean() < 0.4
    joint, frame = (~data.mask[:, 1:]).nonzero()[0].tolist()
    assert torch.equal(data.x[joint, frame + 1], data.x[joint, frame])
    assert torch.equal(data.x[data.mask], clean.x[data.mask])


def test_synthetic_unknown_layout_moves_too():
    star = SkeletonLayout("star_for_synthetic", tuple("abcdefg"), (0, 0, 1, 0, 3, 0, 6))
    register_layout(star, overwrite=True)
    data = SyntheticActions(4, layout=star)[3]
    assert data.validate() and (data.x.std(dim=1).sum(dim=1) > 0.01).all()


def test_synthetic_rejects():
    for options, message in (
        (dict(num_clips=0), "num_clips must be at least 1"),
        (dict(num_clips=9, num_classes=22), "num_classes must be from 2 to 21, got 22"),
        (dict(num_clips=9, num_classes=16, num_persons=2), "num_classes must be from 2 to 15"),
        (dict(num_clips=9, num_persons=3), "num_persons must be 1 or 2"),
        (dict(num_clips=9, seed=-1), "seed must be from 0"),
        (dict(num_clips=9, split="dev"), "split must be one of train, val, test, all"),
        (dict(num_clips=9, protocol="view"), "protocol"),
        (dict(num_clips=9, num_frames=(5, 4)), "num_frames"),
        (dict(num_clips=9, noise=-0.1), "noise"),
        (dict(num_clips=9, dropped=0.9), "dropped"),
        (dict(num_clips=3, split="test"), "split 'test' of num_clips=3 clips is empty"),
        (dict(num_clips=9, layout="ntu26"), "ntu25"),
    ):
        with pytest.raises(ValueError, match=message):
            SyntheticActions(**options)


@pytest.mark.parametrize("num_persons, most", [(1, 21), (2, 15)])
def test_synthetic_number_of_classes(num_persons, most):
    for num_classes in (2, 3, most - 1, most):
        dataset = SyntheticActions(most, num_classes=num_classes, num_persons=num_persons)
        assert len(set(dataset.class_names)) == dataset.num_classes == num_classes
    one_frame = SyntheticActions(2, num_classes=2, num_persons=num_persons, num_frames=(1, 1))
    assert one_frame[0].x.shape[1] == 1


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(num_persons=2, layout="sbu15"),
        pytest.param(dict(protocol="camera", num_clips=1200), marks=pytest.mark.slow),
        pytest.param(dict(layout="kinect20", seed=3), marks=pytest.mark.slow),
        pytest.param(dict(num_classes=3), marks=pytest.mark.slow),
        pytest.param(dict(num_classes=20, num_clips=1200), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_synthetic_needs_time(options):
    """Neither the mean pose nor one frame tells the class; the dynamics do."""
    mean_pose, frame, dynamics = probe(**options)
    assert mean_pose < 0.6 and frame < 0.6 and dynamics > 0.8


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_synthetic_actions_can_be_learned_by_a_small_mk_sgn():
    """Where the mean pose and one frame fail, ten epochs of a narrow MK-SGN are enough."""
    torch.manual_seed(0)
    sample = UniformSample(32)
    train, test = (
        SyntheticActions(570, layout="kinect20", split=split, transform=Compose([Center(), sample]))
        for split in ("train", "test")
    )
    model = create_model(
        "mk_sgn_small",
        layout="kinect20",
        num_classes=10,
        hidden_channels=(16, 16, 32, 32),
        strides=(1, 2, 1, 2),
        num_steps=2,
    )
    loader = DataLoader(train, batch_size=16, shuffle=True, drop_last=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10 * len(loader))
    for _ in range(10):
        for batch in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(batch), batch.y, label_smoothing=0.1).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 3.0)
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(batch).argmax(1) for batch in DataLoader(test, batch_size=64)])
    assert (found == test.y).double().mean() >= 0.9
