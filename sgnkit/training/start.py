"""Where a training starts: from chance, or from weights of another run."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from sgnkit.errors import CheckpointError
from sgnkit.models.checkpoint import read_checkpoint

__all__ = ["start_from"]


def start_from(model: nn.Module, path: str | Path) -> list[str]:
    """Gives a model the weights of a trained one, as far as they fit.

    The two may differ in what no weight depends on, such as the number of spiking steps, and in
    single parts, such as a readout for other classes.

    Args:
        model: The model that is to be trained further.
        path: `weights.pt` or a checkpoint of another run.

    Returns:
        The names of the weights of `model` that the file has not, or has in another shape. They
        stay as they are.

    Raises:
        CheckpointError: If the file cannot be read, or more than half of the weights do not fit.
    """
    saved = read_checkpoint(path)["state_dict"]
    own = model.state_dict()
    fitting = {k: v for k, v in saved.items() if k in own and v.shape == own[k].shape}
    missing = [key for key in own if key not in fitting]
    if sum(own[key].numel() for key in fitting) < sum(t.numel() for t in own.values()) / 2:
        raise CheckpointError(
            "the weights belong to another model",
            file=path,
            expected=f"most of the {len(own)} weights of this model",
            found=f"{len(fitting)} that fit; not {', '.join(missing[:4])}, ...",
            remedy="take the model and its options from the config.yaml beside the weights",
        )
    model.load_state_dict(fitting, strict=False)
    return missing
