"""Networks composed of the layers, and their registry."""

from sgnkit.models.gcn import GraphNetwork, MultimodalGCN
from sgnkit.models.presets import (
    agcn,
    base_sgn,
    base_sgn_small,
    ctrgcn,
    mk_sgn,
    mk_sgn_small,
    multimodal_gcn,
    multimodal_gcn_small,
    stgcn,
)
from sgnkit.models.registry import create_model, get_preset, list_models, register_model
from sgnkit.models.sgn import MKSGN, BaseSGN, SpikingGraphNetwork

__all__ = [
    "MKSGN",
    "BaseSGN",
    "GraphNetwork",
    "MultimodalGCN",
    "SpikingGraphNetwork",
    "agcn",
    "base_sgn",
    "base_sgn_small",
    "create_model",
    "ctrgcn",
    "get_preset",
    "list_models",
    "mk_sgn",
    "mk_sgn_small",
    "multimodal_gcn",
    "multimodal_gcn_small",
    "register_model",
    "stgcn",
]
