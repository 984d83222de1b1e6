import csv
import json

from sgnkit.cli import main


def test_trained_and_untrained_in_one_table(finished, config, tmp_path, capsys):
    outs = [tmp_path / f"energy.{ending}" for ending in ("json", "csv", "md", "txt", "png")]
    words = [word for out in outs for word in ("--out", str(out))]
    ckpt = ["--ckpt", str(finished / "weights.pt"), "--config", str(config), "--audit"]
    capsys.readouterr()
    assert main(["energy", *ckpt, "--clips", "3", *words]) == 0
    printed = capsys.readouterr().out
    assert f"({finished.name}/weights.pt): trained, 3 test clips of SyntheticActions" in printed
    assert "untrained, batch norms fitted, 3 test clips" in printed
    for word in ("encoders.0", "analog input", "strict mJ", "not measured"):
        assert word in printed
    values = json.loads(outs[0].read_text())
    assert len(values) == 2 and all(report["estimate"] for report in values.values())
    with outs[1].open(newline="") as file:
        assert {row["network"] for row in csv.DictReader(file)} == set(values)
    assert outs[2].read_text().startswith("| network |")
    assert "Not spike-driven" in outs[3].read_text()
    assert outs[4].read_bytes().startswith(b"\x89PNG")


def test_one_network_and_two_presets(finished, tmp_path, capsys):
    own = tmp_path / "chip.yaml"
    own.write_text("mac_pj: 1.0\nac_pj: 0.5\n")
    out = tmp_path / "energy.csv"
    words = ["--ckpt", str(finished / "checkpoints" / "last.ckpt"), "--clips", "1", "--synthetic"]
    assert main(["energy", *words, "--frames", "6", "--preset", str(own), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1 pJ x MAC + 0.5 pJ x AC (chip)" in printed
    assert "1 synthetic clips, 6 frames" in printed and out.exists()
    assert main(["energy", *words, "--preset", "45nm", "--preset", "45nm-int8"]) == 0
    assert "(45nm-int8)" in capsys.readouterr().out


def test_mistakes(tmp_path, config, capsys):
    for words, message in (
        (["--model", "mk_sng"], "mk_sgn"),
        (["--model", "mk_sgn_small", "--preset", "3nm"], "unknown energy preset '3nm'"),
        (["--model", "mk_sgn_small", "--out", "a.doc"], "cannot write this kind of file"),
        (["--model", "mk_sgn_small", "--persons", "3"], "1 or 2 persons"),
        (["--model", "mk_sgn_small", "--frames", "0"], "must be positive"),
        (["--ckpt", "nothing.pt"], "there is no such checkpoint"),
        (["--config", str(config), "--preset", str(tmp_path / "x.yaml")], "x.yaml"),
    ):
        assert main(["energy", *words]) == 2
        err = capsys.readouterr().err
        assert message in err and err.startswith("sgnkit energy: ")
    assert main(["energy"]) == 2
    assert "no network is named" in capsys.readouterr().err
