import csv
from types import SimpleNamespace

import pytest
import torch

from sgnkit.errors import ConfigError
from sgnkit.training.callbacks import EpochCheckpoint, EpochLog, progress_bar


class Trainer(SimpleNamespace):
    """What the callbacks see of Lightning's trainer."""

    def __init__(self, epoch, **metrics):
        super().__init__(
            current_epoch=epoch,
            max_epochs=3,
            callback_metrics={key: torch.tensor(value) for key, value in metrics.items()},
            optimizers=[SimpleNamespace(param_groups=[{"lr": 0.1}])],
            is_global_zero=True,
            progress_bar_callback=None,
            saved=[],
        )

    def save_checkpoint(self, path):
        path.touch()
        self.saved.append(path.name)


def test_log_writes_one_row_and_one_line_per_epoch(tmp_path, capsys):
    log = EpochLog(tmp_path / "metrics.csv")
    assert log.seconds_per_epoch is None
    for epoch in range(2):
        trainer = Trainer(epoch, train_loss=0.5, train_accuracy=0.25, val_accuracy=0.75)
        log.on_train_epoch_start(trainer, None)
        log.on_train_batch_end(trainer)
        log.on_train_epoch_end(trainer, None)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert list(rows[0]) == [
        "epoch",
        "lr",
        "train_loss",
        "train_accuracy",
        "val_accuracy",
        "seconds",
    ]
    assert log.seconds_per_epoch >= 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("epoch   2/3  loss 0.500  train  25.0%  val  75.0%  lr 0.1000")

    # Going on from the first epoch drops the row of the second.
    log = EpochLog(tmp_path / "metrics.csv")
    log.on_train_start(Trainer(1), None)
    assert [row["epoch"] for row in log.rows] == ["0"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_log_stops_a_training_that_diverges(tmp_path, loss):
    log = EpochLog(tmp_path / "metrics.csv", echo=False)
    with pytest.raises(ConfigError, match=f"loss is {loss} in epoch 1"):
        log.on_train_epoch_end(Trainer(0, train_loss=loss, train_accuracy=0.1), None)


def test_checkpoint_keeps_the_first_best_epoch(tmp_path):
    saver = EpochCheckpoint(tmp_path, best=True)
    saved = []
    for epoch, accuracy in enumerate((0.5, 0.75, 0.75)):
        trainer = Trainer(epoch, val_accuracy=accuracy)
        saver.on_train_start(trainer, None)
        saver.on_train_epoch_end(trainer, None)
        saved.append(trainer.saved)
    both = ["best.ckpt", "last.ckpt"]
    assert saved == [["last.ckpt", *both], both, ["last.ckpt"]]
    again = EpochCheckpoint(tmp_path, best=True)
    again.load_state_dict(saver.state_dict())
    assert (again.best_epoch, again.best_value) == (1, 0.75)


def test_progress_bar():
    assert progress_bar("off") == progress_bar("auto") == []
    assert len(progress_bar("on")) == 1
