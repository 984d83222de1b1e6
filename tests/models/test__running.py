"""Compiled networks and recomputed blocks give what networks give without."""

import copy
import warnings

import pytest
import torch

import sgnkit
from sgnkit.nn import compile_neurons

OPTIONS = {"hidden_channels": (8, 16), "strides": (1, 2), "num_steps": 2}
NAMES = sgnkit.list_models()


def small(name="mk_sgn"):
    torch.manual_seed(0)
    options = {**OPTIONS, "heads": 2} if name.startswith("mk_sgn") else {}
    options = OPTIONS if name.startswith("base_sgn") else options
    return sgnkit.create_model(name, layout="kinect20", num_classes=4, **options)


def gradients(model, batch):
    model.zero_grad()
    torch.manual_seed(1)
    loss = torch.nn.functional.cross_entropy(model(batch), batch.y)
    loss.backward()
    return loss.detach(), [p.grad for p in model.parameters()], list(model.buffers())


@pytest.mark.parametrize("compiled_neurons", [False, True])
def test_recomputed_blocks_have_the_same_gradients(make_batch, compiled_neurons):
    batch = make_batch()
    plain = small()
    if compiled_neurons:
        compile_neurons(plain)
    again = copy.deepcopy(plain)
    again.checkpointing = True
    torch.testing.assert_close(gradients(again, batch), gradients(plain, batch), rtol=0, atol=0)
    assert all(m.momentum == 0.1 for m in again.modules() if hasattr(m, "running_mean"))


def test_recomputed_blocks_keep_less(make_batch):
    kept = []
    for checkpointing in (False, True):
        model, sizes = small(), {}
        model.checkpointing = checkpointing

        def pack(x, sizes=sizes):
            sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            model(make_batch(frames=32))
        kept.append(sum(sizes.values()))
    assert kept[1] < 0.5 * kept[0]


def test_recomputed_gcn(make_batch):
    batch = make_batch()
    plain = sgnkit.create_model("stgcn", layout="kinect20", num_classes=4)
    plain.blocks = plain.blocks[:2]
    plain.readout.lin = torch.nn.Linear(64, 4)
    again = copy.deepcopy(plain)
    again.checkpointing = True
    torch.testing.assert_close(gradients(again, batch), gradients(plain, batch), rtol=0, atol=0)


def test_compiled_network_gives_the_same(make_batch):
    batch = make_batch()
    plain = small()
    compiled = copy.deepcopy(plain)
    compiled.compile_network(backend="eager")
    expected, found = gradients(plain, batch), gradients(compiled, batch)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not compiled._compiled.broken
    assert list(compiled.state_dict()) == list(plain.state_dict())
    twin = copy.deepcopy(compiled)
    assert twin._compiled is None and compiled._compiled is not None


def test_hooks_see_a_compiled_network(make_batch):
    batch, model, seen = make_batch(), small().eval(), []
    model.compile_network(backend="eager")
    with torch.no_grad():
        expected = model(batch)
        handle = model.blocks[0].register_forward_hook(lambda *_: seen.append(1))
        assert torch.equal(model(batch), expected)
        handle.remove()
    assert seen == [1]


def test_without_a_compiler(make_batch):
    def broken(graph, inputs):
        raise RuntimeError("no compiler here")

    batch, model = make_batch(), small().eval()
    with torch.no_grad():
        expected = model(batch)
        model.compile_network(backend=broken)
        with pytest.warns(UserWarning, match="cannot be compiled here"):
            assert torch.equal(model(batch), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.equal(model(batch), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_network_trains_compiled(name, make_batch):
    torch._dynamo.reset()
    batch = make_batch()
    plain = sgnkit.create_model(name, layout="kinect20", num_classes=4)
    compiled = copy.deepcopy(plain)
    compiled.compile_network(backend="aot_eager")
    loss, grads, _ = gradients(compiled, batch)
    expected = gradients(plain, batch)
    torch.testing.assert_close(loss, expected[0])
    norm = torch.cat([g.flatten() for g in expected[1]]).norm()
    gap = torch.cat([(a - b).flatten() for a, b in zip(grads, expected[1], strict=True)]).norm()
    assert gap < 1e-3 * norm
    assert not compiled._compiled.broken


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_compiled_on_cuda(make_batch):
    batch = make_batch().to("cuda")
    plain = small().cuda().eval()
    compiled = copy.deepcopy(plain)
    compiled.compile_network()
    with torch.no_grad():
        torch.testing.assert_close(compiled(batch), plain(batch))
