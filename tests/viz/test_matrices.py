import numpy as np
import pytest
import torch

from sgnkit.viz import plot_confusion, plot_mutual_information


def test_plot_confusion():
    figure = plot_confusion(torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), ["a", "b", "c"])
    ax = figure.axes[0]
    assert ax.get_title(loc="left") == "accuracy 87.5 % of 8 clips"
    shade = ax.images[0].get_array()
    assert np.allclose(shade, [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]])
    assert [text.get_text() for text in ax.texts] == ["3", "1", "", "", "4", "", "", "", ""]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]


def test_plot_confusion_of_many_classes_has_no_numbers():
    assert not plot_confusion(np.eye(60)).axes[0].texts


def test_plot_confusion_errors():
    with pytest.raises(ValueError, match=r"square matrix, got shape \(2, 3\)"):
        plot_confusion(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"one name for each class \(2\), got 1"):
        plot_confusion(torch.eye(2), ["a"])


def test_plot_mutual_information_is_the_mean_over_clips():
    matrix = torch.tensor([[[0.6, 0.1], [0.1, 0.4]], [[0.6, 0.3], [0.3, 0.4]]])
    ax = plot_mutual_information(matrix, ["joint", "bone"]).axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.6", "0.2", "0.2", "0.4"]
    shade = ax.images[0].get_array()
    assert shade.mask.tolist() == [[True, False], [False, True]]  # entropies are not shaded


def test_plot_mutual_information_of_one_modality_and_errors():
    assert plot_mutual_information([[0.5]]).axes
    with pytest.raises(ValueError, match=r"one name for each modality \(2\), got 3"):
        plot_mutual_information(torch.eye(2), ["a", "b", "c"])
