"""The Lightning module: loss, metrics, optimiser."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch_geometric.data import Batch
from torchmetrics.classification import MulticlassAccuracy

from sgnkit.distill import DistillationLoss, Distiller, classification_loss
from sgnkit.errors import ConfigError
from sgnkit.nn import LIF
from sgnkit.training.evaluate import clip_logits
from sgnkit.training.options import OptimOptions
from sgnkit.training.schedule import lr_factor

__all__ = ["Classifier", "parameter_groups"]


class Classifier(L.LightningModule):
    r"""Trains any model that turns a batch of clips into logits.

    Args:
        model: The model, with an attribute `num_classes`.
        options: Optimiser, schedule, label smoothing.
        batch_size: Clips per step over all devices, for `lr_batch_size`.
        seed: Seed of the run.
        description: Plain values that a checkpoint carries, so that the model can be built
            from it.
        distiller: Teacher and taps, with the model as its student. The teacher is in no checkpoint.
        distillation: Loss with a teacher.

    Shapes:
        - **batch**: $B$ clips with labels `y` $(B)$
        - **returns**: logits $(B, \text{classes})$
    """

    def __init__(
        self,
        model: nn.Module,
        options: OptimOptions | None = None,
        batch_size: int = 16,
        seed: int = 0,
        description: dict[str, Any] | None = None,
        distiller: Distiller | None = None,
        distillation: DistillationLoss | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        # In a list, so that Lightning does not save the teacher with every checkpoint.
        self._distillers = [] if distiller is None else [distiller]
        self.translations = nn.ModuleList() if distiller is None else distiller.translations
        self.distillation = distillation or DistillationLoss()
        self.options = options or OptimOptions()
        self.batch_size = batch_size
        self.seed = seed
        self.description = description or {}
        classes = int(model.num_classes)  # type: ignore[arg-type]
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")

    def forward(self, batch: Batch) -> Tensor:
        """Returns the logits of a batch."""
        return self.model(batch)

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Sends a batch on its way; the host goes on meanwhile, where memory is pinned."""
        return batch.to(device, non_blocking=True)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Makes dropout a function of seed, step and process, so that no state need be kept."""
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 1_003 + self.global_rank)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the loss of one batch."""
        logits, loss, terms = self._teach(batch)
        self.train_accuracy(clip_logits(logits), batch.y)
        size = batch.num_graphs
        for name, value in {"train_loss": loss, **terms}.items():
            self.log(name, value, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        self.log(
            "train_accuracy",
            self.train_accuracy,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            batch_size=size,
        )
        return loss

    def _teach(self, batch: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Returns logits, loss and, with a teacher, the terms of the loss."""
        smoothing = self.options.label_smoothing
        if not self._distillers:
            logits = self(batch)
            return logits, self._loss(logits, batch.y, smoothing), {}
        out = self._distillers[0](batch, y=batch.y)
        self._check_rows(out.logits, batch.y)
        steps = self.trainer.estimated_stepping_batches / (self.trainer.max_epochs or 1)
        loss, terms = self.distillation(out, batch.y, self.global_step / steps)
        return out.logits, loss, {f"loss_{name}": term for name, term in terms.items()}

    def on_fit_start(self) -> None:
        """Takes the teacher along to the device of the model."""
        for distiller in self._distillers:
            distiller.teacher.to(self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Counts the right answers of one batch."""
        logits = self(batch)
        self.val_accuracy(clip_logits(logits), batch.y)
        size = batch.num_graphs
        loss = self._loss(logits, batch.y)
        self.log("val_loss", loss, on_epoch=True, batch_size=size, sync_dist=True)
        self.log("val_accuracy", self.val_accuracy, on_epoch=True, prog_bar=True, batch_size=size)

    @classmethod
    def _loss(cls, logits: Tensor, y: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Returns the cross-entropy, averaged over spiking steps where logits have them."""
        cls._check_rows(logits, y)
        return classification_loss(logits, y, label_smoothing)

    @staticmethod
    def _check_rows(logits: Tensor, y: Tensor) -> None:
        if logits.size(-2) != y.numel():
            raise ConfigError(
                "the model does not return one row of logits per clip",
                place="model",
                expected=f"{y.numel()} rows",
                found=f"{logits.size(-2)} rows",
                remedy="set model.persons to mean",
            )

    def configure_optimizers(self) -> Any:
        """Returns the optimiser and its schedule, which moves at every step."""
        options = self.options
        lr = options.lr
        if options.lr_batch_size is not None:
            lr *= self.batch_size / options.lr_batch_size
        groups = parameter_groups(
            nn.ModuleList([self.model, self.translations]), options.weight_decay, options.decay_all
        )
        momentum = options.momentum
        optimizer: torch.optim.Optimizer
        if options.name == "adamw":
            optimizer = torch.optim.AdamW(groups, lr=lr)
        else:
            optimizer = torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0)
        epochs = self.trainer.max_epochs or 1
        steps = self.trainer.estimated_stepping_batches / epochs
        scheduler = LambdaLR(optimizer, lambda step: lr_factor(step / steps, epochs, options))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what is needed to build the model again."""
        checkpoint["sgnkit"] = self.description


def parameter_groups(
    model: nn.Module, weight_decay: float, decay_all: bool = True
) -> list[dict[str, Any]]:
    """Splits parameters into those with weight decay and those without.

    Args:
        model: The model.
        weight_decay: L2 penalty.
        decay_all: If false, biases and the parameters of batch-norm and neurons go without.
    """
    if decay_all:
        return [{"params": list(model.parameters()), "weight_decay": weight_decay}]
    free = {
        id(parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if name == "bias" or isinstance(module, (nn.modules.batchnorm._BatchNorm, LIF))
    }
    groups = [
        {
            "params": [p for p in model.parameters() if id(p) not in free],
            "weight_decay": weight_decay,
        },
        {"params": [p for p in model.parameters() if id(p) in free], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
