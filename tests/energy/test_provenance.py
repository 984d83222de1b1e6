import torch

from sgnkit.energy.provenance import Kind, Origin, Provenance, is_whole


def test_what_is_not_known_is_data_or_index():
    known = Provenance()
    assert known.of(torch.rand(2)).kind is Kind.REAL
    assert known.of(torch.tensor([1])).kind is Kind.CONSTANT
    assert known.of(torch.tensor([True])).kind is Kind.CONSTANT


def test_views_share_their_origin():
    known, x = Provenance(), torch.rand(4, 4)
    known.mark(x[1], Origin(Kind.SPIKES, 0.5))
    assert known.of(x) == known.of(x.t()[2:]) == Origin(Kind.SPIKES, 0.5)


def test_combine():
    known = Provenance()
    tensors = {kind: torch.rand(2) for kind in Kind}
    for kind, tensor in tensors.items():
        known.mark(tensor, Origin(kind, 0.25 if kind is Kind.SPIKES else None))

    def kind(*kinds):
        return known.combine(tensors[k] for k in kinds).kind

    assert kind(Kind.SPIKES, Kind.SPIKES) is Kind.SPIKES
    assert kind(Kind.SPIKES, Kind.CONSTANT) is Kind.SPIKES
    assert kind(Kind.SPIKES, Kind.WEIGHT) is Kind.REAL
    assert kind(Kind.SPIKES, Kind.REAL) is Kind.REAL
    assert kind(Kind.WEIGHT, Kind.CONSTANT) is Kind.WEIGHT
    assert kind(Kind.WEIGHT, Kind.EMPTY) is Kind.REAL
    assert kind() is Kind.CONSTANT
    assert known.combine([tensors[Kind.SPIKES], tensors[Kind.WEIGHT]]).rate == 0.25


def test_a_mask_from_data_selects_without_changing_the_kind():
    known, mask, spikes = Provenance(), torch.tensor([True]), torch.ones(1)
    known.mark(mask, Origin(Kind.REAL))
    known.mark(spikes, Origin(Kind.SPIKES, 1.0))
    assert known.combine([mask, spikes]).kind is Kind.SPIKES
    assert known.combine([mask]).kind is Kind.REAL


def test_a_new_tensor_in_old_memory_is_not_known():
    known = Provenance()
    for _ in range(20):
        x = torch.rand(1000)
        assert known.of(x).kind is Kind.REAL
        known.mark(x, Origin(Kind.SPIKES, 0.5))
        del x


def test_is_whole():
    assert is_whole(torch.tensor([0.0, 1.0, 3.0, -1.0]))
    assert not is_whole(torch.tensor([0.0, 0.5]))
    assert is_whole(torch.tensor([2])) and is_whole(torch.zeros(0))
