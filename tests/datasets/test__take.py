import numpy as np

from sgnkit.datasets._programs import list_classes
from sgnkit.datasets._take import Draws, Subject, Take

PIN = [0.4821286018761155, 0.7241355726248441]


def test_draws_are_pinned():
    draws = Draws(seed=7, stream=0, number=3)
    assert draws.between(0.0, 1.0, 2).tolist() == PIN
    same, other = Draws(7, 0, 3), Draws(7, 1, 3)
    assert same.between(0.0, 1.0, 2).tolist() == PIN
    assert other.between(0.0, 1.0, 2).tolist() != PIN


def test_draws_have_the_right_spread():
    draws = Draws(0, 0, 0)
    bell = draws.bell(40_000)
    assert abs(bell.mean()) < 0.02 and abs(bell.std() - 1) < 0.02
    whole = [draws.whole(2, 4) for _ in range(300)]
    assert set(whole) == {2, 3, 4}
    even = draws.between(-1.0, 3.0, 10_000)
    assert even.min() >= -1 and even.max() < 3 and abs(even.mean() - 1) < 0.05


def take(label, index=0, num_persons=1, num_frames=(40, 40)):
    family, variant = list_classes(4, num_persons)[label]
    return Take(0, index, family, variant, Subject.drawn(0, 1), 1, num_frames)


def test_second_class_runs_the_first_one_backwards():
    def rises(angles):  # how fast both arms go up against how fast they go down
        lift = np.diff(angles[0, :, 3:5, 1].mean(axis=1))
        return lift.max() / -lift.min()

    forward = [rises(take(0, i).angles) for i in range(20)]
    backward = [rises(take(1, i).angles) for i in range(20)]
    assert np.median(forward) > 1.8 and np.median(backward) < 1 / 1.8


def test_two_persons_face_each_other():
    for index in range(6):
        clip = take(2, index, num_persons=2)
        x, mask = clip.film(np.zeros((2, 40, 3, 3)), noise=0.0, dropped=0.0)
        gap = np.linalg.norm(x[0, :, 0] - x[1, :, 0], axis=-1)
        assert x.shape == (2, 40, 3, 3) and mask.all()
        assert gap[0] > 2.4 and gap[-1] < 1.1  # approach


def test_dropped_share():
    clip = take(0, num_frames=(60, 60))
    for dropped in (0.0, 0.02, 0.2):
        _, mask = clip.film(np.zeros((1, 60, 500, 3)), noise=0.0, dropped=dropped)
        assert abs((~mask).mean() - dropped) <= 0.15 * dropped
