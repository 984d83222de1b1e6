"""One experiment from its file to its results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn
from torch_geometric.data import Batch

from sgnkit.errors import CheckpointError, ConfigError
from sgnkit.models._base import SkeletonModel
from sgnkit.models.checkpoint import (
    build_model,
    describe_model,
    read_checkpoint,
    save_weights,
)
from sgnkit.nn import compile_neurons, synchronize
from sgnkit.training.callbacks import EpochCheckpoint, EpochLog, progress_bar
from sgnkit.training.checks import check_labels, check_precision, check_start
from sgnkit.training.data import dataset_facts, test_loader, train_loader, training_clips
from sgnkit.training.memory import keep_memory
from sgnkit.training.module import Classifier
from sgnkit.training.options import Experiment, TrainerOptions
from sgnkit.training.rates import FiringRateMonitor
from sgnkit.training.reporting import report_of_training
from sgnkit.training.run_folder import (
    git_hash,
    latest_run,
    machine,
    new_run,
    write_config,
    write_json,
)
from sgnkit.training.start import start_from
from sgnkit.training.teaching import with_teacher
from sgnkit.training.testing import silence, test, write_report

__all__ = ["Interrupted", "train"]


class Interrupted(KeyboardInterrupt):
    """A training that was stopped by hand and can be continued."""


def train(experiment: Experiment, ckpt_path: str | None = None, command: str = "") -> Path | None:
    """Trains a model, tests it, and writes a run folder.

    Args:
        experiment: What to train, on what, and how.
        ckpt_path: A checkpoint to continue from; "last" takes the newest run of this
            experiment and continues in its folder.
        command: The command line, for the record.

    Returns:
        The run folder; None on all but the first of several processes.

    Raises:
        ConfigError: If the experiment cannot be run as it is.
        DataError: If the labels are wrong.
        CheckpointError: If there is nothing to continue from.
        Interrupted: If Ctrl-C stopped the training.
    """
    silence()
    continued = None
    if ckpt_path == "last":
        continued = latest_run(experiment) / "checkpoints" / "last.ckpt"
    elif ckpt_path is not None:
        continued = Path(ckpt_path)
    saved = None if continued is None else read_checkpoint(continued)
    L.seed_everything(experiment.seed, verbose=False)
    clips, val_clips = training_clips(experiment)
    layout, class_names = dataset_facts(clips)
    counts = check_labels(clips, len(class_names))
    options = {key: value for key, value in experiment.model.items() if key != "name"}
    name = experiment.model["name"]
    try:
        model = build_model(name, layout, len(class_names), options)
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error), place="model") from error
    fresh: list[str] = []
    if saved is not None:
        _check_fits(saved, model, continued)
    elif experiment.start_from is not None:
        fresh = start_from(model, experiment.start_from)
    description = describe_model(model, name, options, class_names)
    description["config"] = experiment.to_dict()
    _set_up(model, experiment.trainer)
    lesson = with_teacher(experiment, model, clips, class_names)
    module = Classifier(
        model, experiment.optim, experiment.batch_size, experiment.seed, description, *lesson
    )
    trainer = _trainer(experiment)
    if experiment.trainer.sync_batchnorm and trainer.world_size > 1:
        for alone in synchronize(module):
            print(f"warning: each process has batch-norm statistics of its own in {alone}")
    loader = train_loader(experiment, clips, trainer.global_rank, trainer.world_size)
    val_loader = None if val_clips is None else test_loader(experiment, val_clips)
    folder = _run_folder(experiment, trainer, continued if ckpt_path == "last" else None)
    log = EpochLog(folder / "metrics.csv", echo=experiment.trainer.progress_bar != "off")
    best = experiment.epoch_rule == "best_val"
    saver = EpochCheckpoint(folder / "checkpoints", best)
    rates = [FiringRateMonitor()] if experiment.trainer.firing_rates else []
    trainer.callbacks.extend([*rates, log, saver])  # type: ignore[attr-defined]
    record = {
        "command": command,
        "seed": experiment.seed,
        "devices": trainer.world_size,
        "git": git_hash(),
        "machine": machine(trainer.strategy.root_device),
    }
    if trainer.is_global_zero:
        write_config(folder / "config.yaml", experiment, "weights.pt")
        write_json(folder / "run.json", record)
        print(f"run folder: {folder}", flush=True)
        if fresh:
            print(f"not in {experiment.start_from}, so new: {', '.join(fresh)}", flush=True)
        warnings = check_precision(experiment.trainer.precision, trainer.strategy.root_device)
        if experiment.trainer.check and continued is None:
            warnings += check_start(model, _first_batch(clips, experiment.batch_size))
        for text in warnings:
            print(f"warning: {text}", flush=True)
    try:
        trainer.fit(
            module, loader, val_loader, ckpt_path=None if continued is None else str(continued)
        )
    except SystemExit:
        # Lightning ends the process after Ctrl-C; the callers of this function decide instead.
        raise Interrupted(f"stopped; the last whole epoch is saved in {folder}") from None
    if not trainer.is_global_zero:
        return None
    epoch = trainer.current_epoch
    if best:
        epoch = saver.best_epoch + 1
        model.load_state_dict(read_checkpoint(folder / "checkpoints" / "best.ckpt")["state_dict"])
    save_weights(folder / "weights.pt", model, description, epoch=epoch)
    report = test(experiment, model.to(trainer.strategy.root_device), class_names)
    write_report(folder, report, class_names)
    facts = {
        "model": name,
        "data": experiment.data["name"],
        "train_clips": len(clips),
        "train_clips_per_class": dict(zip(class_names, counts.tolist(), strict=True)),
        "val_clips": 0 if val_clips is None else len(val_clips),
        "split": "test",
        "epoch_rule": experiment.epoch_rule,
        "epoch": epoch,
        "epochs": trainer.max_epochs,
    }
    costs = {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "seconds_per_epoch": log.seconds_per_epoch,
        "firing_rate": round(report.energy.firing_rate, 6),
        "energy_mj": {key: round(value, 6) for key, value in report.energy.totals.items()},
    }
    write_json(
        folder / "results.json",
        {**facts, **report.result, **costs, **record, "config": experiment.to_dict()},
    )
    report_of_training(folder, experiment)
    return folder


def _set_up(model: nn.Module, options: TrainerOptions) -> None:
    """Compiles, checkpoints and keeps memory as the experiment says."""
    if options.keep_memory:
        keep_memory()
    if options.compile == "neurons":
        compile_neurons(model)
    if not isinstance(model, SkeletonModel):
        for key, wanted in (
            ("compile", options.compile == "model"),
            ("checkpointing", options.checkpointing),
        ):
            if wanted:
                raise ConfigError(
                    f"{type(model).__name__} is none of the networks of sgnkit",
                    place=f"trainer.{key}",
                    remedy="leave the key out",
                )
        return
    if options.compile == "model":
        model.compile_network()
    model.checkpointing = options.checkpointing


def _first_batch(clips: Any, batch_size: int) -> Batch:
    return Batch.from_data_list([clips[i] for i in range(min(batch_size, len(clips)))])


def _check_fits(saved: dict[str, Any], model: nn.Module, path: Path | None) -> None:
    if not saved.get("training"):
        raise CheckpointError(
            "the file holds weights only, so a training cannot be continued from it",
            file=path,
            remedy="take checkpoints/last.ckpt of the run",
        )
    try:
        model.load_state_dict(saved["state_dict"])
    except RuntimeError as error:
        raise CheckpointError(
            "the checkpoint belongs to another model", file=path, found=str(error)
        ) from None


def _trainer(experiment: Experiment) -> L.Trainer:
    options = experiment.trainer
    bars = progress_bar(options.progress_bar)
    # torchrun says how many processes it has started, on how many machines
    devices = int(os.environ.get("LOCAL_WORLD_SIZE", options.devices))
    num_nodes = int(os.environ["WORLD_SIZE"]) // devices if "LOCAL_WORLD_SIZE" in os.environ else 1
    try:
        return L.Trainer(
            max_epochs=options.max_epochs,
            accelerator=options.accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy="ddp" if devices * num_nodes > 1 else "auto",
            precision=options.precision,
            deterministic=options.deterministic,
            gradient_clip_val=experiment.optim.grad_clip or None,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            logger=False,
            log_every_n_steps=1,
            callbacks=bars,
            enable_progress_bar=bool(bars),
            enable_model_summary=False,
            enable_checkpointing=False,
        )
    except MisconfigurationException as error:
        raise ConfigError(str(error), place="trainer") from None


def _run_folder(experiment: Experiment, trainer: L.Trainer, continued: Path | None) -> Path:
    if continued is not None:
        folder = continued.parent.parent
    elif trainer.is_global_zero:
        folder = new_run(experiment)
    else:
        folder = Path(experiment.output)
    if experiment.trainer.tensorboard:
        trainer.loggers = [TensorBoardLogger(folder, name="", version="tensorboard")]
    return folder
