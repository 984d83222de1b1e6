"""Sees every operation of a forward pass and counts what it costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from sgnkit.energy._aten import (
    CONVOLUTIONS,
    DOTS,
    EMPTY,
    FILLED,
    LOOKUPS,
    MATMULS,
    PRODUCTS,
    SUM_NAMES,
    SUMS,
)
from sgnkit.energy.operations import (
    convolution_events,
    convolution_macs,
    matmul_events,
    matmul_macs,
)
from sgnkit.energy.provenance import Kind, Origin, Provenance, Work, is_whole

__all__ = ["ANALOG", "GRADED", "REAL", "SUM", "OperationCounter", "Tally"]

ANALOG = "analog input: no neuron comes before"
REAL = "real operands: neither side of the product is spikes"
GRADED = "sums of spikes above 1: one event is several additions"
SUM = "sum of real values: it runs whether a spike comes or not"


@dataclass
class Tally:
    """What one layer does with one kind of operation, over the whole batch."""

    operations: float = 0.0
    mac: float = 0.0
    ac: float = 0.0
    analog: float = 0.0
    rated: float = 0.0
    synops: float = 0.0
    zeros: float = 0.0
    binary: float = 0.0
    reasons: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


class OperationCounter(TorchDispatchMode):
    """Counts the operations of all that runs inside, by layer and kind.

    `tallies[layer, kind]` holds the counts, `uncounted` the known costly operations that have no
    rule. Who knows which layer runs sets `layer`, and `paused` where nothing is to be seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.provenance = Provenance()
        self.layer = ""
        self.tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        self.uncounted: Counter[str] = Counter()
        self.paused = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        packet = func._overloadpacket
        if packet not in MATMULS and packet not in CONVOLUTIONS and packet not in SUMS:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        origin = self._origin(func, inputs, kwargs.get("out"))
        out = func(*args, **kwargs)
        outputs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if origin.is_data:
            rate = self._count(packet, args, kwargs, out)
            origin = origin if rate is None else replace(origin, rate=rate)
        self.provenance.spread(origin, inputs, outputs)
        if packet in PRODUCTS and len(inputs) == 2:
            self._weighted(inputs[0], inputs[1], out)
        return out

    def _origin(self, func: Any, inputs: list[Tensor], written: Any) -> Origin:
        """Returns what an operation makes of its inputs."""
        name = func._overloadpacket.__name__
        if name in EMPTY:
            return Origin(Kind.EMPTY)
        if name in FILLED:
            return Origin(Kind.CONSTANT)
        inputs = [tensor for tensor in inputs if tensor is not written]
        seen = [tensor for tensor in inputs if self.provenance.of(tensor).kind is not Kind.EMPTY]
        if len(seen) == len(inputs) or name.endswith("_"):  # such as copy_, which writes memory
            return self.provenance.combine(seen)
        if not any(tensor.is_floating_point() for tensor in seen):
            return Origin(Kind.EMPTY)
        self.uncounted["a kernel that PyTorch does not show"] += 1
        return self.provenance.combine(inputs)

    def _count(self, packet: Any, args: Any, kwargs: Any, out: Any) -> float | None:
        """Counts one operation and returns the firing rate of its input, if it has one."""
        if packet in MATMULS:
            return self._matmul(*(args[place] for place in MATMULS[packet]))
        if packet in CONVOLUTIONS:
            return self._convolution(args, out)
        if packet in DOTS:
            self._dot(args[0])
        elif packet in SUMS:
            self._sum(packet, args, kwargs)
        elif packet in LOOKUPS and len(args) > 6 and args[6] is not None:
            self._lookup(args[0], args[1])
        elif packet.__name__.startswith("segment_") and len(args) > 1:  # of torch-scatter
            self._aggregate(packet.__name__, args[0], packet.__name__.split("_")[1])
        elif packet in flop_registry or "fft" in packet.__name__ or "rnn" in packet.__name__:
            self.uncounted[packet.__name__] += 1
        return None

    def _matmul(self, a: Tensor, b: Tensor) -> float | None:
        a = a.unsqueeze(0) if a.dim() == 1 else a
        b = b.unsqueeze(1) if b.dim() == 1 else b
        a_spikes, b_spikes = self._spikes(a), self._spikes(b)
        events = synops = None
        if a_spikes or b_spikes:
            events = matmul_events(a, b, a_spikes, b_spikes)
            a_support = a.ne(0).to(a.dtype) if a_spikes else a
            b_support = b.ne(0).to(b.dtype) if b_spikes else b
            synops = matmul_events(a_support, b_support, a_spikes, b_spikes)
        rate = self._rate(a, b)
        self._add("matmul", matmul_macs(a, b), events, rate, synops, operands=(a, b))
        return rate

    def _convolution(self, args: Any, out: Tensor) -> float | None:
        x, weight, _, stride, padding, dilation, transposed, _, groups = args[:9]
        events = synops = None
        if self._spikes(x):
            geometry = (weight, out, stride, padding, dilation, transposed, groups)
            events = convolution_events(x, *geometry)
            synops = convolution_events(x.ne(0).to(x.dtype), *geometry)
        rate = self._rate(x)
        macs = convolution_macs(x, weight, out, transposed)
        self._add("conv", macs, events, rate, synops, operands=(x,))
        return rate

    def _sum(self, packet: Any, args: Any, kwargs: Any) -> None:
        name, values = packet.__name__, args[SUMS[packet]]
        if "index_put" in name:
            if (args[3] if len(args) > 3 else kwargs.get("accumulate", False)) is False:
                return
            reduce = "sum"
        elif "reduce" in name:
            reduce = args[1] if "segment" in name else args[4]
        else:
            reduce = "sum"
        self._aggregate(name, values, reduce)

    def _aggregate(self, name: str, values: Tensor, reduce: str) -> None:
        origin = self.provenance.of(values)
        if not origin.is_data:
            return
        if reduce not in SUM_NAMES:
            self.uncounted[f"{name} ({reduce})"] += 1
            return
        count = values.numel()
        if origin.work and origin.work.numel == count:
            self._add_work("aggregate", origin.work, values)
        elif self._spikes(values):
            events = float(values.abs().sum(dtype=torch.double))
            synops = int(values.count_nonzero())
            self._add("aggregate", count, events, self._rate(values), synops, operands=(values,))
        else:
            self._add("aggregate", count, count, self._rate(values), 0.0, operands=(values,))

    def _lookup(self, rows: Tensor, indices: Tensor) -> None:
        """Counts rows that are weighed and summed in one pass, one product a number looked up."""
        events = synops = None
        if self._spikes(rows):
            events = float(rows.abs().sum(1, dtype=torch.double)[indices].sum())
            synops = int(rows.count_nonzero(dim=1)[indices].sum())
        count = indices.numel() * rows.size(1)
        self._add("aggregate", count, events, self._rate(rows), synops, operands=(rows,))

    def _dot(self, products: Tensor) -> None:
        """Counts products that are summed right away; a sum alone is not counted."""
        work = self.provenance.of(products).work
        if work and work.numel == products.numel():
            self._add_work("matmul", work, products)

    def _weighted(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """Remembers what it takes to multiply these messages and to sum them later."""
        if min(a.numel(), b.numel()) < 2 or not out.is_floating_point():
            return
        for tensor in (a, b):
            if self.provenance.of(tensor).kind is Kind.CONSTANT and is_whole(tensor):
                return  # a mask selects, it does not multiply
        numel = out.numel()
        spikes = [tensor for tensor in (a, b) if self._spikes(tensor)]
        zeros, binary = self._values((a, b))
        work = Work(numel, float(numel), 0.0, 0.0, zeros, binary)
        if len(spikes) == 2:
            events = float(out.count_nonzero())
            work = work._replace(mac=0.0, ac=events, synops=events)
        elif spikes:
            spread = numel / spikes[0].numel()
            events = float(spikes[0].abs().sum(dtype=torch.double)) * spread
            synops = int(spikes[0].count_nonzero()) * spread
            work = work._replace(mac=0.0, ac=events, synops=synops)
        origin = replace(self.provenance.of(out), work=work, rate=self._rate(a, b))
        self.provenance.mark(out, origin)

    def _spikes(self, tensor: Tensor) -> bool:
        return self.provenance.of(tensor).kind is Kind.SPIKES and is_whole(tensor)

    def _rate(self, *operands: Tensor) -> float | None:
        """Returns the firing rate of the input of an operation, `None` before the first spike."""
        rates = []
        for tensor in operands:
            rate = self.provenance.of(tensor).rate
            if rate is not None and self._spikes(tensor) and tensor.numel():
                rate = int(tensor.count_nonzero()) / tensor.numel()
            if rate is not None:
                rates.append(rate)
        return sum(rates) / len(rates) if rates else None

    def _values(self, operands: tuple[Tensor, ...]) -> tuple[float, float]:
        """Returns the shares of zeros and of binary spikes in what comes from the clip.

        Of several such operands the mean share of zeros, and the largest share of binary spikes:
        one of them is enough to drive a product.
        """
        zeros, binary = [], []
        for tensor in operands:
            if tensor.layout is torch.strided and self.provenance.of(tensor).is_data:
                size = max(tensor.numel(), 1)
                zeros.append(1 - int(tensor.count_nonzero()) / size)
                low = ((tensor == 0) | (tensor == 1)).sum() if self._spikes(tensor) else 0
                binary.append(int(low) / size)
        return (sum(zeros) / len(zeros), max(binary)) if zeros else (0.0, 0.0)

    def _add_work(self, kind: str, work: Work, values: Tensor) -> None:
        rate = self._rate(values)
        shares = (work.zeros, work.binary)
        self._add(kind, work.numel, work.ac, rate, work.synops, mac=work.mac, shares=shares)

    def _add(
        self,
        kind: str,
        operations: float,
        events: float | None,
        rate: float | None,
        synops: float | None,
        *,
        operands: tuple[Tensor, ...] = (),
        mac: float = 0.0,
        shares: tuple[float, float] | None = None,
    ) -> None:
        zeros, binary = self._values(operands) if shares is None else shares
        mac = operations if events is None else mac
        tally = self.tallies[self.layer, kind]
        tally.operations += operations
        tally.mac += mac
        tally.ac += events or 0.0
        tally.analog += operations if rate is None else 0.0
        tally.rated += 0.0 if rate is None else rate * operations
        tally.synops += synops or 0.0
        tally.zeros += zeros * operations
        tally.binary += binary * operations
        if rate is None:
            tally.reasons[ANALOG] += operations
        elif mac:
            tally.reasons[REAL] += operations
        elif binary == 0 and not synops and events:
            tally.reasons[SUM] += operations
        elif binary < 1 and events:
            tally.reasons[GRADED] += operations
