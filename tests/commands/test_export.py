import pytest

from sgnkit.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dt", "0"], "place:    --dt"),
        (["--num_frames", "-3"], "place:    --num_frames"),
        ([], "there is no such checkpoint"),
    ],
)
def test_mistakes(words, message, capsys):
    assert main(["export", "--format", "nir", "--ckpt", "nothing.pt", *words]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
