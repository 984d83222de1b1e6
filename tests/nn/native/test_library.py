"""Compiling the loops: once, kept on disk, and doing without."""

import ctypes
import os
import subprocess
import sys

import pytest
import torch

from sgnkit.nn import LIF
from sgnkit.nn.native import library as module
from sgnkit.nn.neuron import _compiled
from sgnkit.nn.norm_fire import norm_fire


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    module.library.cache_clear()
    yield tmp_path
    module.library.cache_clear()


def test_without_a_compiler(fresh, monkeypatch):
    monkeypatch.setenv("CXX", str(fresh / "no-such-compiler"))
    neuron = LIF(backend="compiled")
    monkeypatch.setattr(_compiled, "_broken", True)  # nor can torch.compile
    x = torch.rand(3, 4, 5) * 2
    with pytest.warns(UserWarning, match="C\\+\\+ loops are not available.*no-such-compiler"):
        out = norm_fire(None, neuron, x)
    assert torch.equal(out, LIF(backend="norse")(x))


def test_a_broken_compiler(fresh, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.warns(UserWarning, match="not available"):
        assert module.library() is None
    assert not list((fresh / "sgnkit").iterdir())  # nothing half-made stays


@pytest.mark.skipif(module.library() is None, reason="no C++ compiler")
def test_second_process_finds_the_file(fresh, monkeypatch):
    monkeypatch.setattr(module, "_FLAGS", ("-O0", *module._FLAGS[1:]))  # quick
    path = module._compiled()
    assert isinstance(ctypes.CDLL(str(path)).sgnkit_stats, ctypes._CFuncPtr)
    stamp = path.stat().st_mtime_ns
    monkeypatch.setattr(module, "_run", lambda *_: pytest.fail("compiled again"))
    assert module._compiled() == path
    assert path.stat().st_mtime_ns == stamp


def test_nothing_compiles_at_import(tmp_path):
    env = {**os.environ, "TORCH_EXTENSIONS_DIR": str(tmp_path)}
    code = "import sgnkit.nn; sgnkit.create_model('base_sgn', layout='ntu25', num_classes=2)"
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert not list(tmp_path.iterdir())
