"""What happens around an epoch: checkpoints, metrics, progress."""

from __future__ import annotations

import csv
import math
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint, TQDMProgressBar

from sgnkit.errors import ConfigError

__all__ = ["EpochCheckpoint", "EpochLog", "progress_bar"]

_COLUMNS = (
    *("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
    *("firing_rate", "seconds"),
)


class EpochCheckpoint(Checkpoint):
    """Saves `last.ckpt` at the end of every epoch and, if asked, `best.ckpt`.

    An epoch is the unit of a training: one that was interrupted is repeated from its start,
    with the same clips in the same order, so a continued training ends like any other.

    Args:
        folder: Where the files go.
        best: Whether to keep the epoch with the highest `val_accuracy` as well.
    """

    def __init__(self, folder: Path, best: bool = False) -> None:
        self.folder = folder
        self.best = best
        self.best_value = -math.inf
        self.best_epoch = -1

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Saves the start, so that there is always something to continue from."""
        if not (self.folder / "last.ckpt").exists():
            trainer.save_checkpoint(self.folder / "last.ckpt")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Saves the epoch."""
        if self.best:
            value = float(trainer.callback_metrics["val_accuracy"])
            if value > self.best_value:
                self.best_value, self.best_epoch = value, trainer.current_epoch
                trainer.save_checkpoint(self.folder / "best.ckpt")
        trainer.save_checkpoint(self.folder / "last.ckpt")

    def state_dict(self) -> dict[str, Any]:
        """Returns what a continued training has to know."""
        return {"best_value": self.best_value, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up a training where it stopped."""
        self.best_value = state_dict["best_value"]
        self.best_epoch = state_dict["best_epoch"]


class EpochLog(L.Callback):
    """Writes one row of `metrics.csv`, and one line of text, per epoch.

    Args:
        path: The CSV file. Rows of earlier epochs in it are kept.
        echo: Whether to print the lines.
    """

    def __init__(self, path: Path, echo: bool = True) -> None:
        self.path = path
        self.echo = echo
        self.rows: list[dict[str, Any]] = []
        self._start = self._stop = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keeps the rows of the epochs that are already done."""
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.rows = [row for row in rows if int(row["epoch"]) < trainer.current_epoch]

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, *args: Any, **kwargs: Any) -> None:
        """Stops the clock before validation begins."""
        self._stop = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the row."""
        metrics = trainer.callback_metrics
        row: dict[str, Any] = {"epoch": trainer.current_epoch}
        row["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        row.update({key: float(metrics[key]) for key in _COLUMNS if key in metrics})
        row.update({key: float(metrics[key]) for key in metrics if key.startswith("loss_")})
        row["seconds"] = self._stop - self._start
        self.rows.append(row)
        if trainer.is_global_zero:
            columns = [column for column in _COLUMNS if column in row]
            columns += [column for column in row if column not in _COLUMNS]
            with self.path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(
                    {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in r.items()}
                    for r in self.rows
                )
            if self.echo:
                bar = trainer.progress_bar_callback
                (print if bar is None else bar.print)(self._line(row, trainer.max_epochs))
                sys.stdout.flush()
        if not math.isfinite(row["train_loss"]):
            raise ConfigError(
                f"the training loss is {row['train_loss']} in epoch {row['epoch'] + 1}",
                remedy="lower optim.lr, keep optim.grad_clip on, look for NaN in the clips",
            )

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of the training epochs, validation aside; None before the first."""
        times = [float(row["seconds"]) for row in self.rows]
        return round(median(times), 2) if times else None

    @staticmethod
    def _line(row: dict[str, Any], max_epochs: int | None) -> str:
        text = f"epoch {row['epoch'] + 1:3d}/{max_epochs}"
        text += f"  loss {row['train_loss']:.3f}  train {row['train_accuracy']:6.1%}"
        if "val_accuracy" in row:
            text += f"  val {row['val_accuracy']:6.1%}"
        return text + f"  lr {row['lr']:.4f}  {row['seconds']:.1f} s"


def progress_bar(when: str) -> list[L.Callback]:
    """Returns a progress bar where it can be seen: "on", "off", or "auto" for a terminal."""
    if when == "on" or (when == "auto" and sys.stdout.isatty()):
        return [TQDMProgressBar(leave=False)]
    return []
