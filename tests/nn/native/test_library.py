"""Compiling the loops: once, kept on disk, and doing without."""

import ctypes
import itertools
import os
import platform
import shutil
import subprocess
import sys

import pytest
import torch

from sgnkit.nn import LIF, BatchNorm
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


INSTRUCTIONS = {"x86-64": "sse2", "haswell": "avx2", "skylake-avx512": "avx512bw"}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="another kind of CPU")
@pytest.mark.parametrize("cpu", INSTRUCTIONS)
def test_bfloat16_on_older_cpus(cpu, fresh, monkeypatch):
    if INSTRUCTIONS[cpu] not in module._cpu().split() or not shutil.which("c++"):
        pytest.skip(f"no compiler, or a CPU without {INSTRUCTIONS[cpu]}")
    flags = [f"-march={cpu}" if "-march" in flag else flag for flag in module._FLAGS]
    monkeypatch.setattr(module, "_FLAGS", ("-O1", *flags[1:]))  # quick
    monkeypatch.setattr(module, "_SOURCES", ("neurons.cpp",))
    for steps, channels, soft in itertools.product((1, 2, 4, 6), (24, 96), (False, True)):
        found = []
        for dtype in (torch.float32, torch.bfloat16):
            torch.manual_seed(0)
            norm, neuron = BatchNorm(channels), LIF(soft_reset=soft, backend="compiled")
            x = (torch.randn(steps, 30, channels) * 2).bfloat16().to(dtype).requires_grad_()
            grad = torch.randn(x.shape).bfloat16().to(dtype)
            alone, joined = neuron(x), norm_fire(norm, neuron, x)
            slopes = torch.autograd.grad(joined, (x, *norm.parameters()), grad)
            found.append((alone, joined, *torch.autograd.grad(alone, x, grad), *slopes))
        for wide, narrow in zip(*found, strict=True):
            assert wide.abs().max() > 0.1
            torch.testing.assert_close(narrow.float(), wide.float(), rtol=2**-7, atol=2**-8)
