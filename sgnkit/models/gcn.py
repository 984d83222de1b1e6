"""Real-valued graph networks: the teachers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.data.modality import MODALITIES, to_modalities
from sgnkit.layout import SkeletonLayout
from sgnkit.models._base import SkeletonModel
from sgnkit.nn.conv.adaptive_graph_conv import AdaptiveGraphConv
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.graph_block import GraphBlock
from sgnkit.nn.joint_norm import JointNorm
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.readout.readout import Readout
from sgnkit.nn.temporal.temporal_conv import TemporalConv

__all__ = ["GraphNetwork", "MultimodalGCN"]

WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3
STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)


class GraphNetwork(SkeletonModel):
    r"""A real-valued graph network: batch norm of the coordinates, a stem for each modality, blocks
    of a spatial and a temporal layer, and a read-out.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        in_channels: Coordinates a joint.
        hidden_channels: Output width of each block.
        strides: Temporal stride of each block.
        modalities: Which of `"joint"`, `"bone"`, `"joint_motion"`, `"bone_motion"` come in. They
            are derived from the joint coordinates of the batch.
        stem: Whether each modality has a $1 \times 1$ stem and the stems are summed. Without, the
            first block takes the coordinates of a single modality, as the published baselines do.
        spatial: A function of `in_channels` and `out_channels` that builds the spatial layer of a
            block. [`AdaptiveGraphConv`][sgnkit.nn.AdaptiveGraphConv] by default.
        temporal: A function of `channels` and `stride` that builds the temporal layer of a block.
            [`TemporalConv`][sgnkit.nn.TemporalConv] by default.
        dropout: Dropout before the last linear layer.

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$

    Raises:
        ValueError: If options contradict each other, or a batch does not fit the layout or
            channels.
    """

    def __init__(
        self,
        layout: str | SkeletonLayout,
        num_classes: int,
        *,
        in_channels: int = 3,
        hidden_channels: Sequence[int] = WIDTHS,
        strides: Sequence[int] = STRIDES,
        modalities: Sequence[str] = ("joint",),
        stem: bool = False,
        spatial: Callable[[int, int], nn.Module] | None = None,
        temporal: Callable[[int, int], nn.Module] | None = None,
        dropout: float = 0.0,
    ) -> None:
        fixed = ("self", "__class__", "layout", "num_classes", "spatial", "temporal", "fixed")
        arguments = {key: value for key, value in locals().items() if key not in fixed}
        super().__init__(layout, num_classes, in_channels, modalities)
        self.options = arguments
        name = type(self).__name__
        if len(hidden_channels) != len(strides) or not hidden_channels:
            raise ValueError(
                f"{name}: hidden_channels and strides must have one entry a block, got "
                f"{len(hidden_channels)} and {len(strides)}"
            )
        if len(modalities) > 1 and not stem:
            raise ValueError(f"{name}: {len(modalities)} modalities need stem=True to be summed")
        self.strides = tuple(strides)
        if spatial is None:

            def spatial(c_in: int, c_out: int) -> nn.Module:
                return AdaptiveGraphConv(c_in, c_out, self.layout)

        temporal = temporal or _temporal
        joints = self.layout.num_joints
        self.norms = nn.ModuleList(JointNorm(joints, in_channels) for _ in modalities)
        widths = [hidden_channels[0] if stem else in_channels, *hidden_channels]
        self.stems = nn.ModuleList(_stem(in_channels, widths[0]) for _ in modalities if stem)
        self.blocks = nn.ModuleList(
            GraphBlock(spatial(c_in, c_out), temporal(c_out, stride), c_in, residual=stem or i > 0)
            for i, (c_in, c_out, stride) in enumerate(
                zip(widths[:-1], widths[1:], strides, strict=True)
            )
        )
        self.readout = Readout(widths[-1], num_classes, dropout=dropout)
        nn.init.normal_(self.readout.lin.weight, std=math.sqrt(2 / num_classes))

    @property
    def min_frames(self) -> int:
        """Frames below which the last block sees no more than padding beside one frame."""
        return math.prod(self.strides)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the network."""
        for norm in self.norms:
            norm.reset_parameters()
        for stem in self.stems:
            stem[0].reset_parameters()
            stem[1].reset_parameters()
        for block in self.blocks:
            block.reset_parameters()
        self.readout.reset_parameters()
        nn.init.normal_(self.readout.lin.weight, std=math.sqrt(2 / self.num_classes))

    def forward_tensors(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the logits from coordinates `[N, T, C]` and the graph, without PyG objects."""
        out = self._encode(x, graph)
        for block in self.blocks:
            out = block(out, graph)
        return self.readout(out.unsqueeze(0), graph)

    def forward_features(self, batch: Any) -> dict[str, Tensor]:
        """Returns everything between input and logits, by name.

        `"encoded"`, `"blocks.0"` and so on $(T, N, C)$; `"readout"` $(B, C)$ and `"logits"`.
        """
        x, graph = self._enter(batch)
        features = {"encoded": (out := self._encode(x, graph))}
        for i, block in enumerate(self.blocks):
            features[f"blocks.{i}"] = out = block(out, graph)
        features["readout"] = self.readout.features(out.unsqueeze(0), graph)
        features["logits"] = self.readout(out.unsqueeze(0), graph)
        return features

    def _encode(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        streams = to_modalities(x, graph.parent_index, self.modalities).transpose(1, 2)
        out = [norm(stream, graph) for norm, stream in zip(self.norms, streams, strict=True)]
        if self.stems:
            out = [stem(stream) for stem, stream in zip(self.stems, out, strict=True)]
        return sum(out[1:], start=out[0])


class MultimodalGCN(GraphNetwork):
    r"""The multimodal GCN that teaches MK-SGN: four stems, summed, then ten blocks of adaptive
    graph convolution and temporal convolution.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other arguments of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`
        - **returns**: logits $(B, \text{classes})$

    Note:
        The ["MK-SGN"](https://arxiv.org/abs/2404.10210) paper says ten blocks and multimodal; the
        backbone is that of [2s-AGCN](https://arxiv.org/abs/1805.07694), a choice of this library.

    Examples:
        >>> len(MultimodalGCN("kinect20", 10).blocks)
        10
    """

    def __init__(self, layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> None:
        super().__init__(layout, num_classes, **{"modalities": MODALITIES, "stem": True, **kwargs})


def _stem(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        Linear(in_channels, out_channels, bias=False, weight_initializer="kaiming_uniform"),
        BatchNorm(out_channels),
    )


def _temporal(channels: int, stride: int) -> nn.Module:
    return TemporalConv(channels, channels, stride=stride)
