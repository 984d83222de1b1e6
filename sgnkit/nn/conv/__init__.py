"""Spiking layers over the edges of a graph."""
