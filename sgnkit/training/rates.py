"""Firing rates while a network trains."""

from __future__ import annotations

import warnings
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from sgnkit.nn.neuron import LIF

__all__ = ["FiringRateMonitor"]


class FiringRateMonitor(L.Callback):
    """Logs the firing rate of each layer once an epoch, and warns when one falls silent.

    The first batch of an epoch is looked at; the others run as without it. Rates are logged as
    `rate/<layer>`, their mean over all neurons as `firing_rate`. A layer that was warned about is
    named again only after it recovered.

    Args:
        silent: Firing rate below which a layer counts as silent.
        saturated: Firing rate above which it counts as saturated.
        every: Look at every so many epochs.

    Raises:
        ValueError: If the limits are not in order, or `every` is below 1.

    Examples:
        >>> monitor = FiringRateMonitor(silent=0.001)
        >>> monitor.rates
        {}
    """

    def __init__(self, silent: float = 0.001, saturated: float = 0.9, every: int = 1) -> None:
        if not 0 <= silent < saturated <= 1 or every < 1:
            raise ValueError(
                "FiringRateMonitor: expected 0 <= silent < saturated <= 1 and every >= 1, got "
                f"silent={silent}, saturated={saturated}, every={every}"
            )
        self.silent = silent
        self.saturated = saturated
        self.every = every
        self.rates: dict[str, float] = {}
        self.warned: dict[str, str] = {}
        self._counts: dict[str, tuple[Tensor, int]] = {}
        self._handles: list[Any] = []

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begins to look at the first batch."""
        if batch_idx or trainer.current_epoch % self.every:
            return
        self._counts = {}
        model = getattr(pl_module, "model", pl_module)
        for name, module in model.named_modules():
            if isinstance(module, LIF):

                def keep(neuron: nn.Module, inputs: Any, out: Tensor, name: str = name) -> None:
                    count, size = self._counts.get(name, (torch.zeros((), device=out.device), 0))
                    self._counts[name] = (count + out.detach().count_nonzero(), size + out.numel())

                self._handles.append(module.register_forward_hook(keep))

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """Logs what was seen, and warns."""
        if not self._handles:
            return
        self._release()
        if not self._counts:
            return  # a network without spikes
        self.rates = {name: float(n) / max(size, 1) for name, (n, size) in self._counts.items()}
        fired = sum(float(n) for n, _ in self._counts.values())
        size = sum(size for _, size in self._counts.values())
        values = {f"rate/{name or 'neuron'}": rate for name, rate in self.rates.items()}
        pl_module.log_dict(
            {**values, "firing_rate": fired / max(size, 1)}, on_step=True, on_epoch=False
        )
        for name, rate in self.rates.items():
            state = "silent" if rate < self.silent else ""
            state = "saturated" if rate > self.saturated else state
            if state and self.warned.get(name) != state:
                remedy = (
                    "lower v_th or raise norm_scale"
                    if state == "silent"
                    else "raise v_th or lower norm_scale"
                )
                warnings.warn(
                    f"epoch {trainer.current_epoch + 1}: layer '{name}' is {state}, firing rate "
                    f"{rate:.4f}; {remedy}, or lower the learning rate",
                    stacklevel=2,
                )
            self.warned[name] = state

    def on_exception(self, *args: Any) -> None:
        """Leaves the model as it was."""
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
