import numpy as np
import pytest
import torch


@pytest.fixture
def assert_same_clips():
    """Compares clips by their names: all attributes, to the last bit."""

    def compare(found, expected):
        found = {data.name: data for data in found}
        assert found.keys() == {data.name for data in expected}
        for data in expected:
            other = found[data.name]
            assert set(other.keys()) == set(data.keys())
            for key in data.keys():  # noqa: SIM118, a clip is no dict
                if isinstance(data[key], torch.Tensor):
                    assert other[key].dtype is data[key].dtype, key
                    assert torch.equal(other[key], data[key]), key
                else:
                    assert other[key] == data[key], key

    return compare


def recording(frames, end="\n", joints=25):
    """Returns the text of a `.skeleton` file.

    Args:
        frames: For each frame, the coordinates (25, 3) of bodies by their ids.
        end: Line end, LF or CRLF.
        joints: Number of joints that each body claims to have.
    """
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, x in bodies.items():
            lines += [f"{body} 0 1 1 1 1 0 0.02764709 0.05745083 2", str(joints)]
            for point in np.asarray(x):
                values = " ".join(f"{value:.7g}" for value in point)
                lines.append(f"{values} 277.419 191.8218 1036.233 519.1677 -0.2 0.05 0.97 -0.1 2")
    return end.join(lines) + end


@pytest.fixture
def write_recording():
    """Writes a `.skeleton` file; without frames, one body in four frames."""

    def write(path, frames=None, end="\n"):
        if frames is None:
            rng = np.random.default_rng(sum(map(ord, path.stem)))
            frames = [{"72057594037931101": rng.normal(size=(25, 3))} for _ in range(4)]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(recording(frames, end).encode())
        return path

    return write
