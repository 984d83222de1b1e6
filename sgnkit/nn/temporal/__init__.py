"""Spiking layers over the frames of a clip."""
