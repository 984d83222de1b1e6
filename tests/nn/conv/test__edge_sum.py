import torch
from torch_geometric.nn import MessagePassing

from sgnkit.nn import SpikingGraphConv
from sgnkit.nn.conv import _edge_sum, spiking_graph_conv
from sgnkit.nn.conv._edge_sum import edge_sum

EDGES = torch.tensor([[0, 4, 2, 2, 1, 0], [3, 0, 1, 1, 1, 4]])  # 2 gets nothing, one edge twice


class Messages(MessagePassing):
    def __init__(self):
        super().__init__(aggr="sum", node_dim=-2)

    def forward(self, x, edge_index, weight, size):
        return self.propagate(edge_index, x=(x, None), weight=weight, size=(x.size(-2), size))

    def message(self, x_j, weight):
        return weight.unsqueeze(-1) * x_j


def test_edge_sum_is_the_sum_of_messages():
    x, weight = torch.randn(2, 3, 5, 4), torch.rand(6)
    out = edge_sum(x, EDGES, weight, 6)
    expected = Messages()(x, EDGES, weight, 6)
    assert out.shape == (2, 3, 6, 4)
    torch.testing.assert_close(out, expected)
    assert out[:, :, [2, 5]].abs().max() == 0
    assert edge_sum(x.bfloat16(), EDGES, weight, 6).dtype == torch.bfloat16


def test_gradients(monkeypatch):
    monkeypatch.setattr(_edge_sum, "_PIECE", 60)  # several pieces
    x = torch.randn(3, 5, 4, dtype=torch.double, requires_grad=True)
    weight = torch.rand(6, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: edge_sum(x, EDGES, w, 6), (x, weight))


def test_a_subclass_keeps_its_messages(graph, monkeypatch):
    monkeypatch.setattr(spiking_graph_conv, "_SMALL", 0)  # so that it is summed over edges

    class Doubled(SpikingGraphConv):
        def message(self, x_j, edge_weight):
            return 2 * super().message(x_j, edge_weight)

    x = torch.rand(2, 5, graph.joint.numel(), 4).round()
    for path in ("auto", "sparse"):
        own = Doubled(4, 4, "kinect20", adjacency="fixed", path=path).eval()
        plain = SpikingGraphConv(4, 4, "kinect20", adjacency="fixed", path=path).eval()
        plain.load_state_dict(own.state_dict())
        assert own.uses_dense(graph) == (path == "auto")
        assert not plain.uses_dense(graph)
        own.path = "sparse"
        torch.testing.assert_close(own.current(x, graph), 2 * plain.current(x, graph))
