import json
import time

import pytest
import torch

from benchmarks import harness
from benchmarks.harness import Options, Results, compare, noise, use_threads
from benchmarks.memory import peak

QUICK = Options(threads=(1,), rounds=5, seconds=0.2)


def test_ratios():
    sides = {"one": lambda: time.sleep(0.004), "three": lambda: time.sleep(0.012)}
    timings = compare(sides, QUICK)
    assert timings["three"].over["one"] == pytest.approx(3, rel=0.4)
    assert timings["three"].over["one"] == pytest.approx(1 / timings["one"].over["three"], rel=0.1)
    assert timings["one"].low <= timings["one"].ms <= timings["one"].high
    assert 3 <= timings["one"].rounds <= 5


def test_sides_take_turns():
    calls = []
    compare({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, QUICK, warm=0)
    text = "".join(calls).lstrip("ab"[0])
    runs = [name for i, name in enumerate(text) if i == 0 or text[i - 1] != name]
    assert len(runs) >= 4


def test_long_work_is_warm_after_one_call(monkeypatch):
    monkeypatch.setattr(harness, "LONG", 0.01)
    calls = []

    def side():
        calls.append(1)
        time.sleep(0.02)

    compare({"a": side}, Options(threads=(1,), rounds=3, seconds=0))
    assert len(calls) == 1 + 3


def test_noise_has_no_zeros_and_stays_the_same():
    x = noise(50, 60, dtype=torch.bfloat16)
    assert (x != 0).all() and x.dtype == torch.bfloat16
    assert torch.equal(x, noise(50, 60, dtype=torch.bfloat16))
    assert x.float().std() == pytest.approx(1, abs=0.1)


def test_threads_come_back():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), use_threads(3):
        assert torch.get_num_threads() == 3
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_results(tmp_path, capsys):
    results = Results("copies", "Copies tensors.\n\nMore words.", QUICK)
    x = noise(100, 100)
    timings = compare({"clone": x.clone, "twice": lambda: 2 * x}, QUICK)
    results.add({"size": 100}, timings, reference="clone", extra=1.0)
    results.note({"case": "other"}, seconds=1.23456789, text="fine")
    assert results.optional("no_such_package", "no-such-package") is None
    found = json.loads(results.write(tmp_path).read_text(encoding="utf-8"))
    assert found["about"] == "Copies tensors."
    assert found["rows"][0]["sides"]["clone"]["ratio"] == 1
    assert found["rows"][0]["extra"] == 1
    assert found["rows"][1]["values"] == {"seconds": 1.235, "text": "fine"}
    assert "--target .cache/rivals no-such-package" in found["missing"]["no_such_package"]
    assert found["machine"]["cores"] >= 1 and found["machine"]["versions"]["torch"]
    assert "| 100 |" in (tmp_path / "copies.md").read_text(encoding="utf-8")
    assert "twice" in capsys.readouterr().out


def hold(megabytes):
    def work():
        return torch.ones(megabytes, 250_000).sum()

    return work


def fail(number):
    raise ValueError(f"no {number}")


@pytest.mark.slow
def test_peak():
    assert peak(hold, 200) == pytest.approx(200, rel=0.3)
    with pytest.raises(RuntimeError, match="ValueError: no 3"):
        peak(fail, 3)
