from sgnkit.demo import main


def test_demo(tmp_path, capsys):
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for word in ("accuracy", "parameters", "firing rate", "energy paper", "energy strict"):
        assert word in printed
    pictures = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert pictures == {
        "base_sgn_small_confusion.png",
        "base_sgn_small_curves.png",
        "mk_sgn_small_confusion.png",
        "mk_sgn_small_curves.png",
        "mutual_information.png",
        "skeleton.gif",
    }
    for name in pictures:
        assert str(tmp_path / name) in printed
        assert (tmp_path / name).stat().st_size > 1000
