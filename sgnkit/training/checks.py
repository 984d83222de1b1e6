"""What is looked at before the first epoch, so that hours are not lost."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Batch

from sgnkit.errors import DataError
from sgnkit.nn import LIF
from sgnkit.training.evaluate import clip_logits

__all__ = ["check_labels", "check_precision", "check_start"]

_LOWEST, _HIGHEST = 0.01, 0.5


def check_labels(clips: Any, num_classes: int) -> Tensor:
    r"""Checks that every label is legal and that there is something to tell apart.

    Args:
        clips: A dataset of clips.
        num_classes: Number of classes of the model.

    Shapes:
        - **returns**: $(\text{classes})$

    Returns:
        The number of clips of each class.

    Raises:
        DataError: If a label is out of range, or all clips have the same one.
    """
    counts = torch.zeros(num_classes, dtype=torch.long)
    for clip in _untransformed(clips):
        label = int(clip.y)
        if not 0 <= label < num_classes:
            raise DataError(
                "a label is out of range",
                place=f"clip '{clip.name}'",
                expected=f"0 to {num_classes - 1}",
                found=label,
                remedy="labels count from 0; check the dataset's class list",
            )
        counts[label] += 1
    if int((counts > 0).sum()) < 2:
        raise DataError(
            "all training clips have the same label",
            expected=f"clips of {num_classes} classes",
            found=f"only class {int(counts.argmax())}",
        )
    return counts


def check_start(model: nn.Module, batch: Batch) -> list[str]:
    r"""Runs one batch through a copy of an untrained model and says what looks wrong.

    The loss should be near $\ln(\text{classes})$, and every spiking layer should fire between
    1 % and 50 % of the time: silent layers pass no information on and hardly any gradient.

    Args:
        model: The model. It is not changed.
        batch: Some training clips.

    Returns:
        One warning per finding; an empty list if all is well.
    """
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        rates, logits = _firing_rates(model, batch)
        logits = clip_logits(logits)
    loss = float(F.cross_entropy(logits.float(), batch.y))
    classes = logits.size(-1)
    warnings = []
    if not math.isfinite(loss):
        warnings.append("the first loss is not a number: look for NaN in the clips")
    elif abs(loss - math.log(classes)) > 0.5 * math.log(classes):
        warnings.append(
            f"the first loss is {loss:.2f}, but guessing among {classes} classes gives "
            f"{math.log(classes):.2f}: the start values of the last layer are too large"
        )
    for what, wrong, remedy in (
        ("hardly fire", lambda rate: rate <= _LOWEST, "lower v_th or raise the gain before it"),
        ("fire too often", lambda rate: rate >= _HIGHEST, "raise v_th or lower the gain"),
    ):
        layers = [f"{name} ({rate:.1%})" for name, rate in rates.items() if wrong(rate)]
        if layers:
            warnings.append(f"spiking layers that {what}: {', '.join(layers)}; {remedy}")
    return warnings


def check_precision(precision: str, device: torch.device) -> list[str]:
    """Says so if a precision costs time here in place of saving it.

    A CPU without instructions for bfloat16 multiplies it in a slow detour: a training step of
    `mk_sgn_small` takes ten times as long with AVX2 as in float32.

    Args:
        precision: As in the trainer's options.
        device: Where the training runs.

    Returns:
        One warning, or an empty list.

    Examples:
        >>> check_precision("32-true", torch.device("cpu"))
        []
    """
    if precision != "bf16-mixed" or device.type != "cpu":
        return []
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return []
    return [
        f"this CPU ({torch.backends.cpu.get_cpu_capability()}) multiplies bfloat16 about ten times "
        "slower than float32; set trainer.precision to 32-true"
    ]


def _firing_rates(model: nn.Module, batch: Batch) -> tuple[dict[str, float], Tensor]:
    """Returns the firing rate of every spiking layer, and the logits; changes no mode."""
    rates: dict[str, float] = {}
    hooks = [
        module.register_forward_hook(
            lambda _module, _args, spikes, name=name: rates.__setitem__(
                name, float(spikes.float().mean())
            )
        )
        for name, module in model.named_modules()
        if isinstance(module, LIF)
    ]
    try:
        logits = model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return rates, logits


def _untransformed(clips: Any) -> Any:
    for part in getattr(clips, "datasets", [clips]):
        part = copy.copy(part)
        part.transform = None
        for index in range(len(part)):
            yield part[index]
