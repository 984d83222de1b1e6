import pytest

from sgnkit.layout import SkeletonLayout, get_layout


@pytest.mark.parametrize("name", ["ntu25", "hand21"])
def test_plot(name, tmp_path):
    pytest.importorskip("matplotlib")
    layout = get_layout(name)
    figure = layout.plot(path=tmp_path / "layout.png")
    assert (tmp_path / "layout.png").stat().st_size > 1000
    (ax,) = figure.axes
    assert len(ax.lines) == layout.num_joints - 1
    assert [text.get_text() for text in ax.texts] == [str(j) for j in range(layout.num_joints)]
    assert name in ax.get_title()


def test_plot_draws_a_tree_without_coords():
    figure_module = pytest.importorskip("matplotlib.figure")
    ax = figure_module.Figure().add_subplot()
    layout = SkeletonLayout("fork", ("a", "b", "c", "d"), (0, 0, 0, 3))
    assert layout.plot(ax) is ax.figure
    places = [text.get_position() for text in ax.texts]
    assert places == [(0.5, 0.0), (0.0, -1.0), (1.0, -1.0), (2.0, 0.0)]
