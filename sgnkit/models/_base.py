"""What all networks share: the door through which a batch of skeletons comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sgnkit.data.modality import MODALITIES
from sgnkit.layout import SkeletonLayout, get_layout
from sgnkit.models._running import CompiledForward, recomputed
from sgnkit.nn.graph import SkeletonGraph

__all__ = ["SkeletonModel"]


class SkeletonModel(nn.Module):
    """A network for skeletons of one layout.

    A subclass defines `forward_tensors(x, graph)`.

    Attributes:
        checkpointing: Whether training keeps the inputs of the blocks alone and runs each block
            again in the backward pass: less memory, more time, the same gradients.
    """

    checkpointing: bool = False
    _compiled: CompiledForward | None = None

    def __init__(
        self,
        layout: str | SkeletonLayout,
        num_classes: int,
        in_channels: int,
        modalities: Sequence[str],
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if unknown := [m for m in modalities if m not in MODALITIES]:
            raise ValueError(f"{name}: modalities must be in {MODALITIES}, got {unknown}")
        if not modalities or len(set(modalities)) != len(modalities):
            raise ValueError(f"{name}: modalities must be one or more, each once: {modalities}")
        self.layout = get_layout(layout)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.modalities = tuple(modalities)

    def forward(self, batch: Any) -> Tensor:
        """Returns the logits of a batch of clips."""
        x, graph = self._enter(batch)
        return (self._compiled or self.forward_tensors)(x, graph)

    def compile_network(self, **options: Any) -> None:
        """Compiles everything between input and logits into one graph, at the first call.

        Results stay the same. A batch of another shape may compile again. While hooks are set on
        parts of the network, or its operations are counted, it runs uncompiled; so do copies and
        `forward_features`.

        Args:
            **options: Other arguments of `torch.compile`, such as `backend` or `dynamic`.
        """
        self._compiled = CompiledForward(self, self.forward_tensors, **options)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        state.pop("_compiled", None)
        return state

    def forward_tensors(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the logits from coordinates `[N, T, C]` and the graph, without PyG objects."""
        raise NotImplementedError

    def _block(self, block: nn.Module, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Runs one block, again in the backward pass if `checkpointing` says so."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return recomputed(block, x, graph)
        out: Tensor = block(x, graph)
        return out

    def _enter(self, batch: Any) -> tuple[Tensor, SkeletonGraph]:
        graph = SkeletonGraph.from_data(batch)
        x = batch.x
        if x.dim() != 3 or x.size(-1) != self.in_channels:
            raise ValueError(
                f"{type(self).__name__}: expected x [N, T, {self.in_channels}], got "
                f"{tuple(x.shape)}. Set in_channels to the coordinates of your data."
            )
        if getattr(batch, "modality", None) is not None and self.modalities != ("joint",):
            raise ValueError(
                f"{type(self).__name__}: derives {', '.join(self.modalities)} from joint "
                "coordinates, but ToModalities has replaced these in the batch. Leave the "
                "transform out, or build the model with modalities=('joint',)."
            )
        names = batch.layout if isinstance(batch.layout, list) else [batch.layout]
        if other := sorted({name for name in names if name != self.layout.name}):
            raise ValueError(
                f"{type(self).__name__}: built for layout '{self.layout.name}', but the batch "
                f"has {', '.join(map(repr, other))}. Create the model with that layout."
            )
        return x, graph
