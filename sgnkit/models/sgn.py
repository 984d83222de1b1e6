"""Spiking graph networks: encoders, fusion, blocks and read-out in a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sgnkit.data.modality import MODALITIES, to_modalities
from sgnkit.layout import SkeletonLayout
from sgnkit.models._base import SkeletonModel
from sgnkit.nn.block import SpikingBlock
from sgnkit.nn.conv.adjacency import Adjacency, Mode
from sgnkit.nn.conv.sa_sgc import SASGC
from sgnkit.nn.conv.spiking_graph_conv import Path, SpikingGraphConv
from sgnkit.nn.encode.spiking_encoder import SpikingEncoder
from sgnkit.nn.fusion.mutual_information import mutual_information
from sgnkit.nn.fusion.spiking_multimodal_fusion import Method, SpikingMultimodalFusion
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.neuron import LIF
from sgnkit.nn.readout.readout import Readout
from sgnkit.nn.shortcut import Residual
from sgnkit.nn.temporal.stc import STC

__all__ = ["MKSGN", "BaseSGN", "SpikingGraphNetwork"]

WIDTHS = (64, 64, 128, 128, 256, 256)
STRIDES = (1, 1, 2, 1, 2, 1)


class SpikingGraphNetwork(SkeletonModel):
    r"""A spiking graph network: one encoder a modality, fusion where there are several, blocks
    of a spatial and a temporal layer, and a read-out of firing rates.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        in_channels: Coordinates a joint, 2 or 3 (more with confidences).
        hidden_channels: Output width of each block.
        strides: Temporal stride of each block.
        num_steps: Spiking steps S.
        modalities: Which of `"joint"`, `"bone"`, `"joint_motion"`, `"bone_motion"` are encoded.
            They are derived from the joint coordinates of the batch.
        fusion: `method` of
            [`SpikingMultimodalFusion`][sgnkit.nn.SpikingMultimodalFusion].
        spatial: `"sgc"`, `"sa_sgc"`, or a function of `in_channels` and `out_channels` that
            builds the spatial layer of a block, such as a
            [`SpikingConv`][sgnkit.nn.SpikingConv] around a PyG convolution.
        heads: Attention heads of SA-SGC.
        adjacency: `"learned"`, `"fixed"` or `"identity"`.
        share_adjacency: Whether all blocks share one adjacency.
        kernel_size: Frames under the temporal kernel.
        branches: `"single"` or `"multi_scale"` temporal convolution.
        residual: `"sew"`, `"or"` or `"membrane"`, see
            [`SpikingGraphConv`][sgnkit.nn.SpikingGraphConv].
        encoder_kernel: `"joints"` or `"graph"`.
        neuron: The spiking neuron; each place gets its own copy.
            [`LIF(v_th=0.5)`][sgnkit.nn.LIF] by default.
        norm_scale: The start scale of the batch norm before each neuron.
        persons: `"mean"` or `"each"`, as in [`Readout`][sgnkit.nn.Readout].
        per_step: Whether to return logits for every spiking step.
        dropout: Dropout before the last linear layer.
        attention_options: Other arguments of
            [`SpikingSelfAttention`][sgnkit.nn.SpikingSelfAttention].
        fusion_options: Other arguments of
            [`SpikingMultimodalFusion`][sgnkit.nn.SpikingMultimodalFusion].
        path: `"auto"`, `"dense"` or `"sparse"` spatial layers.
        spike_driven: Whether every product behind the encoders is one of spikes and weights in
            evaluation: `"or"` shortcuts in the place of `"sew"`; fusion weights and graphs folded
            into the weights after them; a read-out of spikes. Parameters stay the same.
        causal: Whether no frame sees a later one: kernels over frames end at their frame, motion
            is that from the frame before, attention maps are averaged over the frames so far. Such
            a network also runs frame by frame, `step_frame`. Parameters stay the same.

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$

    Attributes:
        options: The other arguments, except the neuron, as given or by default: with them the
            same network can be built again, whatever the defaults of a preset become.

    Raises:
        ValueError: If an option is unknown, or a batch does not fit the layout or channels.
    """

    def __init__(
        self,
        layout: str | SkeletonLayout,
        num_classes: int,
        *,
        in_channels: int = 3,
        hidden_channels: Sequence[int] = WIDTHS,
        strides: Sequence[int] = STRIDES,
        num_steps: int = 4,
        modalities: Sequence[str] = ("joint",),
        fusion: Method = "mutual_information",
        spatial: Literal["sgc", "sa_sgc"] | Callable[[int, int], nn.Module] = "sgc",
        heads: int = 8,
        adjacency: Mode = "learned",
        share_adjacency: bool = False,
        kernel_size: int = 9,
        branches: Literal["single", "multi_scale"] = "single",
        residual: Residual = "sew",
        encoder_kernel: Literal["joints", "graph"] = "joints",
        neuron: nn.Module | None = None,
        norm_scale: float = 1.0,
        persons: Literal["mean", "each"] = "mean",
        per_step: bool = False,
        dropout: float = 0.0,
        attention_options: dict[str, Any] | None = None,
        fusion_options: dict[str, Any] | None = None,
        path: Path = "auto",
        spike_driven: bool = False,
        causal: bool = False,
    ) -> None:
        fixed = ("self", "__class__", "layout", "num_classes", "neuron")
        arguments = {key: value for key, value in locals().items() if key not in (*fixed, "fixed")}
        super().__init__(layout, num_classes, in_channels, modalities)
        self.options = arguments
        name = type(self).__name__
        if len(hidden_channels) != len(strides) or not hidden_channels:
            raise ValueError(
                f"{name}: hidden_channels and strides must have one entry a block, got "
                f"{len(hidden_channels)} and {len(strides)}"
            )
        if not callable(spatial) and spatial not in ("sgc", "sa_sgc"):
            raise ValueError(
                f"{name}: spatial must be 'sgc', 'sa_sgc' or a function, got {spatial!r}"
            )
        if spike_driven:
            residual = "or" if residual == "sew" else residual
            fusion_options = {"fold": True, **(fusion_options or {})}
        self.num_steps = num_steps
        self.causal = causal
        self.strides = tuple(strides)
        neuron = LIF(v_th=0.5) if neuron is None else neuron
        common: dict[str, Any] = {"neuron": neuron, "norm_scale": norm_scale}
        frames = {**common, "causal": causal}
        attention = {"causal": causal, **(attention_options or {})}

        widths = [hidden_channels[0], *hidden_channels]
        self.encoders = nn.ModuleList(
            SpikingEncoder(in_channels, widths[0], num_steps, kernel=encoder_kernel, **frames)
            for _ in modalities
        )
        self.fusion = (
            SpikingMultimodalFusion(
                len(modalities), widths[0], method=fusion, **common, **(fusion_options or {})
            )
            if len(modalities) > 1
            else None
        )
        graph = Adjacency(self.layout, adjacency) if share_adjacency else adjacency
        options: dict[str, Any] = {"adjacency": graph, "residual": residual, "path": path, **common}
        options["fold"] = spike_driven
        self.blocks = nn.ModuleList()
        for c_in, c_out, stride in zip(widths[:-1], widths[1:], strides, strict=True):
            layer: nn.Module
            if callable(spatial):
                layer = spatial(c_in, c_out)
            elif spatial == "sgc":
                layer = SpikingGraphConv(c_in, c_out, self.layout, **options)
            else:
                layer = SASGC(c_in, c_out, self.layout, heads=heads, **options, **attention)
            temporal = STC(c_out, c_out, kernel_size, stride, branches=branches, **frames)
            self.blocks.append(SpikingBlock(layer, temporal, c_in, residual=residual, **common))
        reading: dict[str, Any] = {"persons": persons, "per_step": per_step, "dropout": dropout}
        self.readout = Readout(widths[-1], num_classes, fold=spike_driven, **reading)

    @property
    def min_frames(self) -> int:
        """Frames below which the last block sees no more than padding beside one frame."""
        return math.prod(self.strides)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the network."""
        for module in (*self.encoders, self.fusion, *self.blocks, self.readout):
            if module is not None:
                module.reset_parameters()

    def forward_tensors(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the logits from coordinates `[N, T, C]` and the graph, without PyG objects."""
        x = self._encode(x, graph)[-1]
        for block in self.blocks:
            x = self._block(block, x, graph)
        return self.readout(x, graph)

    def step_frame(
        self, x: Tensor, graph: SkeletonGraph, state: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Runs one frame, coordinates `[N, 1, C]`, see [`step_frame`][sgnkit.nn.step_frame].

        Returns the logits of all frames so far, and what each part has to remember, by its name.
        """
        if not self.causal:
            raise ValueError(f"{type(self).__name__}: build it with causal=True to run by frames")
        before: dict[str, Any] = state or {}
        after: dict[str, Any] = {"x": x}
        encoder: Any
        block: Any
        last = torch.cat([before.get("x", x), x], dim=1)
        streams = to_modalities(last, graph.parent_index, self.modalities, causal=True)[:, :, 1:]
        encoded = []
        for i, (encoder, stream) in enumerate(zip(self.encoders, streams.unbind(0), strict=True)):
            key = f"encoders.{i}"
            spikes, after[key] = encoder.step_frame(stream.transpose(0, 1), graph, before.get(key))
            encoded.append(spikes)
        out = encoded[0] if self.fusion is None else self.fusion(torch.stack(encoded), graph)
        for i, block in enumerate(self.blocks):
            key = f"blocks.{i}"
            if out is None:  # left out by a stride before: nothing reaches this block
                after[key] = before[key]
            else:
                out, after[key] = block.step_frame(out, graph, before.get(key))
        logits, after["readout"] = self.readout.step_frame(out, graph, before.get("readout"))
        return logits, after

    def forward_features(self, batch: Any) -> dict[str, Tensor]:
        """Returns everything between input and logits, by name.

        `"modalities"` $(Q, N, T, C)$, `"encoded"` $(Q, S, T, N, C)$; with fusion
        `"mutual_information"` $(B, Q, Q)$ and `"fused"`; `"blocks.0"` and so on
        $(S, T, N, C)$; `"readout"` $(B, C)$ and `"logits"`.
        """
        x, graph = self._enter(batch)
        streams, encoded, out = self._encode(x, graph)
        features = {"modalities": streams, "encoded": encoded}
        if self.fusion is not None:
            features["mutual_information"] = mutual_information(encoded, graph)
            features["fused"] = out
        for i, block in enumerate(self.blocks):
            features[f"blocks.{i}"] = out = block(out, graph)
        features["readout"] = self.readout.features(out, graph)
        features["logits"] = self.readout(out, graph)
        return features

    def _encode(self, x: Tensor, graph: SkeletonGraph) -> tuple[Tensor, Tensor, Tensor]:
        streams = to_modalities(x, graph.parent_index, self.modalities, causal=self.causal)
        encoded = torch.stack(
            [
                encoder(stream.transpose(0, 1), graph)
                for encoder, stream in zip(self.encoders, streams.unbind(0), strict=True)
            ]
        )
        fused = encoded[0] if self.fusion is None else self.fusion(encoded, graph)
        return streams, encoded, fused


class BaseSGN(SpikingGraphNetwork):
    r"""Base-SGN, the plain spiking graph network of the
    ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper: SSC of the joints, then blocks of
    [SGC, STC].

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other arguments of
            [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`
        - **returns**: logits $(B, \text{classes})$

    Examples:
        >>> len(BaseSGN("ntu25", 60).blocks)
        6
    """

    def __init__(self, layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> None:
        super().__init__(layout, num_classes, **{"spatial": "sgc", **kwargs})


class MKSGN(SpikingGraphNetwork):
    r"""MK-SGN, the fusion network of the ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper: one
    SSC for each of four modalities, SMF, then blocks of [SA-SGC, STC].

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other arguments of
            [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`
        - **returns**: logits $(B, \text{classes})$

    Examples:
        >>> len(MKSGN("kinect20", 10).encoders)
        4
    """

    def __init__(self, layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> None:
        super().__init__(
            layout, num_classes, **{"spatial": "sa_sgc", "modalities": MODALITIES, **kwargs}
        )
