"""Firing rates and estimates of energy."""

from sgnkit.energy.presets import PRESETS, EnergyPreset, get_preset
from sgnkit.energy.profiler import firing_rates, profile
from sgnkit.energy.report import EnergyReport, LayerCost, NeuronCost

__all__ = [
    "PRESETS",
    "EnergyPreset",
    "EnergyReport",
    "LayerCost",
    "NeuronCost",
    "firing_rates",
    "get_preset",
    "profile",
]
