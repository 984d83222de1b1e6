from sgnkit.cli import main


def test_demo(tmp_path, capsys):
    assert main(["demo", "--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for word in ("accuracy", "parameters", "firing rate", "energy paper", "energy strict"):
        assert word in printed
    assert "The teacher changes the accuracy of base_sgn_small by" in printed
    pictures = {path.name for path in tmp_path.iterdir() if path.is_file()}
    runs = (
        "multimodal_gcn_small",
        "base_sgn_small",
        "mk_sgn_small",
        "base_sgn_small_distilled",
    )
    kinds = ("confusion.png", "curves.png", "report.html")
    expected = {f"{run}_{what}" for run in runs for what in kinds}
    assert pictures == {*expected, "mutual_information.png", "skeleton.gif"}
    for name in pictures:
        assert str(tmp_path / name) in printed
        assert (tmp_path / name).stat().st_size > 1000


def test_a_seed_out_of_range_is_an_error(tmp_path, capsys):
    assert main(["demo", "--quick", "--seed", "-1", "--output", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    for word in ("seed", "0 to 4294967295", "-1"):
        assert word in err
