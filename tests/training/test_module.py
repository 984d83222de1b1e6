from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.data import Batch

from sgnkit.data import SkeletonData
from sgnkit.errors import ConfigError
from sgnkit.models import create_model
from sgnkit.nn import LIF
from sgnkit.training import Classifier, OptimOptions, parameter_groups


def test_all_parameters_are_optimised_once():
    model = create_model(
        "mk_sgn_small", layout="sbu15", num_classes=3, neuron=LIF(v_th=0.5, learn_tau=True)
    )
    count = len(list(model.parameters()))
    (every,) = parameter_groups(model, 0.1)
    assert len(every["params"]) == count
    some, free = parameter_groups(model, 0.1, decay_all=False)
    assert (some["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert len(some["params"]) + len(free["params"]) == count
    assert all(parameter.dim() > 1 for parameter in some["params"])
    taus = [p for m in model.modules() if isinstance(m, LIF) for p in m.parameters()]
    assert taus
    assert {id(tau) for tau in taus} <= {id(parameter) for parameter in free["params"]}


def test_loss_over_steps_is_the_mean_of_the_losses():
    logits, y = torch.randn(3, 4, 5), torch.tensor([0, 1, 2, 3])
    loss = Classifier._loss(logits, y, 0.1)
    expected = sum(F.cross_entropy(step, y, label_smoothing=0.1) for step in logits) / 3
    assert torch.allclose(loss, expected)
    assert torch.allclose(Classifier._loss(logits[0], y), F.cross_entropy(logits[0], y))
    with pytest.raises(ConfigError, match=r"persons"):
        Classifier._loss(torch.randn(6, 5), y)


def test_sending_a_batch_does_not_make_the_host_wait(elsewhere):
    clip = SkeletonData.from_array(torch.randn(4, 15, 3), "sbu15", y=1)
    module = Classifier(create_model("base_sgn_small", layout="sbu15", num_classes=3))
    with elsewhere:
        batch = module.transfer_batch_to_device(
            Batch.from_data_list([clip, clip]), torch.device(elsewhere.name), 0
        )
    assert elsewhere.waits == []
    assert {v.device.type for _, v in batch if torch.is_tensor(v)} == {elsewhere.name}
    assert batch.num_graphs == 2


def test_optimisers():
    for name, cls, values in (
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ("adamw", torch.optim.AdamW, {"betas": (0.9, 0.999)}),
    ):
        model = nn.Linear(2, 2)
        model.num_classes = 2
        options = OptimOptions(name=name, lr=0.08, lr_batch_size=64, weight_decay=0.02)
        module = Classifier(model, options, batch_size=16)
        module._trainer = SimpleNamespace(max_epochs=10, estimated_stepping_batches=40)
        found = module.configure_optimizers()
        optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
        assert type(optimizer) is cls
        (group,) = optimizer.param_groups
        assert group["weight_decay"] == 0.02 and values.items() <= group.items()
        for _ in range(20):  # five epochs of warm-up
            optimizer.step()
            scheduler.step()
        assert group["lr"] == pytest.approx(0.02)


def test_checkpoint_carries_the_description():
    model = nn.Linear(2, 2)
    model.num_classes = 2
    checkpoint = {}
    Classifier(model, description={"format": "x"}).on_save_checkpoint(checkpoint)
    assert checkpoint == {"sgnkit": {"format": "x"}}
