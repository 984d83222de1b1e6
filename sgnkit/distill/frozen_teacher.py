"""A teacher that does not learn, and what it remembers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.distill.taps import tap
from sgnkit.errors import DataError

__all__ = ["FrozenTeacher"]


class FrozenTeacher(nn.Module):
    r"""A trained network that only answers: evaluation mode, no gradients, batch-norm statistics
    untouched, whatever is done to the module that holds it.

    Args:
        model: Any network whose output is logits.
        taps: Names of submodules whose features are wanted too.
        cache: Folder that keeps the answers for each clip, so that the network runs once for each
            of them and not in every epoch. Only legal when a clip always comes with the same
            coordinates: without random transforms.

    Shapes:
        - **returns**: logits $(B, \text{classes})$ and the features by name, $(T, N, C)$

    Raises:
        ValueError: If a tap is no submodule.
        sgnkit.errors.DataError: If a cached clip comes with other coordinates than before.

    Examples:
        >>> model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
        >>> teacher = FrozenTeacher(model, taps=["0"]).train()
        >>> logits, features = teacher(torch.rand(8, 3))
        >>> logits.requires_grad, teacher.model.training, features["0"].shape
        (False, False, torch.Size([8, 3]))
    """

    def __init__(
        self,
        model: nn.Module,
        taps: Sequence[str] = (),
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()
        self.taps = tuple(taps)
        self._cache = None if cache is None else _Cache(Path(cache), _digest_of(model, self.taps))

    def train(self, mode: bool = True) -> FrozenTeacher:
        """Does nothing: a frozen teacher stays in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, *inputs: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the logits and the features."""
        if self._cache is None:
            return tap(self.model, self.taps, *inputs)
        (batch,) = inputs
        found = [self._cache.read(name, x) for name, x in _clips(batch)]
        answers = [answer for answer in found if answer is not None]
        if len(answers) < len(found):
            logits, features = tap(self.model, self.taps, batch)
            for i, (name, x) in enumerate(_clips(batch)):
                nodes = batch.batch == i
                part = {key: value[..., nodes, :].cpu() for key, value in features.items()}
                self._cache.write(name, x, {"logits": logits[i].cpu(), "features": part})
            return logits, features
        device = batch.x.device
        logits = torch.stack([answer["logits"] for answer in answers])
        features = {
            key: torch.cat([answer["features"][key] for answer in answers], dim=-2).to(device)
            for key in self.taps
        }
        return logits.to(device), features


class _Cache:
    """One file for each clip, which says what the clip looked like."""

    def __init__(self, folder: Path, teacher: str) -> None:
        self.folder = folder / teacher
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str, x: Tensor) -> dict[str, Any] | None:
        path = self._path(name)
        if not path.is_file():
            return None
        content: dict[str, Any] = torch.load(path, weights_only=True)
        if content["clip"] != _digest(x):
            raise DataError(
                f"clip '{name}' comes with other coordinates than when the teacher's answer to it "
                "was kept",
                file=path,
                expected="the same coordinates in every epoch",
                found="a random transform in the pipeline, or a changed one",
                remedy="switch the cache off, take random transforms out, or delete the folder if "
                "the transforms have changed",
            )
        return content

    def write(self, name: str, x: Tensor, answer: dict[str, Any]) -> None:
        path = self._path(name)
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save({"clip": _digest(x), **answer}, part)
        part.replace(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha1(name.encode()).hexdigest()}.pt"


def _clips(batch: Any) -> list[tuple[str, Tensor]]:
    names = getattr(batch, "name", None)
    if names is None or getattr(batch, "batch", None) is None:
        raise ValueError(
            "FrozenTeacher: the cache is keyed by clip, so it needs a PyG batch of clips with names"
        )
    if not all(names) or len(set(names)) != len(names):
        raise ValueError("FrozenTeacher: the cache needs clips with names, each a different one")
    return [(name, batch.x[batch.batch == i]) for i, name in enumerate(names)]


def _digest(x: Tensor) -> str:
    return hashlib.sha1(x.detach().cpu().float().contiguous().numpy().tobytes()).hexdigest()


def _digest_of(model: nn.Module, taps: tuple[str, ...]) -> str:
    parts = hashlib.sha1(repr(taps).encode())
    for key, value in model.state_dict().items():
        parts.update(key.encode())
        parts.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return parts.hexdigest()[:16]
