"""The named networks of this library."""

from __future__ import annotations

from typing import Any

from sgnkit.layout import SkeletonLayout
from sgnkit.models.gcn import GraphNetwork, MultimodalGCN
from sgnkit.models.registry import register_model
from sgnkit.models.sgn import MKSGN, BaseSGN

__all__ = [
    "agcn",
    "base_sgn",
    "base_sgn_small",
    "ctrgcn",
    "mk_sgn",
    "mk_sgn_small",
    "multimodal_gcn",
    "multimodal_gcn_small",
    "stgcn",
]

SMALL = (32, 32, 64, 64, 128, 128)


@register_model
def base_sgn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> BaseSGN:
    r"""Base-SGN of [MK-SGN](https://arxiv.org/abs/2404.10210), widths of the paper: 64 to 256.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return BaseSGN(layout, num_classes, **kwargs)


@register_model
def base_sgn_small(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> BaseSGN:
    r"""Base-SGN of [MK-SGN](https://arxiv.org/abs/2404.10210) at half the width, 32 to 128.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return BaseSGN(layout, num_classes, **{"hidden_channels": SMALL, **kwargs})


@register_model
def mk_sgn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> MKSGN:
    r"""[MK-SGN](https://arxiv.org/abs/2404.10210) with the widths of the student, 64 to 256.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return MKSGN(layout, num_classes, **kwargs)


@register_model
def mk_sgn_small(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> MKSGN:
    r"""[MK-SGN](https://arxiv.org/abs/2404.10210) at half the width, 32 to 128.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`SpikingGraphNetwork`][sgnkit.models.SpikingGraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return MKSGN(layout, num_classes, **{"hidden_channels": SMALL, **kwargs})


@register_model
def multimodal_gcn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> MultimodalGCN:
    r"""The teacher of [MK-SGN](https://arxiv.org/abs/2404.10210): ten blocks, 64 to 256 wide.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return MultimodalGCN(layout, num_classes, **kwargs)


@register_model
def multimodal_gcn_small(
    layout: str | SkeletonLayout, num_classes: int, **kwargs: Any
) -> MultimodalGCN:
    r"""Teacher of a small [MK-SGN](https://arxiv.org/abs/2404.10210): ten blocks, 32 to 128 wide.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    widths = (32,) * 4 + (64,) * 3 + (128,) * 3
    return MultimodalGCN(layout, num_classes, **{"hidden_channels": widths, **kwargs})


@register_model
def stgcn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> GraphNetwork:
    r"""[ST-GCN](https://arxiv.org/abs/1801.07455) as released: fixed partitions, learnt importance.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    options = {"spatial": "partitioned", "init": "normal", "block_dropout": 0.5}
    return GraphNetwork(layout, num_classes, **{**options, **kwargs})


@register_model
def agcn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> GraphNetwork:
    r"""One stream of [2s-AGCN](https://arxiv.org/abs/1805.07694): adaptive graphs.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    return GraphNetwork(layout, num_classes, **{"init": "published_head", **kwargs})


@register_model
def ctrgcn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> GraphNetwork:
    r"""[CTR-GCN](https://arxiv.org/abs/2107.12213): a graph for each channel, multi-scale in time.

    Args:
        layout: Layout of the skeletons, or its name.
        num_classes: Number of classes.
        **kwargs: Other options of [`GraphNetwork`][sgnkit.models.GraphNetwork].

    Shapes:
        - **batch**: a PyG `Batch` of `SkeletonData`, **x** $(N, T, C)$
        - **returns**: logits $(B, \text{classes})$
    """
    options = {"spatial": "channel_refined", "temporal": "multi_scale", "init": "published_head"}
    return GraphNetwork(layout, num_classes, **{**options, **kwargs})
