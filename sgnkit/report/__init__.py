"""One page about a run: a player of skeletons and spikes, curves, mistakes, energy."""

from sgnkit.report.write import write_report

__all__ = ["write_report"]
