"""Firing rates and estimates of energy."""

from sgnkit.energy.presets import PRESETS, EnergyPreset, get_preset
from sgnkit.energy.profiler import calibrate, firing_rates, profile
from sgnkit.energy.report import EnergyReport, LayerCost, NeuronCost
from sgnkit.energy.table import compare

__all__ = [
    "PRESETS",
    "EnergyPreset",
    "EnergyReport",
    "LayerCost",
    "NeuronCost",
    "calibrate",
    "compare",
    "firing_rates",
    "get_preset",
    "profile",
]
