import shutil
import subprocess

import pytest

from sgnkit.cli import main
from sgnkit.commands import COMMANDS
from sgnkit.commands.completion import SHELLS, experiment_keys
from sgnkit.commands.train import KEYS

pytest.importorskip("shtab")


@pytest.mark.parametrize("shell", SHELLS)
def test_script(shell, capsys, tmp_path):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in COMMANDS:
        assert name.split()[-1] in script
    for key in ("trainer.max_epochs", "optim.label_smoothing", "mk_sgn_small", "pose-pickle"):
        assert key in script
    file = tmp_path / "script"
    file.write_text(script)
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(file)], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(capsys, tmp_path):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)

    def complete(*words):
        line = " ".join(f"'{word}'" for word in ("sgnkit", *words))
        code = (
            f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _shtab_sgnkit; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert complete("en") == {"energy", "ensemble"}
    assert complete("data", "ch") == {"check"}
    assert complete("energy", "--syn") == {"--synthetic"}
    assert complete("train", "--optim.label") == {"--optim.label_smoothing"}
    assert complete("export", "--format", "o") == {"onnx"}
    assert complete("train", "--model.name", "mk_sgn_") == {"mk_sgn_small"}


def test_keys_of_the_help_exist():
    keys = {key for key, _, _ in experiment_keys()}
    assert set(KEYS) - {"data.name", "data.root"} <= keys
    assert {"optim.lr", "trainer.max_epochs", "distill.temperature"} <= keys


def test_unknown_shell(capsys):
    assert main(["completion", "powershell"]) == 2
    assert "'bash'" in capsys.readouterr().err
