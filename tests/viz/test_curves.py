import pytest

from sgnkit.viz import plot_curves


def test_plot_curves_from_csv_as_lightning_writes_it(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(
        "epoch,step,train/loss,val/loss,val/accuracy,lr\n"
        "0,9,,,,0.1\n0,9,2.0,,,\n0,9,,2.2,0.3,\n1,19,1.0,,,\n1,19,,1.5,0.6,\n"
    )
    figure = plot_curves(path)
    panels = {ax.get_title(loc="left"): ax for ax in figure.axes}
    assert set(panels) == {"loss", "accuracy", "lr"}
    train, val = panels["loss"].lines
    assert (train.get_label(), val.get_label()) == ("train", "val")
    assert train.get_xydata().tolist() == [[0, 2.0], [1, 1.0]]
    assert val.get_xydata().tolist() == [[0, 2.2], [1, 1.5]]
    assert panels["lr"].get_legend() is None


def test_plot_curves_from_columns():
    figure = plot_curves({"train_loss_epoch": [3.0, 2.0], "test_acc": [0.1, 0.2]}, names=["acc"])
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "acc" and ax.get_xlabel() == "row"


def test_plot_curves_writes_a_picture_without_pyplot(tmp_path):
    import matplotlib.pyplot as plt

    plot_curves({"loss": [1.0, 2.0]}).savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert plt.get_fignums() == []


def test_plot_curves_errors(tmp_path):
    with pytest.raises(ValueError, match=r"no metric to draw.*\['epoch'\]"):
        plot_curves({"epoch": [0, 1]})
    with pytest.raises(ValueError, match=r"unknown metric 'acc', there are \['loss'\]"):
        plot_curves({"loss": [1.0]}, names=["acc"])
    with pytest.raises(ValueError, match="'loss' has 2 values, 'epoch' has 1"):
        plot_curves({"epoch": [0], "loss": [1.0, 2.0]})
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n0,1.0\n1,high\n")
    with pytest.raises(ValueError, match=r"metrics.csv, line 3, column 'loss'.*found 'high'"):
        plot_curves(path)
