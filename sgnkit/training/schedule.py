"""Learning rate over time."""

from __future__ import annotations

import bisect
import math

from sgnkit.training.options import OptimOptions

__all__ = ["lr_factor"]


def lr_factor(epoch: float, max_epochs: float, options: OptimOptions) -> float:
    r"""Returns the learning rate at a moment of the training, as a share of the peak rate.

    Args:
        epoch: Epochs done so far, with fractions: the rate changes at every step.
        max_epochs: Epochs of the whole training.
        options: Name and numbers of the schedule.

    Examples:
        >>> options = OptimOptions(schedule="cosine", warmup_epochs=5)
        >>> [round(lr_factor(epoch, 45, options), 2) for epoch in (0, 2.5, 5, 25, 45)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    warmup = min(options.warmup_epochs, max_epochs)
    if epoch < warmup:
        share = epoch / warmup
        if options.schedule == "one_cycle":
            return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * share)) / 2
        return share
    if options.schedule == "step":
        return options.gamma ** bisect.bisect_right(sorted(options.milestones), epoch)
    share = min((epoch - warmup) / max(max_epochs - warmup, 1e-9), 1.0)
    return (1 + math.cos(math.pi * share)) / 2
