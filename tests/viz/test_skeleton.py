import pytest

from sgnkit.layout import list_layouts
from sgnkit.viz import plot_layout
from sgnkit.viz.style import new_figure


@pytest.mark.parametrize("name", ["ntu25", "hand21"])
def test_plot_layout(name):
    figure = plot_layout(name)
    numbers = [text.get_text() for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert len(set(numbers)) == int(name[-2:])


def test_plot_layout_into_given_axes():
    figure, (ax,) = new_figure()
    assert plot_layout(list_layouts()[0], ax=ax) is figure
