import pytest

from benchmarks.scaling import Cluster, step_time


def test_one_gpu_and_a_free_network():
    assert step_time(0.1, 10**7, 30, 1, Cluster())["step"] == 0.1
    free = Cluster(inside=1e30, between=1e30, inside_latency=0, between_latency=0)
    assert step_time(0.1, 10**7, 30, 64, free)["efficiency"] == pytest.approx(1)


def test_by_hand():
    cluster = Cluster(inside=1e9, inside_latency=1e-3, overlap=0.5)
    found = step_time(1.0, 4 * 10**9, 3, 4, cluster)
    assert found["gradients"] == pytest.approx(2 * 3 / 4 * 4 + 6e-3)
    assert found["norms"] == pytest.approx(2 * 3 * 4e-3)
    assert found["step"] == pytest.approx(1 + 0.5 * 6.006 + 0.024)
    assert found["efficiency"] == pytest.approx(1 / found["step"])


def test_more_machines_take_the_slow_link():
    times = [step_time(0.1, 10**8, 30, gpus, Cluster())["step"] for gpus in (1, 2, 8, 9, 64)]
    assert times == sorted(times)
    assert times[3] - times[2] > times[2] - times[1]
