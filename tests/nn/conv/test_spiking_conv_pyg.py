"""Walks all convolutions of PyG, and keeps the table of the guide in step with the result.

Run this file as a script to write the table anew.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import torch_geometric.nn as pyg
from torch.nn import Linear
from torch_geometric.nn import conv as pyg_conv

from sgnkit.nn import LIF
from sgnkit.nn.conv.spiking_conv import SpikingConv

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "wrap_pyg.md"
MARKS = ("<!-- table of tests/nn/conv/test_spiking_conv_pyg.py -->\n", "<!-- end of table -->")
C, N, S, T = 6, 5, 3, 2
EDGES = torch.tensor([[0, 1, 2, 3, 0, 1, 4, 2], [1, 2, 3, 4, 2, 0, 3, 1]])
E = EDGES.size(1)
# four neighbours of each node in a fixed order, as MeshCNNConv wants them
MESH = torch.stack([torch.arange(N).repeat_interleave(4), torch.arange(4 * N) * 3 % N])


@dataclass
class Works:
    """How to build a convolution, and the arguments besides `x` and `edge_index`."""

    build: Callable[[], torch.nn.Module]
    arguments: dict[str, Any] = field(default_factory=dict)
    width: int = 4


def mlp(width=C, out=4):
    return Linear(width, out)


torch.manual_seed(0)
WEIGHT = {"edge_weight": torch.rand(E)}
ATTR = {"edge_attr": torch.rand(E, 3)}
TYPE = {"edge_type": torch.arange(E) % 2}
POS = {"pos": torch.rand(N, 3)}
X_0 = {"x_0": torch.rand(S, T, N, C)}

CASES: dict[str, Works | str] = {
    "AGNNConv": Works(lambda: pyg.AGNNConv(), width=C),
    "APPNP": Works(lambda: pyg.APPNP(2, 0.1), WEIGHT, C),
    "ARMAConv": Works(lambda: pyg.ARMAConv(C, 4, num_stacks=2, num_layers=2), WEIGHT),
    "AntiSymmetricConv": Works(lambda: pyg.AntiSymmetricConv(C), width=C),
    "CGConv": Works(lambda: pyg.CGConv(C, 3, batch_norm=True), ATTR, C),
    "ChebConv": Works(lambda: pyg.ChebConv(C, 4, 3), WEIGHT),
    "ClusterGCNConv": Works(lambda: pyg.ClusterGCNConv(C, 4)),
    "DirGNNConv": Works(lambda: pyg.DirGNNConv(pyg.SAGEConv(C, 4))),
    "EGConv": Works(lambda: pyg.EGConv(C, 8, ["mean", "max"], num_heads=2), width=8),
    "EdgeConv": Works(lambda: pyg.EdgeConv(mlp(2 * C))),
    "FAConv": Works(lambda: pyg.FAConv(C), X_0, C),
    "FastRGCNConv": Works(lambda: pyg.FastRGCNConv(C, 4, 2), TYPE),
    "FeaStConv": Works(lambda: pyg.FeaStConv(C, 4, heads=2)),
    "FiLMConv": Works(lambda: pyg.FiLMConv(C, 4, 2), TYPE),
    "GATConv": Works(lambda: pyg.GATConv(C, 4, heads=2, edge_dim=3), ATTR, 8),
    "GATv2Conv": Works(lambda: pyg.GATv2Conv(C, 4, heads=2, concat=False, edge_dim=3), ATTR),
    "GCN2Conv": Works(lambda: pyg.GCN2Conv(C, 0.1), X_0 | WEIGHT, C),
    "GCNConv": Works(lambda: pyg.GCNConv(C, 4), WEIGHT),
    "GENConv": Works(lambda: pyg.GENConv(C, 4, edge_dim=3), ATTR),
    "GINConv": Works(lambda: pyg.GINConv(mlp())),
    "GINEConv": Works(lambda: pyg.GINEConv(mlp(), edge_dim=3), ATTR),
    "GMMConv": Works(lambda: pyg.GMMConv(C, 4, 3, 2), ATTR),
    "GPSConv": Works(lambda: pyg.GPSConv(C, pyg.GCNConv(C, C), heads=2), width=C),
    "GatedGraphConv": Works(lambda: pyg.GatedGraphConv(C, 2), WEIGHT, C),
    "GeneralConv": Works(lambda: pyg.GeneralConv(C, 4, 3, attention=True, heads=2), ATTR),
    "GraphConv": Works(lambda: pyg.GraphConv(C, 4), WEIGHT),
    "HEATConv": Works(
        lambda: pyg.HEATConv(C, 4, 2, 2, 3, 3, 3, heads=2),
        TYPE | ATTR | {"node_type": torch.arange(N) % 2},
        8,
    ),
    "LEConv": Works(lambda: pyg.LEConv(C, 4), WEIGHT),
    "LGConv": Works(lambda: pyg.LGConv(), WEIGHT, C),
    "MFConv": Works(lambda: pyg.MFConv(C, 4)),
    "MeshCNNConv": Works(lambda: pyg.MeshCNNConv(C, 4), {"edge_index": MESH}),
    "MixHopConv": Works(lambda: pyg.MixHopConv(C, 4), WEIGHT, 12),
    "NNConv": Works(lambda: pyg.NNConv(C, 4, mlp(3, 4 * C)), ATTR),
    "PDNConv": Works(lambda: pyg.PDNConv(C, 4, 3, 8), ATTR),
    "PNAConv": Works(
        lambda: pyg.PNAConv(C, 4, ["mean", "max"], ["identity"], torch.ones(4), edge_dim=3), ATTR
    ),
    "PPFConv": Works(lambda: pyg.PPFConv(mlp(C + 4)), POS | {"normal": torch.rand(N, 3)}),
    "PointGNNConv": Works(lambda: pyg.PointGNNConv(mlp(C, 3), mlp(C + 3, 8), mlp(8, C)), POS, C),
    "PointNetConv": Works(lambda: pyg.PointNetConv(mlp(C + 3)), POS),
    "PointTransformerConv": Works(lambda: pyg.PointTransformerConv(C, 4), POS),
    "RGATConv": Works(lambda: pyg.RGATConv(C, 4, 2, heads=2, edge_dim=3), TYPE | ATTR, 8),
    "RGCNConv": Works(lambda: pyg.RGCNConv(C, 4, 2), TYPE),
    "ResGatedGraphConv": Works(lambda: pyg.ResGatedGraphConv(C, 4, edge_dim=3), ATTR),
    "SAGEConv": Works(lambda: pyg.SAGEConv(C, 4)),
    "SGConv": Works(lambda: pyg.SGConv(C, 4, 2), WEIGHT),
    "SSGConv": Works(lambda: pyg.SSGConv(C, 4, 0.1, 2), WEIGHT),
    "SimpleConv": Works(lambda: pyg.SimpleConv(), WEIGHT, C),
    "SuperGATConv": Works(lambda: pyg.SuperGATConv(C, 4, heads=2), width=8),
    "TAGConv": Works(lambda: pyg.TAGConv(C, 4), WEIGHT),
    "TransformerConv": Works(lambda: pyg.TransformerConv(C, 4, heads=2, edge_dim=3), ATTR, 8),
    "WLConvContinuous": Works(lambda: pyg.WLConvContinuous(), WEIGHT, C),
    "CuGraphGATConv": "needs edges in CSC form, and cuGraph",
    "CuGraphRGCNConv": "needs edges in CSC form, and cuGraph",
    "CuGraphSAGEConv": "needs edges in CSC form, and cuGraph",
    "DNAConv": "works on a stack of layers, `x` is (N, layers, C)",
    "DynamicEdgeConv": "takes no edges, finds its own neighbours",
    "FusedGATConv": "needs edges in CSR and CSC form, and dgNN",
    "GravNetConv": "takes no edges, finds its own neighbours",
    "HANConv": "takes a dictionary of node types",
    "HGTConv": "takes a dictionary of node types",
    "HeteroConv": "takes a dictionary of node types",
    "HypergraphConv": "takes hyperedges",
    "MessagePassing": "base class; see [`SpikingMessagePassing`][sgnkit.nn.SpikingMessagePassing]",
    "PANConv": "returns a pair of features and attention",
    "SignedConv": "takes two sets of edges, positive and negative",
    "SplineConv": "needs the package pyg-lib, not tested",
    "WLConv": "works on integer colours, without gradient",
    "XConv": "takes no edges, finds its own neighbours",
}
WORKS = {name: case for name, case in CASES.items() if isinstance(case, Works)}
PRESENT = set(pyg_conv.__all__)  # older versions of PyG have fewer


def table() -> str:
    """Returns the table of the guide."""
    lines = [
        f"{len(WORKS)} of the {len(CASES)} convolutions of PyG 2.8 work.",
        "",
        "| works | arguments tested besides `x` and `edge_index` |",
        "|---|---|",
    ]
    for name in sorted(WORKS):
        names = [f"`{argument}`" for argument in WORKS[name].arguments if argument != "edge_index"]
        lines.append(f"| `{name}` | {', '.join(names)} |".replace("  ", " "))
    lines += ["", "| does not work | why |", "|---|---|"]
    lines += [f"| `{name}` | {CASES[name]} |" for name in sorted(CASES) if name not in WORKS]
    return "\n".join(lines) + "\n"


def test_every_convolution_has_a_row():
    assert set(pyg_conv.__all__) <= set(CASES)


def test_the_table_of_the_guide_is_up_to_date():
    text = GUIDE.read_text(encoding="utf-8")
    found = text.partition(MARKS[0])[2].partition(MARKS[1])[0]
    assert found == table(), f"run: python {Path(__file__).name}"


@pytest.mark.parametrize("name", sorted(PRESENT & set(WORKS)))
def test_works(name):
    """Spikes come out, and the copies together give what each copy gives alone."""
    case = WORKS[name]
    torch.manual_seed(1)
    conv = SpikingConv(case.build(), neuron=LIF(v_th=0.2))
    x = (torch.rand(S, T, N, C) < 0.5).float()
    arguments = dict(case.arguments)
    edge_index = arguments.pop("edge_index", EDGES)
    out = conv(x, edge_index, **arguments)
    assert out.shape == (S, T, N, case.width)
    assert 0 < out.mean() < 1 and set(out.unique().tolist()) == {0.0, 1.0}
    assert conv.norm.num_features == case.width

    conv.eval()
    with torch.no_grad():
        alone = torch.stack(
            [one_copy(conv.conv, x, i, edge_index, arguments) for i in range(S * T)]
        )
        current = conv.norm(alone.flatten(0, 1)).view(out.shape)
        assert torch.equal(conv(x, edge_index, **arguments), conv.neuron(current))
        conv.neuron = torch.nn.Identity()
        torch.testing.assert_close(conv(x, edge_index, **arguments), current)


def one_copy(conv, x, i, edge_index, arguments):
    """Runs the convolution itself on one frame of one step."""
    own = {k: v.flatten(0, 1)[i] if v.dim() == 4 else v for k, v in arguments.items()}
    return conv(x.flatten(0, 1)[i], edge_index=edge_index, **own)


DO_NOT = {
    "CuGraphGATConv": lambda: pyg_conv.CuGraphGATConv(C, 4),
    "CuGraphRGCNConv": lambda: pyg_conv.CuGraphRGCNConv(C, 4, 2),
    "CuGraphSAGEConv": lambda: pyg_conv.CuGraphSAGEConv(C, 4),
    "DNAConv": lambda: pyg.DNAConv(C),
    "DynamicEdgeConv": lambda: pyg.DynamicEdgeConv(mlp(2 * C), 2),
    "FusedGATConv": lambda: pyg_conv.FusedGATConv(C, 4),
    "GravNetConv": lambda: pyg.GravNetConv(C, 4, 2, 2, 2),
    "HANConv": lambda: pyg.HANConv(C, 4, (["n"], [("n", "e", "n")])),
    "HGTConv": lambda: pyg.HGTConv(C, 4, (["n"], [("n", "e", "n")])),
    "HeteroConv": lambda: pyg.HeteroConv({("n", "e", "n"): pyg.GCNConv(C, 4)}),
    "HypergraphConv": lambda: pyg.HypergraphConv(C, 4),
    "PANConv": lambda: pyg.PANConv(C, 4, 2),
    "SignedConv": lambda: pyg.SignedConv(C, 4, True),
    "SplineConv": lambda: pyg.SplineConv(C, 4, 3, 2),
    "WLConv": lambda: pyg.WLConv(),
    "XConv": lambda: pyg.XConv(C, 4, 3, 2),
}


@pytest.mark.parametrize("name", sorted(PRESENT & set(DO_NOT)))
def test_does_not_work(name):
    if name == "SplineConv" and find_spec("pyg_lib"):
        name = "XConv"  # the package that SplineConv lacks is here; nothing to show
    with pytest.raises((AssertionError, ImportError, RuntimeError, TypeError, ValueError)):
        SpikingConv(DO_NOT[name]())(torch.rand(S, T, N, C), EDGES)


if __name__ == "__main__":
    old = GUIDE.read_text(encoding="utf-8")
    new = re.sub(f"(?s){MARKS[0]}.*?{MARKS[1]}", lambda _: MARKS[0] + table() + MARKS[1], old)
    GUIDE.write_text(new, encoding="utf-8")
