"""Spiking neurons."""

from sgnkit.nn.neuron.compile_neurons import compile_neurons
from sgnkit.nn.neuron.leaky_integrator import LeakyIntegrator
from sgnkit.nn.neuron.lif import LIF, PLIF
from sgnkit.nn.neuron.surrogate import SURROGATES, get_surrogate

__all__ = ["LIF", "PLIF", "SURROGATES", "LeakyIntegrator", "compile_neurons", "get_surrogate"]
