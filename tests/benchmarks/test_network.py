from benchmarks.harness import Options, Results
from benchmarks.machine import free_gb, machine
from benchmarks.network import FULL, QUICK, RECOMPUTED, RETURNED, fits


def case(name, data, batch, work="training step"):
    return {"network": name, "shapes": data, "batch": batch, "work": work}


def test_what_does_not_fit_is_left_out_and_named(capsys, monkeypatch):
    results = Results("network", "About.", Options())
    monkeypatch.setattr("benchmarks.network.free_gb", lambda: 16.0)
    assert all(fits(results, case(*QUICK[0]), side) for side in ("sgnkit", "Conv2d + einsum"))
    large = case("mk_sgn", "NTU", 16)
    assert fits(results, large, "sgnkit") and not fits(results, large, "Conv2d + einsum")
    assert "Conv2d + einsum, mk_sgn, NTU, batch 16, training step" in results.missing
    assert "would need about" in capsys.readouterr().out
    # all sides together were stopped by a system of 25 GB
    assert not fits(results, case("mk_sgn", "NTU", 64, "inference"), "Conv2d + einsum")
    assert fits(results, case("mk_sgn", "NTU", 16, "inference"), "Conv2d + einsum")
    # one after the other, with memory returned, and blocks run again, they have room
    assert fits(results, case("mk_sgn", "NTU", 64, RETURNED), "Conv2d + einsum")
    assert fits(results, case("mk_sgn", "NTU", 16, RECOMPUTED), "Conv2d + einsum")


def test_free_memory_is_less_than_all_of_it():
    assert 0.1 < free_gb() < machine()["memory_gb"] + 0.1


def test_all_sizes_of_the_full_set():
    assert set(QUICK) < set(FULL)
    assert len(set(FULL)) == len(FULL) == 2 * 2 * 2 + 1
