"""Two processes with half a batch each do what one does with the whole batch."""

import os
import tempfile

import pytest
import torch
from torch import distributed as dist
from torch import multiprocessing as mp

import sgnkit
from sgnkit.data import SkeletonData
from sgnkit.nn import BatchNorm, synchronize
from sgnkit.nn.synchronize import mean_over_processes, several_processes


def start(rank, folder, function):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        torch.save(function(rank), os.path.join(folder, f"{rank}.pt"))
    finally:
        dist.destroy_process_group()


def two_processes(function):
    """What a function of the rank returns in each of two processes."""
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(start, (folder, function), nprocs=2, start_method="fork")
        return [torch.load(os.path.join(folder, f"{rank}.pt")) for rank in range(2)]


def norm_of(x, norm):
    """Output, gradients and statistics after one step over rows whose loss is their mean square."""
    x = x.clone().requires_grad_()
    out = norm(x)
    (out * torch.linspace(-1, 1, out.size(-1))).pow(3).mean().backward()
    return [out.detach(), x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm(momentum):
    x = torch.randn(3, 4, 10, 6, dtype=torch.float64) * 3 + torch.arange(6.0)

    def half(rank):
        norm = BatchNorm(6, 0.5, momentum=momentum).double()
        synchronize(norm)
        # frames 0 to 4 of ten go to one process, the others to the other
        return norm_of(x[:, :, 5 * rank : 5 * rank + 5], norm)

    halves = two_processes(half)
    out, grad, weight, bias, *buffers = norm_of(x, BatchNorm(6, 0.5, momentum=momentum).double())
    close = torch.testing.assert_close
    close(torch.cat([h[0] for h in halves], 2), out)
    close(torch.cat([h[1] for h in halves], 2), 2 * grad)  # each loss is a mean over half
    close(halves[0][2] + halves[1][2], 2 * weight)
    close(halves[0][3] + halves[1][3], 2 * bias)
    for h in halves:
        close(h[4:], buffers)


def clips(number=6, frames=5):
    generator = torch.Generator().manual_seed(0)
    walks = [
        torch.randn(1 + k % 2, frames, 20, 3, generator=generator).cumsum(1) for k in range(number)
    ]
    return [SkeletonData.from_array(w, "kinect20", "MTVC", y=k % 3) for k, w in enumerate(walks)]


def step_of(batch, parts=1):
    """Gradients and statistics of MK-SGN after one step."""
    from torch_geometric.data import Batch

    torch.manual_seed(0)
    model = sgnkit.create_model(
        "mk_sgn_small", layout="kinect20", num_classes=3, hidden_channels=(8, 8), strides=(1, 2)
    ).double()
    synchronize(model)
    batch = Batch.from_data_list(batch)
    batch.x = batch.x.double()
    torch.nn.functional.cross_entropy(model(batch), batch.y).backward()
    grads = [mean_over_processes(p.grad) if parts > 1 else p.grad for p in model.parameters()]
    return [*grads, *model.buffers()]


def test_a_network():
    """Clips of one person and of two, so that the processes hold different numbers of rows."""
    one = step_of(clips())
    for half in two_processes(lambda rank: step_of(clips()[rank::2], 2)):
        torch.testing.assert_close(half, one)
    assert any(g.abs().sum() > 0 for g in one)


def test_alone_nothing_changes():
    x = torch.randn(5, 6)
    norm, twin = BatchNorm(6), BatchNorm(6)
    assert synchronize(norm) == []
    assert several_processes() == 0
    assert torch.equal(norm(x), twin(x))
    assert mean_over_processes(x) is x
    assert synchronize(torch.nn.Sequential(torch.nn.BatchNorm1d(6))) == ["0"]
