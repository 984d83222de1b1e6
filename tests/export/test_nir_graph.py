import nir
import pytest
import torch

import sgnkit
from sgnkit.data import to_modalities
from sgnkit.export import NIRExportError, nir_limits, run_in_norse, to_nir
from sgnkit.nn import LIF, LeakyIntegrator, SkeletonGraph

SMALL = {"hidden_channels": (8, 16, 16), "strides": (1, 2, 1), "num_steps": 3}


@pytest.fixture(scope="module")
def batch(models_conftest):
    return models_conftest.make_batch(persons=(1, 1, 1), frames=9)


@pytest.fixture(scope="module")
def models_conftest():
    import importlib.util
    from pathlib import Path

    path = Path(__file__).parents[1] / "models" / "conftest.py"
    spec = importlib.util.spec_from_file_location("models_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def image(model, batch):
    """The input of the graph: [bodies, Q C, T, V]."""
    streams = to_modalities(batch.x, batch.parent_index, model.modalities)  # [Q, N, T, C]
    bodies = batch.x.size(0) // 20
    x = streams.view(len(streams), bodies, 20, *streams.shape[2:])
    return x.permute(1, 0, 4, 3, 2).flatten(1, 2)


def as_image(spikes, bodies):
    """[S, T, N, C] as [S, bodies, C, T, V]."""
    steps, frames, nodes, channels = spikes.shape
    return spikes.view(steps, frames, bodies, nodes // bodies, channels).permute(0, 2, 4, 1, 3)


WHOLE = {
    "Base-SGN": ("base_sgn_small", {}),
    "Base-SGN membrane": ("base_sgn_small", {"residual": "membrane"}),
    "Base-SGN or": ("base_sgn_small", {"residual": "or"}),
    "no shortcut, PLIF": ("base_sgn_small", {"residual": None, "neuron": LIF(3.0, learn_tau=True)}),
    "graph encoder": ("base_sgn_small", {"encoder_kernel": "graph", "adjacency": "identity"}),
    "four modalities": ("mk_sgn_small", {"spatial": "sgc", "residual": "membrane"}),
    "Base-SGN spike-driven": ("base_sgn_small", {"spike_driven": True}),
    "MK-SGN spike-driven": ("mk_sgn_small", {"spike_driven": True, "spatial": "sgc"}),
    "kernel of one frame": ("base_sgn_small", {"neuron": LIF(v_th=0.4), "kernel_size": 1}),
}


@pytest.mark.parametrize("name", WHOLE)
def test_norse_gives_the_same_spikes(models_conftest, batch, name, tmp_path):
    preset, options = WHOLE[name]
    model = models_conftest.settled(preset, batch, **SMALL, **options)
    assert nir_limits(model) == []
    graph = to_nir(model, "kinect20", num_frames=9)
    nir.write(tmp_path / "net.nir", graph)
    graph = nir.read(tmp_path / "net.nir", type_check=False)
    features = model.forward_features(batch)
    bodies = int(batch.num_graphs)
    # every neuron: cut the graph behind it
    for node, key in (("encoders.0.neuron", "encoded"), ("blocks.1.neuron", None)):
        spikes = run_in_norse(cut(graph, node))(image(model, batch), model.num_steps)
        assert set(spikes.unique().tolist()) == {0.0, 1.0}
        if key:
            assert torch.equal(spikes, as_image(features[key][0], bodies))
    found = run_in_norse(to_nir(model, num_frames=9))(image(model, batch), model.num_steps)
    torch.testing.assert_close(found.mean(0).flatten(1), features["logits"], rtol=1e-5, atol=1e-6)


def cut(graph, last):
    """The graph up to one node."""
    keep, new = set(), {last}
    while new:
        keep |= new
        new = {a for a, b in graph.edges if b in new} - keep
    nodes = {name: node for name, node in graph.nodes.items() if name in keep}
    nodes["output"] = nir.Output(output_type=graph.nodes[last].output_type)
    edges = [(a, b) for a, b in graph.edges if a in keep and b in keep]
    return nir.NIRGraph(nodes, [*edges, (last, "output")], type_check=False)


@pytest.mark.parametrize(
    "options", [{}, {"fusion": "concat"}, {"encoder_kernel": "graph"}, {"spike_driven": True}]
)
def test_mk_sgn_up_to_the_first_attention(models_conftest, batch, options):
    model = models_conftest.settled(
        "mk_sgn_small", batch, **SMALL, **{"residual": "membrane", **options}
    )
    with pytest.warns(UserWarning, match=r"ends before blocks\.0\.spatial\.attention"):
        graph = to_nir(model, num_frames=9, partial=True)
    found = run_in_norse(graph)(image(model, batch), model.num_steps)
    fused = model.forward_features(batch)["fused"]
    spikes = model.blocks[0].spatial.conv(fused, SkeletonGraph.from_data(batch))
    assert 0.01 < spikes.mean() < 0.9
    assert torch.equal(found, as_image(spikes, 3))


def test_all_parts_are_listed_before_anything_is_written(models_conftest, batch):
    model = models_conftest.settled("mk_sgn_small", batch, **SMALL, branches="multi_scale")
    with pytest.raises(NIRExportError) as caught:
        to_nir(model, num_frames=9)
    names = [limit.name for limit in caught.value.limits]
    expected = [
        f"blocks.{i}.{part}" for i in range(3) for part in ("spatial.attention", "temporal")
    ]
    assert names == expected
    for name in names:
        assert name in str(caught.value)
    assert "multiplies two signals" in str(caught.value) and "maximum" in str(caught.value)


@pytest.mark.parametrize(
    ("preset", "options", "reason"),
    [
        ("base_sgn_small", {"neuron": LIF(soft_reset=True)}, "soft reset"),
        ("base_sgn_small", {"neuron": LeakyIntegrator()}, "LeakyIntegrator"),
        ("stgcn", {}, "real-valued"),
    ],
)
def test_what_cannot_go_at_all(preset, options, reason):
    model = sgnkit.create_model(preset, layout="kinect20", num_classes=3, **options)
    with pytest.raises(NIRExportError, match=reason):
        to_nir(model, num_frames=9, partial=True)


def test_constants_of_the_neuron(models_conftest, batch):
    neuron = LIF(tau=4.0, v_th=0.3, v_reset=-0.1)
    model = models_conftest.settled("base_sgn_small", batch, **SMALL, neuron=neuron)
    node = to_nir(model, num_frames=9, dt=1e-2).nodes["encoders.0.neuron"]
    assert node.tau.shape == (8, 9, 20)
    for key, value in {
        "tau": 0.04,
        "r": 1,
        "v_leak": -0.1,
        "v_reset": -0.1,
        "v_threshold": 0.3,
    }.items():
        assert getattr(node, key).ravel()[0] == pytest.approx(value)


def test_another_layout(models_conftest, batch):
    model = models_conftest.settled("base_sgn_small", batch, **SMALL)
    with pytest.raises(ValueError, match="'kinect20', got 'ntu25'"):
        to_nir(model, "ntu25", num_frames=9)
