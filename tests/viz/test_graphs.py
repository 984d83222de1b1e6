import pytest
import torch

import sgnkit
from sgnkit.viz import plot_adjacency, plot_attention


def test_plot_attention():
    attention = torch.zeros(4, 8, 2, 2, 25, 25)
    attention[..., 3, 20] = 1.0
    attention[..., 5, 5] = 9.0  # a joint that attends to itself is no link
    figure = plot_attention(attention, "ntu25", num_links=7)
    assert figure.axes[0].get_title(loc="left") == "strongest links: 1"
    layout = sgnkit.get_layout("ntu25")
    (arrow,) = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    assert arrow.xy == layout.coords[3] and arrow.xyann == layout.coords[20]
    with pytest.raises(ValueError, match="kinect20 has 20 joints"):
        plot_attention(attention, "kinect20")
    with pytest.raises(ValueError, match=r"expected \[..., V, V\]"):
        plot_attention(torch.rand(25, 4), "ntu25")


def test_plot_adjacency():
    layout = sgnkit.get_layout("kinect20")
    graph = layout.adjacency()
    figure = plot_adjacency(graph, layout)
    assert len(figure.axes) == len(graph) + 1
    figure = plot_adjacency(graph + 0.5, layout, start=graph)
    assert figure.axes[0].get_title(loc="left") == "change of subset 0"
    assert float(figure.axes[0].images[0].get_array().max()) == pytest.approx(0.5)
    figure = plot_adjacency(graph, layout, body=True, num_links=5)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["subset 0, 0 links", "subset 1, 5 links", "subset 2, 5 links"]
    source, target = (int(i) for i in graph[1].nonzero()[0])
    one = torch.zeros(20, 20)
    one[source, target] = -2.0
    (arrow,) = [text for text in plot_adjacency(one, layout, body=True).axes[0].texts]
    assert arrow.xy == layout.coords[target] and arrow.xyann == layout.coords[source]
    assert arrow.arrow_patch.get_edgecolor()[:3] == (0.0, 0x72 / 255, 0xB2 / 255)
    with pytest.raises(ValueError, match="body=True needs the layout"):
        plot_adjacency(graph, body=True)
    with pytest.raises(ValueError, match="start has shape"):
        plot_adjacency(graph, start=graph[:1])
