import warnings

import lightning as L
import pytest
import torch
from torch import nn

from sgnkit.nn import LIF
from sgnkit.training import FiringRateMonitor


class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(3, 8), LIF(), nn.Linear(8, 8), LIF(), nn.Linear(8, 1))
        nn.init.constant_(self.model[0].bias, 9.0)  # saturated with tau = 2
        nn.init.constant_(self.model[2].bias, -99.0)  # silent
        self.batches = 0

    def training_step(self, batch, index):
        self.batches += 1
        return self.model(batch.transpose(0, 1)).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(monitor, epochs=2):
    module = Net()
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[monitor],
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, torch.utils.data.DataLoader(torch.rand(12, 4, 3), 4))
    return module, trainer, [str(w.message) for w in caught if "firing rate" in str(w.message)]


def test_rates_are_logged_and_each_layer_is_named_once():
    monitor = FiringRateMonitor()
    module, trainer, messages = fit(monitor)
    assert monitor.rates == {"1": 1.0, "3": 0.0}
    metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
    assert metrics["rate/1"] == 1.0 and metrics["firing_rate"] == 0.5
    saturated, silent = messages
    assert "epoch 1: layer '1' is saturated, firing rate 1.0000; raise v_th" in saturated
    assert "epoch 1: layer '3' is silent, firing rate 0.0000; lower v_th" in silent
    assert not any(m._forward_hooks for m in module.modules())


def test_limits():
    assert fit(FiringRateMonitor(silent=0.0, saturated=1.0))[2] == []
    with pytest.raises(ValueError, match="expected 0 <= silent < saturated <= 1"):
        FiringRateMonitor(silent=0.5, saturated=0.4)
