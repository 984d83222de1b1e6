"""The device that tests use in place of a GPU notices what a GPU would."""

import pytest
import torch

from sgnkit.nn import LIF


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: x + torch.ones(3, 2),
        lambda x: torch.cat([x, torch.ones(1, 2)]),
        lambda x: x @ torch.ones(2, 2),
        lambda x: torch.where(torch.ones(3, 2) > 0, x, 0.0),
        lambda x: torch.ones(3, 2).index_add(0, torch.arange(3), x),
        lambda x: torch.zeros(3, 2)[x[:, 0] > 0],
        lambda x: LIF(backend="norse")(x) * torch.ones(3, 2),
    ],
)
def test_tensors_of_two_devices_do_not_meet(mistake, elsewhere):
    with elsewhere, pytest.raises(RuntimeError, match="on the CPU and elsewhere"):
        mistake(torch.ones(3, 2).to(elsewhere.name))


def test_what_a_gpu_takes_too(elsewhere):
    with elsewhere:
        x = torch.arange(6.0, device=elsewhere.name).view(3, 2).requires_grad_()
        y = (x * torch.tensor(2.0) + 1)[torch.tensor([2, 0])]
        y.square().sum().backward()
        assert {t.device.type for t in (x, y, x.grad)} == {elsewhere.name}
    assert x.grad.cpu().tolist() == [[4.0, 12.0], [0.0, 0.0], [36.0, 44.0]]
    assert torch.equal(y.detach().cpu(), torch.tensor([[9.0, 11.0], [1.0, 3.0]]))


@pytest.mark.parametrize(
    ("operation", "waits"),
    [
        (lambda x: x.sum().item(), ["_local_scalar_dense"]),
        (lambda x: bool((x > 0).all()), ["_local_scalar_dense"]),
        (lambda x: x[x > 0], ["index"]),
        (lambda x: x[torch.tensor([2, 0])], ["index"]),
        (lambda x: x.cpu(), ["_to_copy"]),
        (lambda x: torch.tensor([1, 2], device=x.device), ["_to_copy"]),
        (lambda x: x[:, [0, 1]], ["_to_copy"]),
        (lambda x: x.double().relu().sum(0), []),
        (lambda x: torch.zeros(3, device=x.device).fill_(2), []),
    ],
)
def test_waiting_is_noticed(operation, waits, elsewhere):
    with elsewhere:
        x = torch.ones(3, 2, device=elsewhere.name)
        assert elsewhere.waits == []
        operation(x)
    assert elsewhere.waits == waits


def test_the_device_is_there_within_the_context_only(elsewhere):
    with elsewhere:
        assert torch.elsewhere.is_available()
    assert not torch.elsewhere.is_available()
    with pytest.raises(NotImplementedError):
        torch.zeros(2, device=elsewhere.name)
