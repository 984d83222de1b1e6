"""The words of an experiment file: typed options with their defaults."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch

from sgnkit.errors import ConfigError
from sgnkit.models.checkpoint import plain

__all__ = [
    "DistillOptions",
    "Experiment",
    "OptimOptions",
    "TrainerOptions",
    "check_values",
    "plain",
]


@dataclass
class OptimOptions:
    """The optimiser, and its learning rate over time.

    Args:
        name: Stochastic gradient descent with Nesterov momentum ("sgd"), or
            [AdamW](https://arxiv.org/abs/1711.05101) ("adamw"), which wants rates of about 0.004.
        lr: Peak learning rate.
        lr_batch_size: Batch size that `lr` is meant for. When given, the rate is scaled by
            `batch_size / lr_batch_size`.
        momentum: Nesterov momentum of "sgd".
        weight_decay: L2 penalty; with "adamw" the decay that does not go through the gradient.
        decay_all: Whether the penalty also acts on biases, batch-norm and neuron parameters.
        schedule: How the rate falls after the warm-up: along a cosine to 0 ("cosine"), by
            `gamma` at each milestone ("step"), or one cosine up and one down ("one_cycle").
        warmup_epochs: Length of the warm-up, which is linear from 0 ("cosine", "step") or a
            cosine from `lr / 25` ("one_cycle").
        milestones: Epochs at which "step" lowers the rate.
        gamma: Factor by which "step" lowers the rate.
        label_smoothing: Share of the target that is spread over all classes.
        grad_clip: Largest norm of the gradient. 0 switches clipping off.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    lr_batch_size: int | None = None
    momentum: float = 0.9
    weight_decay: float = 1e-4
    decay_all: bool = True
    schedule: Literal["cosine", "step", "one_cycle"] = "cosine"
    warmup_epochs: float = 5.0
    milestones: list[float] = field(default_factory=list)
    gamma: float = 0.1
    label_smoothing: float = 0.1
    grad_clip: float = 3.0


@dataclass
class TrainerOptions:
    """Where and how long to train (the words are Lightning's).

    Args:
        max_epochs: Number of passes over the training clips.
        precision: "32-true", or "bf16-mixed" for automatic mixed precision.
        accelerator: "auto" takes a GPU when there is one.
        devices: Number of processes on this machine, one for each GPU, which share each batch.
            torchrun says itself how many processes it starts, on how many machines.
        deterministic: Whether to use deterministic kernels only.
        sync_batchnorm: Whether several processes share their batch-norm statistics, so that the
            result does not depend on their number.
        tensorboard: Whether to write TensorBoard logs beside `metrics.csv`.
        progress_bar: "auto" shows a bar on a terminal and one line an epoch elsewhere.
        check: Whether to check labels, first loss and firing rates before the first epoch.
        firing_rates: Whether to add the firing rate of each epoch to `metrics.csv`, and to warn
            when a layer falls silent or saturates.
        compile: "neurons" compiles the loops of the spiking neurons and of their attention, which
            takes seconds once on a machine and makes training faster on a CPU. The spikes stay
            the same. "model" gives the whole network to `torch.compile`, which takes minutes.
        checkpointing: Whether to run each block again in the backward pass instead of keeping
            what lies inside it: less memory, more time, the same gradients.
        keep_memory: Whether the process keeps memory that tensors on a CPU free, see
            [`keep_memory`][sgnkit.training.keep_memory]: a step takes less time, and memory goes
            back to the system when the process ends.
    """

    max_epochs: int = 40
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    deterministic: bool = False
    sync_batchnorm: bool = True
    tensorboard: bool = False
    progress_bar: Literal["auto", "on", "off"] = "auto"
    check: bool = True
    firing_rates: bool = True
    compile: Literal["off", "neurons", "model"] = "off"
    checkpointing: bool = False
    keep_memory: bool = True

    @property
    def on_gpu(self) -> bool:
        """Whether `accelerator` means a GPU on this machine."""
        return self.accelerator != "cpu" and torch.cuda.is_available()


@dataclass
class DistillOptions:
    """Who teaches the model, and how. Without a teacher the model learns from the labels alone.

    Args:
        teacher: Weights of a trained model (`weights.pt`) or its scores (`scores.npz`), or a list
            of either, relative to the file that this key stands in.
        teacher_config: Experiment file of the teacher, relative as above, from which
            `sgnkit distill` trains it where the weights are missing.
        teacher_weights: Weight of each teacher in the sum of their logits; even by default.
        taps: Submodule of the student for each tapped submodule of the teacher. With several
            teachers the names begin with `models.0`, `models.1` and so on.
        resample: "linear" where frames or channels at the taps differ; otherwise they must agree.
        soft_weight: Share of the soft labels in the loss, from 0 to 1.
        temperature: Temperature of the soft labels.
        feature_weight: Weight of the features at the taps.
        feature_compare: "rate" compares firing rates, "step" spikes.
        safeguard: Whether the translations of features have classifier heads against collapse.
        head_weight: Weight of these heads.
        warmup_epochs: Epochs over which the weight of the features grows from 0.
        cache: Folder that keeps the teacher's answers. Only without random transforms.
    """

    teacher: str | list[str] | None = None
    teacher_config: str | None = None
    teacher_weights: list[float] | None = None
    taps: dict[str, str] = field(default_factory=dict)
    resample: Literal["linear"] | None = None
    soft_weight: float = 0.5
    temperature: float = 4.0
    feature_weight: float = 1.0
    feature_compare: Literal["rate", "step"] = "rate"
    safeguard: bool = True
    head_weight: float = 1.0
    warmup_epochs: float = 5.0
    cache: str | None = None

    @property
    def teachers(self) -> list[str]:
        """The teachers as a list."""
        if self.teacher is None:
            return []
        return [self.teacher] if isinstance(self.teacher, str) else list(self.teacher)


@dataclass
class Experiment:
    """Everything that decides the outcome of a run.

    Args:
        model: Name of a preset, and any arguments of its constructor.
        data: Name of a dataset, and any arguments of its constructor.
        pre_transforms: Transforms of all clips, by name, in order, before the dataset stores them:
            for what takes long and draws nothing, such as `Clean`.
        train_transforms: Transforms of the training clips at each access.
        test_transforms: Transforms of all other clips.
        batch_size: Number of clips per optimiser step, over all devices together.
        num_workers: Number of loader processes per device.
        validation: Whether to hold out the `val` split. Otherwise its clips are trained on.
        epoch_rule: Which weights are kept: those of the "last" epoch, or those with the
            "best_val" accuracy. The test clips never decide.
        seed: Seed of the weights, the order of the clips and their augmentation.
        optim: Optimiser and schedule.
        trainer: Device and length of the training.
        distill: Teacher and distillation.
        name: Folder of the runs of this experiment inside `output`.
        output: Folder of all runs.
        weights: Trained weights for `sgnkit test` and `sgnkit predict`, relative to the file
            that this key stands in.
        start_from: Trained weights from which `sgnkit train` starts, relative to the file likewise:
            of the same network with other steps, or of other classes.
    """

    model: dict[str, Any]
    data: dict[str, Any]
    pre_transforms: list[str | dict[str, Any]] = field(default_factory=list)
    train_transforms: list[str | dict[str, Any]] = field(default_factory=list)
    test_transforms: list[str | dict[str, Any]] = field(default_factory=list)
    batch_size: int = 16
    num_workers: int = 0
    validation: bool = False
    epoch_rule: Literal["last", "best_val"] = "last"
    seed: int = 0
    optim: OptimOptions = field(default_factory=OptimOptions)
    trainer: TrainerOptions = field(default_factory=TrainerOptions)
    distill: DistillOptions = field(default_factory=DistillOptions)
    name: str = "experiment"
    output: str = "runs"
    weights: str | None = None
    start_from: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns the experiment as plain Python values, ready for YAML."""
        content: dict[str, Any] = plain(asdict(self))
        return content


def check_values(experiment: Experiment) -> None:
    """Checks what types alone do not.

    Raises:
        ConfigError: If a value is out of its range or contradicts another one.
    """
    if experiment.epoch_rule == "best_val" and not experiment.validation:
        raise ConfigError(
            "'best_val' needs validation clips",
            place="epoch_rule",
            remedy="set validation: true (the test clips must never choose the epoch)",
        )
    for place, value in (
        ("batch_size", experiment.batch_size),
        ("trainer.max_epochs", experiment.trainer.max_epochs),
        ("optim.lr", experiment.optim.lr),
    ):
        if value <= 0:
            raise ConfigError("the value must be positive", place=place, found=str(value))
    for place, value, most in (
        ("seed", experiment.seed, 2**32 - 1),
        ("num_workers", experiment.num_workers, 1000),
        ("optim.warmup_epochs", experiment.optim.warmup_epochs, math.inf),
    ):
        if not 0 <= value <= most:
            expected = f"0 to {most}" if most < math.inf else "0 or more"
            raise ConfigError(
                "the value is out of range", place=place, expected=expected, found=value
            )
