"""Kept memory: a step finds the pages of the step before."""

import subprocess
import sys

import pytest

from sgnkit.training import keep_memory

# Six tensors of 64 MB, one after the other, as in a training step: page faults of the last five.
STEP = """
import resource
import sys
import torch
from sgnkit.training import keep_memory

if sys.argv[1] == "kept":
    assert keep_memory()
for i in range(6):
    torch.ones(16 * 2**20)
    if i == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word):
    run = subprocess.run(
        [sys.executable, "-c", STEP, word], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(not keep_memory(), reason="the C library is not that of GNU")
def test_tensors_take_the_pages_of_those_before():
    returned = faults("returned")
    assert returned >= 5 * 64  # pages have at most 1 MB
    # one block may be new: where something small has come to lie in the first one
    assert faults("kept") < 0.3 * returned


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_memory() is False
