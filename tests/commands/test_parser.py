import pytest

from sgnkit.commands.parser import CommandParser, KeyParser
from sgnkit.errors import ConfigError


def test_mistakes_name_the_nearest_option():
    sub = CommandParser("energy")
    sub.add_argument("--clips", type=int)
    for words, message in (
        (["--clisp=3"], "no option '--clisp'; did you mean '--clips'"),
        (["more"], "'more' is too much"),
        (["--clips", "many"], "invalid int value: 'many'"),
        (["--clips"], "expected one argument"),
    ):
        with pytest.raises(ConfigError, match="remedy:   sgnkit energy --help") as info:
            sub.parse_args(words)
        assert message in str(info.value)


def test_options_cannot_be_abbreviated():
    with pytest.raises(ConfigError):
        CommandParser("energy").parse_args(["--qui"])


def test_key_parser_hands_all_words_on(capsys):
    sub = KeyParser("train")
    options = sub.parse_args(["--quiet", "--optim.lr", "1", "--json", "--config", "a.yaml"])
    assert options.words == ["--optim.lr", "1", "--config", "a.yaml"]
    assert (options.quiet, options.json, options.debug) == (True, True, False)
    assert sub.parse_args(["--help_all"]).words == ["--help"]
    with pytest.raises(SystemExit):
        sub.parse_args(["--config", "a.yaml", "-h"])
    assert "usage: sgnkit train --config FILE" in capsys.readouterr().out
