import json
import subprocess
import sys

import pytest

from sgnkit._probes import PACKAGES, TORCH, Finding, Package, load
from sgnkit.cli import main
from sgnkit.commands import doctor


def fake(folder, name, source, version="1.0"):
    """Puts a package in front of the installed ones: a module and its metadata."""
    (folder / f"{name.replace('-', '_')}.py").write_text(source)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def broken_world(tmp_path, monkeypatch):
    """A folder of broken packages that processes started from here import first."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_runs_without_a_working_torch(broken_world):
    fake(broken_world, "torch", "raise OSError('libtorch_cpu.so: undefined symbol')", "2.13.0")
    command = [sys.executable, "-m", "sgnkit", "doctor", "--json"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    report = json.loads(result.stdout)
    assert report["healthy"] is False
    found = {finding["name"]: finding for finding in report["findings"]}
    assert found["torch"]["status"] == "broken"
    assert "undefined symbol" in found["torch"]["detail"]
    assert "pip install --force-reinstall 'torch" in found["torch"]["remedy"]
    assert "needs torch" in found["torch-geometric"]["detail"]
    assert found["numpy"]["status"] == "ok"
    assert report["devices"]["cores"] >= 1


def test_a_crash_takes_nothing_down(broken_world):
    fake(broken_world, "crashing", "import os; os.abort()")
    finding, _ = load(Package("crashing", "", "import crashing"), timeout=60)
    assert finding.status == "broken"
    assert finding.version == "1.0"
    assert "the interpreter died" in finding.detail


def test_a_hang_ends(broken_world):
    fake(broken_world, "hanging", "import time; time.sleep(60)")
    finding, _ = load(Package("hanging", None, "import hanging"), timeout=0.5)
    assert finding.status == "broken"
    assert "did not end within 0.5 s" in finding.detail
    assert not finding.required


def test_scatter_of_another_torch(broken_world):
    source = "raise OSError('_scatter_cpu.so: undefined symbol: _ZN3c10')"
    fake(broken_world, "torch-scatter", source, "2.1.2")
    probe = Package("torch-scatter", None, "import torch_scatter")
    finding, _ = load(probe, timeout=60)
    assert finding.status == "broken"
    assert "undefined symbol" in finding.detail
    assert "--no-build-isolation" in finding.remedy


def test_a_version_that_sgnkit_excludes(broken_world, monkeypatch):
    fake(broken_world, "lightning", "", "2.6.2")
    wanted = ["lightning!=2.6.2,!=2.6.3,>=2.4; extra == 'train'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    finding, _ = load(Package("lightning", "train", "import lightning"), timeout=60)
    assert finding.status == "broken"
    assert finding.detail == "sgnkit needs lightning!=2.6.2,!=2.6.3,>=2.4"
    assert finding.remedy == "python -m pip install 'lightning!=2.6.2,!=2.6.3,>=2.4'"


@pytest.mark.parametrize(
    ("extra", "status", "remedy"),
    [
        ("", "broken", "python -m pip install 'not-there'"),
        ("train", "absent", "python -m pip install 'sgnkit[train]'"),
        (None, "absent", ""),
    ],
)
def test_missing(extra, status, remedy):
    finding, _ = load(Package("not-there", extra, "import not_there"), timeout=60)
    assert (finding.status, finding.remedy) == (status, remedy)


def working(package, timeout):
    """Stands for `load` where everything is installed and loads."""
    output = '{"threads": 1, "cuda": [], "cuda_build": null, "mps": false}'
    return Finding(package.name, "ok", version="1.0"), output


def test_healthy(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "load", working)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for package in (TORCH, *PACKAGES):
        assert f"ok      {package.name}" in out
    assert "CUDA: none (torch built without CUDA)" in out
    assert "All that is required works." in out
    assert list(tmp_path.iterdir()) == []


def test_broken_torchvision_is_blamed(monkeypatch, tmp_path, capsys):
    def load(package, timeout):
        finding, output = working(package, timeout)
        if package.name in ("torchvision", "torchmetrics", "lightning"):
            finding.status, finding.required = "broken", package.extra is not None
            finding.remedy = f"mend {package.name}"
        return finding, output

    monkeypatch.setattr(doctor, "load", load)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "lightning: mend torchvision" in out
    assert "Something required is broken." in out


def test_folder_that_cannot_be_written(monkeypatch, tmp_path):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = doctor._examine_place("results", tmp_path / "runs" / "a")
    assert finding.status == "broken"
    assert finding.detail == f"cannot write to {tmp_path}: Permission denied"
    assert str(tmp_path) in finding.remedy


def test_folder_that_is_yet_to_be_made(tmp_path):
    finding = doctor._examine_place("results", tmp_path / "runs")
    assert finding.status == "ok"
    assert finding.detail == str(tmp_path / "runs")
