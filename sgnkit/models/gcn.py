"""Real-valued graph networks: the teachers and the baselines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from sgnkit.data.modality import MODALITIES, to_modalities
from sgnkit.layout import SkeletonLayout
from sgnkit.models._base import SkeletonModel
from sgnkit.nn.conv.adaptive_graph_conv import AdaptiveGraphConv
from sgnkit.nn.conv.channel_refined_graph_conv import ChannelRefinedGraphConv
from sgnkit.nn.conv.partitioned_graph_conv import PartitionedGraphConv
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.graph_block import GraphBlock
from sgnkit.nn.joint_norm import JointNorm
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.readout.readout import Readout
from sgnkit.nn.temporal.multi_scale_temporal_conv import MultiScaleTemporalConv
from sgnkit.nn.temporal.temporal_conv import TemporalConv

__all__ = ["GraphNetwork", "MultimodalGCN"]

WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3
STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
Maker = Callable[..., nn.Module]
SPATIAL: dict[str, Maker] = {
    "partitioned": PartitionedGraphConv,
    "adaptive": AdaptiveGraphConv,
    "channel_refined": ChannelRefinedGraphConv,
}
TEMPORAL: dict[str, Maker] = {
    "single": TemporalConv,
    "multi_scale": MultiScaleTemporalConv,
}


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
            first block takes the coordinates of a single modality and has no shortcut, as in the
            published baselines.
        num_persons: `None` for an input norm that persons share; a number for the person-major
            one of 2s-AGCN and CTR-GCN. See [`JointNorm`][sgnkit.nn.JointNorm].
        spatial: `"partitioned"` ([`PartitionedGraphConv`][sgnkit.nn.PartitionedGraphConv]),
            `"adaptive"` ([`AdaptiveGraphConv`][sgnkit.nn.AdaptiveGraphConv]) or
            `"channel_refined"` ([`ChannelRefinedGraphConv`][sgnkit.nn.ChannelRefinedGraphConv]),
            or a function of `in_channels` and `out_channels` that builds the spatial layer of a
            block.
        spatial_options: Other arguments of the named spatial layer.
        temporal: `"single"` ([`TemporalConv`][sgnkit.nn.TemporalConv]) or `"multi_scale"`
            ([`MultiScaleTemporalConv`][sgnkit.nn.MultiScaleTemporalConv]), or a function of
            `channels` and `stride`.
        temporal_options: Other arguments of the named temporal layer.
        init: Start values. `"layers"`: those of each layer. `"published_head"`: and the weights of
            the last layer from $\mathcal{N}(0, \sqrt{2 / \text{classes}})$, as in 2s-AGCN and
            CTR-GCN; the first loss is then far above that of guessing. `"normal"`: weights from
            $\mathcal{N}(0, 0.02)$ and scales of batch norms from $\mathcal{N}(1, 0.02)$, as the
            trainer of ST-GCN sets them.
        block_dropout: Dropout after the temporal layer of each block but the first.
        dropout: Dropout before the last linear layer.

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$

    Attributes:
        options: The other arguments, as given or by default.

    Raises:
        ValueError: If options are unknown or contradict each other, or if a batch does not fit the
            layout or channels.
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
        num_persons: int | None = None,
        spatial: Literal["partitioned", "adaptive", "channel_refined"]
        | Callable[[int, int], nn.Module] = "adaptive",
        spatial_options: dict[str, Any] | None = None,
        temporal: Literal["single", "multi_scale"] | Callable[[int, int], nn.Module] = "single",
        temporal_options: dict[str, Any] | None = None,
        init: Literal["layers", "published_head", "normal"] = "layers",
        block_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        fixed = ("self", "__class__", "layout", "num_classes", "fixed")
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
        if init not in ("layers", "published_head", "normal"):
            raise ValueError(
                f"{name}: init must be 'layers', 'published_head' or 'normal', got {init!r}"
            )
        self.strides = tuple(strides)
        self.init = init
        joints = self.layout.num_joints
        self.norms = nn.ModuleList(JointNorm(joints, in_channels, num_persons) for _ in modalities)
        widths = [hidden_channels[0] if stem else in_channels, *hidden_channels]
        self.stems = nn.ModuleList(_stem(in_channels, widths[0]) for _ in modalities if stem)
        make_spatial = _spatial(name, spatial, self.layout, spatial_options or {})
        make_temporal = _temporal(name, temporal, temporal_options or {})
        self.blocks = nn.ModuleList(
            GraphBlock(
                make_spatial(c_in, c_out),
                make_temporal(c_out, stride),
                c_in,
                residual=stem or i > 0,
                dropout=block_dropout if i > 0 else 0.0,
            )
            for i, (c_in, c_out, stride) in enumerate(
                zip(widths[:-1], widths[1:], strides, strict=True)
            )
        )
        self.readout = Readout(widths[-1], num_classes, dropout=dropout)
        self._initialise()

    @property
    def min_frames(self) -> int:
        """Frames below which the last block sees no more than padding beside one frame."""
        return math.prod(self.strides)

    def reset_parameters(self) -> None:
        """Resets all learnable parameters of the network."""
        stems = [layer for stem in self.stems for layer in stem.children()]
        for module in (*self.norms, *stems, *self.blocks, self.readout):
            module.reset_parameters()
        self._initialise()

    def _initialise(self) -> None:
        """Sets start values that are not those of the layers."""
        if self.init == "published_head":
            nn.init.normal_(self.readout.lin.weight, std=math.sqrt(2 / self.num_classes))
        if self.init != "normal":
            return
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm1d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward_tensors(self, x: Tensor, graph: SkeletonGraph) -> Tensor:
        """Returns the logits from coordinates `[N, T, C]` and the graph, without PyG objects."""
        out = self._encode(x, graph)
        for block in self.blocks:
            out = self._block(block, out, graph)
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


def _spatial(model: str, value: Any, layout: SkeletonLayout, options: dict[str, Any]) -> Maker:
    """Returns a function of `in_channels` and `out_channels`."""
    if callable(value):
        return value
    return partial(_choose(model, "spatial", value, SPATIAL), layout=layout, **options)


def _temporal(model: str, value: Any, options: dict[str, Any]) -> Maker:
    """Returns a function of `channels` and `stride`."""
    if callable(value):
        return value
    layer = _choose(model, "temporal", value, TEMPORAL)
    return lambda channels, stride: layer(channels, channels, stride=stride, **options)


def _choose(model: str, key: str, value: Any, known: dict[str, Maker]) -> Maker:
    if value not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"{model}: {key} must be {names} or a function, got {value!r}")
    return known[value]


def _stem(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        Linear(in_channels, out_channels, bias=False, weight_initializer="kaiming_uniform"),
        BatchNorm(out_channels),
    )
