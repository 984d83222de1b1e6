"""Networks composed of the layers, and their registry."""

from sgnkit.models.presets import base_sgn, base_sgn_small, mk_sgn, mk_sgn_small
from sgnkit.models.registry import create_model, get_preset, list_models, register_model
from sgnkit.models.sgn import MKSGN, BaseSGN, SpikingGraphNetwork

__all__ = [
    "MKSGN",
    "BaseSGN",
    "SpikingGraphNetwork",
    "base_sgn",
    "base_sgn_small",
    "create_model",
    "get_preset",
    "list_models",
    "mk_sgn",
    "mk_sgn_small",
    "register_model",
]
