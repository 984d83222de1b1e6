"""The named networks of this library."""

from __future__ import annotations

from typing import Any

from sgnkit.layout import SkeletonLayout
from sgnkit.models.registry import register_model
from sgnkit.models.sgn import MKSGN, BaseSGN

__all__ = ["base_sgn", "base_sgn_small", "mk_sgn", "mk_sgn_small"]

SMALL = (32, 32, 64, 64, 128, 128)


@register_model
def base_sgn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> BaseSGN:
    """Base-SGN with the widths of the paper's student, 64 to 256."""
    return BaseSGN(layout, num_classes, **kwargs)


@register_model
def base_sgn_small(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> BaseSGN:
    """Base-SGN at half the width, 32 to 128."""
    return BaseSGN(layout, num_classes, **{"hidden_channels": SMALL, **kwargs})


@register_model
def mk_sgn(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> MKSGN:
    """MK-SGN with the widths of the paper's student, 64 to 256."""
    return MKSGN(layout, num_classes, **kwargs)


@register_model
def mk_sgn_small(layout: str | SkeletonLayout, num_classes: int, **kwargs: Any) -> MKSGN:
    """MK-SGN at half the width, 32 to 128."""
    return MKSGN(layout, num_classes, **{"hidden_channels": SMALL, **kwargs})
