import pytest
import torch
from torch_geometric.data import Data

from sgnkit.nn import SkeletonGraph


def test_from_a_batch(make_batch):
    batch = make_batch(persons=(1, 2, 1))
    graph = SkeletonGraph.from_data(batch)
    assert graph.num_joints == 20
    assert graph.num_clips == 3
    assert graph.clip.tolist() == [0, 1, 1, 2]
    assert graph.body.tolist() == [b for b in range(4) for _ in range(20)]
    assert graph.present.all()
    assert torch.equal(graph.body[graph.edge_index[0]], graph.body[graph.edge_index[1]])
    roots = graph.joint[graph.parent_index == torch.arange(80)]
    assert roots.tolist() == [2] * 4


def test_mixed_layouts_have_no_common_joints(make_batch):
    from torch_geometric.data import Batch

    clips = make_batch().to_data_list() + make_batch(layout="ntu25").to_data_list()
    assert SkeletonGraph.from_data(Batch.from_data_list(clips)).num_joints is None


def test_padded_persons_are_not_present(make_batch):
    batch = make_batch(persons=(2,))
    batch.mask[20:] = False
    assert SkeletonGraph.from_data(batch).present.tolist() == [True, False]


def test_a_plain_graph_is_refused():
    with pytest.raises(ValueError, match=r"has no 'edge_type'.*SkeletonData\.from_array"):
        SkeletonGraph.from_data(Data(x=torch.rand(3, 4, 3), edge_index=torch.zeros(2, 0).long()))
