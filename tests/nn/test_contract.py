"""What holds for every layer of `sgnkit.nn`, tested once over all of them."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from torch_geometric.nn import GraphConv

import sgnkit.nn
from sgnkit.nn import (
    LIF,
    PLIF,
    SASGC,
    STC,
    AdaptiveGraphConv,
    BatchNorm,
    ChannelRefinedGraphConv,
    GraphBlock,
    JointNorm,
    LeakyIntegrator,
    MultiScaleTemporalConv,
    PartitionedGraphConv,
    Readout,
    SkeletonGraph,
    SpikingBlock,
    SpikingConv,
    SpikingEncoder,
    SpikingGraphConv,
    SpikingMessagePassing,
    SpikingMultimodalFusion,
    SpikingSelfAttention,
    SpikingShortcut,
    TemporalConv,
    step,
)

S, T, C = 3, 6, 8
NEURON = LIF(v_th=0.5)


class OwnLayer(SpikingMessagePassing):
    """The smallest layer a user would write."""

    def __init__(self):
        super().__init__(norm=BatchNorm(C), neuron=LIF(v_th=0.5))
        self.lin = torch.nn.Linear(C, C)

    def message(self, x_j):
        return self.lin(x_j)


class JoinedShortcut(SpikingShortcut):
    """A shortcut around a linear layer, so that it can be called like a layer."""

    def __init__(self, **options):
        super().__init__(C, 16, neuron=NEURON, **options)
        self.inner = torch.nn.Linear(C, 16)
        self.fire = LIF(v_th=0.2)

    def forward(self, x):
        return self.join(x, self.inner(x), self.fire)


def awake(layer):
    """The layer with parts switched on that start at 0 or 1e-6: else few of its weights matter."""
    for name, parameter in layer.named_parameters():
        if name in ("norm.weight", "refine_scale", "spatial.norm.weight", "spatial.refine_scale"):
            torch.nn.init.constant_(parameter, 0.7)
    return layer


def options(*names):
    """Which contracts a row is exempt from, and why it stands in the comment beside it."""
    return frozenset(names)


SPIKES, RATES, REAL = "spikes", "sums of spikes", "real"
# real-valued layers take [T, N, C]: no spiking steps, so nothing to scan
FEATURES = "features"
# name -> (layer, takes the graph, input, output, exemptions)
LAYERS = {
    "LIF": (lambda: LIF(v_th=0.5), False, REAL, SPIKES, options()),
    "PLIF": (lambda: PLIF(v_th=0.5), False, REAL, SPIKES, options()),
    "LeakyIntegrator": (LeakyIntegrator, False, REAL, REAL, options()),
    "BatchNorm": (lambda: BatchNorm(C), False, REAL, REAL, options()),
    "STC": (lambda: STC(C, 16, neuron=NEURON), False, SPIKES, SPIKES, options()),
    "STC-multi": (
        lambda: STC(C, 16, stride=2, branches="multi_scale", neuron=NEURON),
        False,
        SPIKES,
        SPIKES,
        options(),
    ),
    "STC-causal": (
        lambda: STC(C, 16, 3, 2, branches="multi_scale", causal=True, neuron=NEURON),
        False,
        SPIKES,
        SPIKES,
        options(),
    ),
    "SpikingShortcut": (JoinedShortcut, False, SPIKES, RATES, options()),
    "SpikingShortcut-membrane": (
        lambda: JoinedShortcut(mode="membrane"),
        False,
        SPIKES,
        SPIKES,
        options(),
    ),
    "SpikingShortcut-or": (
        lambda: JoinedShortcut(mode="or"),
        False,
        SPIKES,
        SPIKES,
        options(),
    ),
    "SpikingGraphConv": (
        lambda: SpikingGraphConv(C, 16, "kinect20", neuron=NEURON),
        True,
        SPIKES,
        RATES,
        options(),
    ),
    "SpikingGraphConv-membrane": (
        lambda: SpikingGraphConv(
            C, C, "kinect20", adjacency="identity", residual="membrane", neuron=NEURON
        ),
        True,
        SPIKES,
        SPIKES,
        options(),
    ),
    "SpikingSelfAttention": (
        lambda: SpikingSelfAttention(C, 2, neuron=NEURON, v_th=0.1),
        True,
        SPIKES,
        RATES,
        options(),
    ),
    "SpikingSelfAttention-causal": (
        lambda: SpikingSelfAttention(C, 2, pool_frames=True, causal=True, neuron=NEURON, v_th=0.1),
        True,
        SPIKES,
        RATES,
        options(),
    ),
    "SASGC": (lambda: SASGC(C, 16, "kinect20", neuron=NEURON), True, SPIKES, RATES, options()),
    "SpikingBlock": (
        lambda: SpikingBlock(
            SASGC(C, 16, "kinect20", neuron=NEURON),
            STC(16, 16, stride=2, neuron=NEURON),
            C,
            neuron=NEURON,
        ),
        True,
        SPIKES,
        RATES,
        options(),
    ),
    "SpikingConv": (
        lambda: SpikingConv(GraphConv(C, 16), neuron=LIF(v_th=0.5)),
        True,
        SPIKES,
        SPIKES,
        options(),
    ),
    "SpikingMessagePassing": (OwnLayer, True, SPIKES, SPIKES, options()),
    "SpikingEncoder": (
        lambda: SpikingEncoder(C, 16, S, neuron=NEURON),
        True,
        "frames",
        SPIKES,
        options(),
    ),
    "SpikingEncoder-graph": (
        lambda: SpikingEncoder(C, 16, S, kernel="graph", neuron=NEURON),
        True,
        "frames",
        SPIKES,
        options(),
    ),
    "SpikingEncoder-causal": (
        lambda: SpikingEncoder(C, 16, S, causal=True, neuron=NEURON),
        True,
        "frames",
        SPIKES,
        options(),
    ),
    "SpikingMultimodalFusion": (
        lambda: SpikingMultimodalFusion(4, C, neuron=LIF(v_th=0.3)),
        True,
        "trains",
        SPIKES,
        options(),
    ),
    "SpikingMultimodalFusion-learned": (
        lambda: SpikingMultimodalFusion(4, C, 16, method="learned", neuron=LIF(v_th=0.3)),
        True,
        "trains",
        SPIKES,
        options(),
    ),
    "AdaptiveGraphConv": (
        lambda: awake(AdaptiveGraphConv(C, 16, "kinect20")),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "AdaptiveGraphConv-static": (
        lambda: awake(AdaptiveGraphConv(C, C, "kinect20", data_dependent=False)),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "ChannelRefinedGraphConv": (
        lambda: awake(ChannelRefinedGraphConv(C, 16, "kinect20")),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "ChannelRefinedGraphConv-right": (
        lambda: awake(ChannelRefinedGraphConv(C, C, "kinect20", embed_channels=3, transpose=False)),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "PartitionedGraphConv": (
        lambda: PartitionedGraphConv(C, 16, "kinect20"),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "PartitionedGraphConv-distance": (
        lambda: PartitionedGraphConv(C, 16, "kinect20", partition="distance"),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "TemporalConv": (
        lambda: TemporalConv(C, 16, stride=2),
        False,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "MultiScaleTemporalConv": (
        lambda: MultiScaleTemporalConv(C, 16),
        False,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "MultiScaleTemporalConv-stride": (
        lambda: MultiScaleTemporalConv(C, 20, 3, 2, dilations=(1, 2, 3)),
        False,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "GraphBlock": (
        lambda: awake(
            GraphBlock(AdaptiveGraphConv(C, 16, "kinect20"), TemporalConv(16, 16, stride=2), C)
        ),
        True,
        FEATURES,
        FEATURES,
        options("step"),
    ),
    "JointNorm": (lambda: JointNorm(20, C), True, FEATURES, FEATURES, options("step")),
    "JointNorm-persons": (
        lambda: JointNorm(20, C, num_persons=2),
        True,
        FEATURES,
        FEATURES,
        options("step", "waits"),  # it asks how many persons a clip has, to say what is wrong
    ),
    # the mean over all nodes of a clip mixes them: no node axis in the output, and no neuron
    "Readout": (lambda: Readout(C, 5), True, SPIKES, "scores", options("permutation", "step")),
}
# Not layers over [S, T, N, C]: tested in files of their own.
OTHERS = {
    "Adjacency",
    "SkeletonGraph",
    "compile_neurons",
    "mutual_information",
    "step",
    "step_frame",
    "synchronize",
}
NAMES = list(LAYERS)


def make_input(kind, nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if kind in ("frames", FEATURES):
        return torch.randn(T, nodes, C, generator=generator)
    shape = (4, S, T, nodes, C) if kind == "trains" else (S, T, nodes, C)
    x = torch.rand(shape, generator=generator)
    return x * 2 if kind == REAL else (x < 0.4).float()


@pytest.fixture(params=NAMES)
def case(request, make_batch):
    """A layer, its input and its further arguments, at a batch of 1 + 2 + 1 persons."""
    torch.manual_seed(1)
    build, takes_graph, kind, out, exempt = LAYERS[request.param]
    graph = SkeletonGraph.from_data(make_batch(frames=T))
    x = make_input(kind, graph.joint.numel())
    layer = build()
    settle(layer, x, graph if takes_graph else None)
    return Case(request.param, layer, x, graph if takes_graph else None, kind, out, exempt)


class Case:
    def __init__(self, name, layer, x, graph, kind, out, exempt):
        self.name, self.layer, self.x, self.graph = name, layer, x, graph
        self.kind, self.out, self.exempt = kind, out, exempt

    def __call__(self, x=None, graph=None, layer=None):
        x = self.x if x is None else x
        layer = self.layer if layer is None else layer
        graph = self.graph if graph is None else graph
        return layer(x) if graph is None else layer(x, graph)


def moved(graph, device):
    """The graph with its tensors on a device."""
    return SkeletonGraph(*(v.to(device) if torch.is_tensor(v) else v for v in graph))


def settle(layer, x, graph):
    """Lets batch norms see the input, so that evaluation mode fires as training mode does."""
    for module in layer.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    layer.train()
    with torch.no_grad():
        layer(x) if graph is None else layer(x, graph)


def test_complete():
    layers = {name.split("-")[0] for name in LAYERS}
    assert layers | OTHERS == set(sgnkit.nn.__all__)
    assert not layers & OTHERS


def test_shape_and_values(case):
    out = case(layer=case.layer.eval())
    if case.out == "scores":
        assert out.shape == (3, 5)
        return
    frames, _, channels = out.shape[-3:]
    steps = () if case.out == FEATURES else (S,)
    assert out.shape == (*steps, frames, 80, channels)
    assert frames in (T, (T + 1) // 2)
    assert torch.isfinite(out).all()
    if case.out == SPIKES:
        assert set(out.unique().tolist()) == {0.0, 1.0}
    if case.out == RATES:
        assert torch.equal(out, out.round())
        assert 0 <= out.min() < out.max() <= 4
    if case.out in (SPIKES, RATES):
        assert 0.01 < (out > 0).float().mean() < 0.9


def test_every_parameter_learns(case):
    case.layer.train()
    out = case(case.x.clone().requires_grad_())
    weight = torch.rand(out.shape, generator=torch.Generator().manual_seed(3))
    (out * weight).square().sum().backward()
    for name, parameter in case.layer.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_batch_equals_clips(case, make_batch):
    if case.graph is None:
        pytest.skip("the layer has no notion of clips")
    case.layer.eval()
    together = case()
    clips = make_batch(frames=T).to_data_list()
    apart, start = [], 0
    for clip in clips:
        nodes = slice(start, start + clip.num_nodes)
        apart.append(case(case.x[..., nodes, :], SkeletonGraph.from_data(clip)))
        start += clip.num_nodes
    apart = torch.cat(apart, 0 if case.out == "scores" else -2)
    torch.testing.assert_close(together, apart)


def test_node_permutation(case):
    if case.graph is None or "permutation" in case.exempt:
        pytest.skip("no node axis to permute")
    case.layer.eval()
    order = torch.randperm(case.graph.joint.numel(), generator=torch.Generator().manual_seed(5))
    permuted = case(case.x[..., order, :], permute(case.graph, order))
    torch.testing.assert_close(permuted, case()[..., order, :])


def test_forward_equals_scan_of_step(case):
    if "step" in case.exempt:
        pytest.skip("nothing spikes")
    case.layer.eval()
    state, rows = None, []
    for s in range(S):
        x = case.x if case.kind == "frames" else case.x.narrow(-4, s, 1)
        args = (x,) if case.graph is None else (x, case.graph)
        row, state = step(case.layer, *args, state=state)
        rows.append(row)
    torch.testing.assert_close(torch.cat(rows), case())


def test_on_another_device(case, elsewhere):
    results = []
    for device in ("cpu", elsewhere.name):
        layer = copy.deepcopy(case.layer).train()
        with elsewhere:
            x = case.x.to(device, copy=True).requires_grad_()
            graph = None if case.graph is None else moved(case.graph, device)
            layer.to(device)
            elsewhere.waits.clear()
            torch.manual_seed(0)
            out = case(x, graph, layer)
            out.square().sum().backward()
        found = [out, x.grad, *(p.grad for p in layer.parameters()), *layer.buffers()]
        assert {t.device.type for t in found} == {device}
        results.append([t.cpu() for t in found])
    assert all(torch.equal(here, there) for here, there in zip(*results, strict=True))
    assert len(elsewhere.waits) == ("waits" in case.exempt)


def test_dense_equals_sparse(case):
    parts = [m for m in case.layer.modules() if getattr(m, "path", None) == "auto"]
    if not parts:
        pytest.skip("one path only")
    results = []
    for path in ("dense", "sparse"):
        layer = copy.deepcopy(case.layer).double().train()
        for part in layer.modules():
            if getattr(part, "path", None) == "auto":
                part.path = path
        x = case.x.double().requires_grad_()
        out = case(x, layer=layer)
        out.square().sum().backward()
        results.append((out, x.grad, [p.grad for p in layer.parameters()]))
    dense, sparse = results
    if case.out == FEATURES:  # the order of sums differs; spikes must be the same all the same
        torch.testing.assert_close(dense[0], sparse[0])
    else:
        assert torch.equal(dense[0], sparse[0])
    torch.testing.assert_close(dense[1], sparse[1])
    torch.testing.assert_close(dense[2], sparse[2])


def test_bf16_stays_bf16(case):
    layer = copy.deepcopy(case.layer).bfloat16().eval()
    out = case(case.x.bfloat16(), layer=layer)
    assert out.dtype == torch.bfloat16
    assert torch.isfinite(out).all()


def test_copies_give_the_same(case):
    case.layer.eval()
    expected = case()
    if case.name != "SpikingMessagePassing":  # a class inside a test module
        torch.testing.assert_close(case(layer=pickle.loads(pickle.dumps(case.layer))), expected)
    torch.testing.assert_close(case(layer=copy.deepcopy(case.layer)), expected)
    file = io.BytesIO()
    torch.save(case.layer.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    twin = LAYERS[case.name][0]()
    if case.graph is not None or case.name != "LIF":
        case(layer=twin)  # lazy parts take their size
    twin.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(case(layer=twin.eval()), expected)


def test_reset_parameters(case):
    if not hasattr(case.layer, "reset_parameters") or not list(case.layer.parameters()):
        pytest.skip("nothing to reset")
    with torch.no_grad():
        for parameter in case.layer.parameters():
            parameter.fill_(7.0)
    case.layer.reset_parameters()
    own = (
        ("inner", "lin.")
        if "Own" in type(case.layer).__name__ or "Joined" in type(case.layer).__name__
        else ()
    )
    sevens = [n for n, p in case.layer.named_parameters() if (p == 7.0).all()]
    assert not [n for n in sevens if not n.startswith(own)]


@pytest.mark.slow
def test_compiles_in_one_graph(case):
    case.layer.eval()
    torch._dynamo.reset()
    compiled = torch.compile(case.layer, fullgraph=True, backend="aot_eager")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = compiled(case.x) if case.graph is None else compiled(case.x, case.graph)
    torch.testing.assert_close(out, case())


def test_exports(case):
    case.layer.eval()
    args = (case.x,) if case.graph is None else (case.x, case.graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(case.layer, args)
    torch.testing.assert_close(program.module()(*args), case())


def permute(graph, order):
    """The same graph with its nodes in another order."""
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    return SkeletonGraph(
        place[graph.edge_index],
        graph.edge_type,
        graph.joint[order],
        place[graph.parent_index[order]],
        graph.body[order],
        graph.clip,
        graph.present,
        graph.num_clips,
        None,
    )
