"""Where the energy of a network goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sgnkit.viz.style import CYCLE, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sgnkit.energy import EnergyReport

__all__ = ["plot_energy"]


def plot_energy(reports: EnergyReport | Mapping[str, EnergyReport]) -> Figure:
    """Draws the estimated energy, paper and strict counting side by side.

    Args:
        reports: One report, drawn layer by layer; or several by name, such as a teacher and its
            student, of which the totals are drawn.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: There is nothing to draw.

    Examples:
        >>> import torch
        >>> from sgnkit.energy import profile
        >>> report = profile(torch.nn.Linear(3, 8), torch.rand(5, 3))
        >>> plot_energy({"teacher": report}).axes[0].get_xlabel()
        'estimate for one clip (mJ)'
    """
    if isinstance(reports, Mapping):
        names = list(reports)
        totals = [report.totals for report in reports.values()]
        paper = [each["paper"] for each in totals]
        strict = [each["strict"] for each in totals]
        unit, title = "mJ", "energy of networks"
    else:
        names = [f"{cost.name or '(model)'} {cost.kind}" for cost in reports.layers]
        both = [cost.energy(reports.preset) for cost in reports.layers]
        paper, strict = [a * 1e-3 for a, _ in both], [b * 1e-3 for _, b in both]
        unit, title = "nJ", f"energy by layer, {reports.preset.name}"
    if not names:
        raise ValueError("plot_energy: there is nothing to draw")
    figure, (ax,) = new_figure(7.0, 1.0 + 0.26 * len(names))
    places = range(len(names))
    for offset, values, label, color in (
        (-0.2, paper, "paper", CYCLE[4]),
        (0.2, strict, "strict", CYCLE[0]),
    ):
        ax.barh([p + offset for p in places], values, height=0.4, label=label, color=color)
    ax.set_yticks(list(places), names)
    ax.invert_yaxis()
    ax.set_xlabel(f"estimate for one clip ({unit})")
    ax.legend(frameon=False, fontsize=8)
    tidy(ax, title)
    ax.tick_params(axis="y", labelsize=6 if len(names) > 12 else 8)
    return figure
