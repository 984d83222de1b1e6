"""Spiking graph networks for skeleton-based action recognition."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sgnkit._version import __version__

if TYPE_CHECKING:
    from sgnkit.data import SkeletonData
    from sgnkit.layout import SkeletonLayout, get_layout, list_layouts, register_layout
    from sgnkit.models import create_model, list_models
    from sgnkit.recognizer import Recognizer
    from sgnkit.recording import record

# Loaded when first used, so that `sgnkit --help` and `sgnkit doctor` need no working torch.
_PLACES = {
    "Recognizer": "sgnkit.recognizer",
    "SkeletonData": "sgnkit.data",
    "SkeletonLayout": "sgnkit.layout",
    "create_model": "sgnkit.models",
    "get_layout": "sgnkit.layout",
    "list_layouts": "sgnkit.layout",
    "list_models": "sgnkit.models",
    "record": "sgnkit.recording",
    "register_layout": "sgnkit.layout",
}

__all__ = [
    "Recognizer",
    "SkeletonData",
    "SkeletonLayout",
    "__version__",
    "create_model",
    "get_layout",
    "list_layouts",
    "list_models",
    "record",
    "register_layout",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'sgnkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
