"""What a step of MK-SGN asks of a GPU: calls of operations, and bytes that these read and write.

Counted on a CPU, in bfloat16 autocast, with every neuron of sgnkit as the one kernel that it is on
CUDA. A call is an operation of torch that is no view, about one launch of a kernel; its bytes are
those of its operands and results. Bytes a clip are what one clip more takes, weights left out.
The last rival has sgnkit's neurons: what is left is how the layers between them are written.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from benchmarks.harness import Options, Results
from benchmarks.network import RIVALS, SPIKINGJELLY, model_and_batch, rival_and_clips
from benchmarks.rivals import MultiStepNode, Network, spikingjelly_node
from sgnkit.nn import LIF, compile_neurons
from sgnkit.nn.neuron import _compiled

__all__ = ["Traffic", "run", "traffic"]

QUICK = (("mk_sgn_small", "NW-UCLA"),)
FULL = (*QUICK, ("mk_sgn", "NTU"))
JOINED = "Conv2d + einsum, neurons of sgnkit"


class Traffic(TorchDispatchMode):
    """Counts calls and bytes of the operations that run under it, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def count(self, name: str, *tensors: Any) -> None:
        """Adds one call with these operands and results."""
        self.calls[name] += 1
        found = {id(t): t for t in tree_leaves(tensors) if isinstance(t, Tensor)}
        self.bytes[name] += sum(t.numel() * t.element_size() for t in found.values())

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        out = function(*args, **(kwargs or {}))
        results = [t for t in tree_leaves(out) if isinstance(t, Tensor)]
        inputs = {t.untyped_storage()._cdata for t in tree_leaves(args) if isinstance(t, Tensor)}
        looks = all(t.untyped_storage()._cdata in inputs for t in results)  # a view, or in place
        name = function.overloadpacket.__name__
        made = name.startswith(("empty", "new_empty"))
        if not made and not (looks and not function._schema.is_mutable):
            self.count(name, args, kwargs, out)
        return out

    @contextlib.contextmanager
    def kernels(self) -> Iterator[Traffic]:
        """Counts, with compiled neurons as one call each way."""

        def forward(x: Tensor, *constants: Any) -> Tensor:
            with _disable_current_modes():
                out = _compiled.plain_forward(x, *constants)
            self.count("neuron", x, out)
            return out

        def backward(x: Tensor, grad: Tensor, *constants: Any) -> tuple[Tensor, Tensor | None]:
            with _disable_current_modes():
                out = _compiled.plain_backward(x, grad, *constants)
            self.count("neuron", x, grad, out)
            return out

        with mock.patch.multiple(_compiled, forward=forward, backward=backward), self:
            yield self


def traffic(
    name: str, data: str, node: Callable[[float], nn.Module] | None, train: bool, clips: int
) -> Traffic:
    """Returns what a step takes of a network, or of its rival with these neurons."""
    model, batch = model_and_batch(name, data, clips, "cpu")
    network, x = (model, batch) if node is None else rival_and_clips(model, batch, node)
    compile_neurons(network)
    network.train(train)
    with Traffic().kernels() as found, torch.autocast("cpu", torch.bfloat16):
        with torch.set_grad_enabled(train):
            loss = F.cross_entropy(network(x).float(), batch.y)
        if train:
            loss.backward()
    if isinstance(network, Network):
        network.reset()
    return found


def run(options: Options) -> Results:
    """Counts all networks."""
    results = Results("traffic", __doc__, replace(options, device="cpu"))
    sides: dict[str, Callable[[float], nn.Module] | None] = {
        "sgnkit": None,
        RIVALS[0]: MultiStepNode,
        RIVALS[1]: spikingjelly_node,
        JOINED: lambda v_th: LIF(v_th=v_th),
    }
    if results.optional(*SPIKINGJELLY) is None:
        del sides[RIVALS[1]]
    for name, data in FULL if options.full else QUICK:
        for work, train in (("training step", True), ("inference", False)):
            for side, node in sides.items():
                one, two = (traffic(name, data, node, train, clips) for clips in (1, 2))
                case = {"network": name, "shapes": data, "work": work, "side": side}
                taken = (two.bytes.total() - one.bytes.total()) / 1e6
                results.note(case, **{"MB a clip": taken, "calls": two.calls.total()})
    return results
