"""Pictures of skeletons, spikes and results: functions take data and return figures."""

from sgnkit.viz.animation import animate_skeleton
from sgnkit.viz.curves import plot_curves
from sgnkit.viz.matrices import plot_confusion, plot_mutual_information
from sgnkit.viz.raster import plot_raster
from sgnkit.viz.skeleton import plot_layout

__all__ = [
    "animate_skeleton",
    "plot_confusion",
    "plot_curves",
    "plot_layout",
    "plot_mutual_information",
    "plot_raster",
]
