"""Pictures of skeletons, spikes and results: functions take data and return figures."""

from sgnkit.viz.activity import plot_joint_activity, plot_membrane, plot_rates
from sgnkit.viz.animation import animate_skeleton
from sgnkit.viz.comparison import plot_comparison
from sgnkit.viz.curves import plot_curves
from sgnkit.viz.energy import plot_energy
from sgnkit.viz.graphs import plot_adjacency, plot_attention
from sgnkit.viz.matrices import plot_confusion, plot_mutual_information
from sgnkit.viz.raster import plot_raster
from sgnkit.viz.skeleton import plot_layout
from sgnkit.viz.strip import plot_skeleton

__all__ = [
    "animate_skeleton",
    "plot_adjacency",
    "plot_attention",
    "plot_comparison",
    "plot_confusion",
    "plot_curves",
    "plot_energy",
    "plot_joint_activity",
    "plot_layout",
    "plot_membrane",
    "plot_mutual_information",
    "plot_raster",
    "plot_rates",
    "plot_skeleton",
]
