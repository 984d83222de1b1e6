"""Spiking neurons."""

from sgnkit.nn.neuron.leaky_integrator import LeakyIntegrator
from sgnkit.nn.neuron.lif import LIF, PLIF
from sgnkit.nn.neuron.surrogate import SURROGATES, get_surrogate

__all__ = ["LIF", "PLIF", "SURROGATES", "LeakyIntegrator", "get_surrogate"]
