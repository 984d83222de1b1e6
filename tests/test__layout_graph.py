import pytest
import torch

from sgnkit.layout import PARTITIONS, SkeletonLayout, get_layout, list_layouts

BUILT_INS = list_layouts()[:8]

# Sum of the third (from the children) subset: the number of joints that have children.
NUM_INNER = {
    "ntu25": 20,
    "kinect20": 15,
    "utd_mhad20": 15,
    "sbu15": 10,
    "coco17": 11,
    "openpose18": 12,
    "mediapipe33": 21,
    "hand21": 16,
}


@pytest.mark.parametrize("name", BUILT_INS)
def test_spatial_check_numbers(name):
    layout = get_layout(name)
    adj = layout.adjacency("spatial")
    num_bones = layout.num_joints - 1
    assert (adj > 0).sum(dim=(1, 2)).tolist() == [layout.num_joints, num_bones, num_bones]
    sums = adj.sum(dim=(1, 2))
    expected = torch.tensor([layout.num_joints, num_bones, NUM_INNER[name]], dtype=sums.dtype)
    torch.testing.assert_close(sums, expected)


def test_spatial_frobenius_norms():
    norms = get_layout("ntu25").adjacency().norm(dim=(1, 2))
    torch.testing.assert_close(norms, torch.tensor([5.0, 4.899, 4.3301]), atol=1e-4, rtol=0)
    norms = get_layout("kinect20").adjacency().norm(dim=(1, 2))
    torch.testing.assert_close(norms, torch.tensor([4.4721, 4.3589, 3.7081]), atol=1e-4, rtol=0)


def test_spatial_directions():
    adj = get_layout("ntu25").adjacency("spatial")
    # From the parent: each column has one source at most; rows are the numbers of children.
    assert set(adj[1].sum(dim=0).tolist()) == {0.0, 1.0}
    assert set(adj[1].sum(dim=1).tolist()) == {0.0, 1.0, 2.0, 4.0}
    # From the children of spine_shoulder: their mean.
    assert adj[2][:, 20].nonzero().flatten().tolist() == [1, 2, 4, 8]
    assert adj[2][[1, 2, 4, 8], 20].tolist() == [0.25] * 4


@pytest.mark.parametrize("name", BUILT_INS)
def test_joint_normalisation_sums_to_the_joint_count(name):
    layout = get_layout(name)
    distance, uniform = layout.adjacency("distance"), layout.adjacency("uniform")
    torch.testing.assert_close(distance.sum(), torch.tensor(float(layout.num_joints)))
    torch.testing.assert_close(distance.sum(dim=0), uniform[0])
    torch.testing.assert_close(uniform[0].sum(dim=0), torch.ones(layout.num_joints))
    assert torch.equal(uniform[0] > 0, (uniform[0] > 0).t())


def test_distance_check_numbers():
    own = get_layout("ntu25").adjacency("distance")[0]
    assert own.sum().item() == pytest.approx(8.95, abs=1e-3)
    assert own.norm().item() == pytest.approx(1.831, abs=1e-3)
    assert get_layout("kinect20").adjacency("distance")[0].sum().item() == pytest.approx(
        7.2833, abs=1e-4
    )


@pytest.mark.parametrize(
    ("name", "partition", "entries", "sums"),
    [
        ("ntu25", "spatial_released", [25, 40, 8], [8.95, 13.3, 2.75]),
        ("ntu25", "spatial_full", [25, 24, 24], [8.95, 7.3, 8.75]),
        ("kinect20", "spatial_released", [20, 31, 7], [7.2833, 10.3, 2.4167]),
        ("kinect20", "spatial_full", [20, 19, 19], [7.2833, 5.6333, 7.0833]),
        ("openpose18", "spatial_released", [18, 25, 9], None),
        ("openpose18", "spatial_full", [18, 17, 17], None),
        ("coco17", "spatial_released", [17, 22, 10], None),
    ],
)
def test_partitions_of_st_gcn(name, partition, entries, sums):
    adj = get_layout(name).adjacency(partition)
    assert (adj > 0).sum(dim=(1, 2)).tolist() == entries
    torch.testing.assert_close(adj.sum(dim=(0, 1)), torch.ones(adj.size(-1)))
    if sums:
        assert adj.sum(dim=(1, 2)).tolist() == pytest.approx(sums, abs=1e-3)
    if (name, partition) == ("ntu25", "spatial_released"):
        expected = [1.831, 2.149, 0.9895]
        assert adj.norm(dim=(1, 2)).tolist() == pytest.approx(expected, abs=1e-3)


def test_directions_of_the_full_partition_of_st_gcn():
    adj = get_layout("ntu25").adjacency("spatial_full")
    inwards, outwards = adj[1], adj[2]  # [source, target]; 4 hangs on 20, the centre, and 5 on 4
    assert inwards[4, 20] > 0 and inwards[5, 4] > 0 and inwards[20, 4] == 0
    assert outwards[20, 4] > 0 and outwards[4, 5] > 0 and outwards[4, 20] == 0
    far = get_layout("ntu25").adjacency("spatial_released")
    assert far[1][5, 6] > 0 and far[1][6, 5] > 0  # both beyond one bone: taken for equally far


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", BUILT_INS)
def test_edges_and_adjacency_agree(name, partition):
    layout = get_layout(name)
    edge_index, edge_type = layout.edge_index(partition)
    num_subsets = layout.num_subsets(partition)
    assert edge_index.dtype == edge_type.dtype == torch.long
    assert edge_index.shape == (2, 3 * layout.num_joints - 2)
    assert edge_type.unique().tolist() == list(range(num_subsets))
    dense = torch.zeros(num_subsets, layout.num_joints, layout.num_joints, dtype=torch.bool)
    dense[edge_type, edge_index[0], edge_index[1]] = True
    adj = layout.adjacency(partition)
    assert torch.equal(adj > 0, dense)
    assert dense.sum() == edge_index.size(1)


def test_edges_are_fresh_tensors():
    layout = get_layout("ntu25")
    layout.edge_index()[0].zero_()
    assert layout.edge_index()[0].max() == 24


def test_unknown_partition():
    with pytest.raises(ValueError, match=r"distance, uniform, .*spatial_full, got 'spacial'"):
        get_layout("ntu25").edge_index("spacial")
    with pytest.raises(ValueError, match="got 'spacial'"):
        get_layout("ntu25").adjacency("spacial")


def test_forest_of_single_joints():
    layout = SkeletonLayout("dots", ("a", "b", "c"), (0, 1, 2))
    assert layout.roots == (0, 1, 2)
    assert layout.bones == ()
    edge_index, edge_type = layout.edge_index()
    assert edge_index.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert edge_type.tolist() == [0, 0, 0]
    for partition in ("spatial", "spatial_released", "spatial_full"):
        assert layout.adjacency(partition).sum(dim=(1, 2)).tolist() == [3.0, 0.0, 0.0]
