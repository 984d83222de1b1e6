import numpy as np
import pytest
import torch

from sgnkit.datasets._columns import Column, ColumnWriter, encode

VALUES = [
    *(True, False, 0, -7, 2**62, 1.5, -0.0, float("inf")),
    *("", "käse \udc80 \U0001f600", None, 2**70, [1, "a", None], {"a": [1.5, {"b": False}]}),
    *(torch.tensor(3.0), torch.zeros(0, 4), torch.arange(6).view(2, 3), torch.rand(2, 3, 4).half()),
    *(torch.rand(3).bfloat16(), torch.tensor([1 + 2j]), torch.rand(2, 2).double()),
    *(torch.rand(5).to(torch.float8_e5m2), torch.tensor([True] * 9), torch.rand(3, 7) > 0.5),
    *(torch.tensor(False), torch.tensor(True), torch.zeros(0, dtype=torch.bool)),
    *(np.arange(3, dtype=np.uint16), np.random.rand(2, 2), np.array(True), np.ones((2, 9), bool)),
]


def same(a, b):
    if isinstance(a, torch.Tensor):
        bits = [t.contiguous().flatten().view(torch.uint8) for t in (a, b)]
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*bits)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_any_value_comes_back(tmp_path, value):
    writer = ColumnWriter(tmp_path, 0, "a/b c", encode(value))
    for _ in range(3):
        writer.append(encode(value))
    facts = writer.close(num_clips=3)
    assert facts["stem"] == "00_a_b_c" and not facts["sparse"]
    column = Column(tmp_path, **facts)
    found = column.read([0, 2])
    assert len(found) == 2 and all(same(item, value) for item in found)


def test_gaps(tmp_path):
    writer = ColumnWriter(tmp_path, 0, "text", encode("first"))
    writer.skip(2)
    writer.append(encode("first"))
    writer.skip(1)
    writer.append(encode("second"))
    column = Column(tmp_path, **writer.close(num_clips=5))
    assert [column.present(i) for i in range(5)] == [False, False, True, False, True]
    assert column.read([4, 2]) == ["second", "first"] and column.absent()


@pytest.mark.parametrize(
    "value",
    [
        torch.eye(2).to_sparse(),
        torch.nn.Parameter(torch.ones(2)),
        np.array(["a"]),
        np.float32(1),
        (1, 2),
        {1: 2},
        {"a": (1, 2)},
        object(),
        np.array([1], dtype=">i4"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_not_come_back_is_refused(value):
    with pytest.raises(TypeError):
        encode(value)


def test_an_unwritable_name_of_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="file name"):
        Column(tmp_path, key="a", stem="../a", kind="int", dtype="int64", ndim=0, sparse=False)


def test_one_number_of_each_is_joined(tmp_path):
    def column(name, *values):
        (tmp_path / name).mkdir()
        writer = ColumnWriter(tmp_path / name, 0, "y", encode(values[0]))
        for value in values:
            writer.append(encode(value))
        return Column(tmp_path / name, **writer.close(len(values)))

    labels = column("labels", *(torch.tensor([k]) for k in (4, 2, 7)))
    found = labels.joined([2, 0])
    assert found.tolist() == [7, 4] and found.dtype == torch.int64
    assert column("pairs", torch.ones(2), torch.ones(1)).joined([0, 1]) is None
    assert column("words", "a", "b").joined([0]) is None
