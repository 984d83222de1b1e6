"""Runs a model once and reports what it costs and how often its neurons fire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch_geometric.nn.aggr import Aggregation

from sgnkit.energy.batch import without_padding
from sgnkit.energy.counter import OperationCounter, Tally
from sgnkit.energy.presets import EnergyPreset, get_preset
from sgnkit.energy.provenance import Kind, Origin
from sgnkit.energy.report import EnergyReport, LayerCost, NeuronCost
from sgnkit.nn.neuron import LIF

__all__ = ["calibrate", "firing_rates", "profile"]

Neurons = tuple[type[nn.Module], ...]


def profile(
    model: nn.Module,
    batch: Any,
    *,
    preset: str | Path | EnergyPreset = "45nm",
    neurons: Neurons = (LIF,),
    num_clips: int | None = None,
) -> EnergyReport:
    r"""Estimates the energy of a forward pass, in the paper's and in the strict counting.

    The model runs once, in eval mode and without gradients, and is left as it was. Every matrix
    product, convolution and sum over edges is seen with its operands, also where it is written as
    a function. What is spikes is decided by origin and value: a tensor is spikes if it comes from
    a neuron, was only selected, moved or added to other spikes since, and holds whole numbers. So
    an input of zeros and ones is not. Persons who were never observed do not count. What
    `torch.compile` compiled runs uncompiled, so that no operation is hidden in a kernel.

    Args:
        model: A model or a single layer, spiking or not.
        batch: The input: a PyG `Data` or `Batch`, a tensor, a tuple of arguments, or a mapping of
            keyword arguments. It must be on the model's device.
        preset: Energy of an operation: a name, a YAML file, or an
            [`EnergyPreset`][sgnkit.energy.EnergyPreset].
        neurons: Classes of modules whose outputs are spikes.
        num_clips: Number of clips in the batch. Defaults to the number of graphs, or 1.

    Raises:
        ValueError: If the preset is unknown or `num_clips` is not positive.

    Examples:
        >>> from sgnkit.nn import LIF
        >>> net = nn.Sequential(nn.Linear(3, 8), LIF(), nn.Linear(8, 2, bias=False))
        >>> report = profile(net, torch.full((4, 5, 3), 9.0))
        >>> [(layer.name, layer.operations) for layer in report.layers]
        [('0', 480.0), ('2', 320.0)]
        >>> first, last = report.layers
        >>> first.strict_mac, last.strict_mac, last.strict_ac == 2 * report.neurons[0].spikes
        (480.0, 0.0, True)
    """
    preset = get_preset(preset)
    clips = getattr(batch, "num_graphs", 1) if num_clips is None else num_clips
    if clips < 1:
        raise ValueError(f"profile: num_clips must be positive, got {clips}")
    counter = OperationCounter()
    fired: dict[str, list[int]] = {}
    for weight in (*model.parameters(), *model.buffers()):
        counter.provenance.mark(weight, Origin(Kind.WEIGHT))
    names: list[str] = []

    def enter(name: str, module: nn.Module, inputs: Any) -> None:
        if not isinstance(module, Aggregation):  # the sum over edges belongs to its layer
            counter.layer = name
        names.append(counter.layer)
        counter.paused += isinstance(module, LIF)  # there are no products in a membrane

    def leave(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        names.pop()
        counter.layer = names[-1] if names else ""
        if isinstance(module, neurons):
            counter.paused += 1
            spikes = _spikes(output)
            rate = _note(fired, name, spikes) / max(spikes.numel(), 1)
            counter.provenance.mark(spikes, Origin(Kind.SPIKES, rate))
            counter.paused -= 1
        counter.paused -= isinstance(module, LIF)

    with _hooked(model, enter, leave), _slow_but_visible(), counter:
        _run(model, without_padding(batch))
    return EnergyReport(
        layers=tuple(_layer(*key, tally, clips) for key, tally in counter.tallies.items()),
        neurons=tuple(NeuronCost(k, n / clips, z / clips) for k, (n, z) in fired.items()),
        preset=preset,
        num_clips=clips,
        uncounted=dict(counter.uncounted),
    )


def firing_rates(model: nn.Module, batch: Any, *, neurons: Neurons = (LIF,)) -> dict[str, float]:
    """Returns the mean number of spikes for each neuron and step, by layer of neurons.

    The model runs once, in eval mode and without gradients, and is left as it was.

    Args:
        model: A model or a single layer.
        batch: The input, as in [`profile`][sgnkit.energy.profile].
        neurons: Classes of modules whose outputs are spikes.

    Examples:
        >>> from sgnkit.nn import LIF
        >>> firing_rates(nn.Sequential(LIF()), torch.full((6, 1), 1.5))
        {'0': 0.5}
    """
    fired: dict[str, list[int]] = {}

    def leave(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, neurons):
            _note(fired, name, _spikes(output))

    with _hooked(model, None, leave), _uncompiled():
        _run(model, without_padding(batch))
    return {name: spikes / updates for name, (updates, spikes) in fired.items() if updates}


def calibrate(model: nn.Module, batch: Any) -> nn.Module:
    """Gives the batch norms of an untrained model the statistics of a batch.

    Fresh statistics, mean 0 and variance 1, fit no data: the neurons of an untrained model would
    be silent or fire all the time. The model is changed in place and left in evaluation mode.

    Args:
        model: The model.
        batch: The input, as in [`profile`][sgnkit.energy.profile].

    Returns:
        The model.

    Examples:
        >>> norm = nn.BatchNorm1d(1)
        >>> calibrate(norm, torch.tensor([[1.0], [3.0]])).running_mean.tolist()
        [2.0]
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
        model.train()
        with torch.no_grad():
            _run(model, without_padding(batch))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    return model.eval()


@contextmanager
def _hooked(
    model: nn.Module, enter: Callable[..., None] | None, leave: Callable[..., None]
) -> Iterator[None]:
    """Calls back around every module, in eval mode and without gradients, and restores all."""
    training = {module: module.training for module in model.modules()}
    with ExitStack() as stack, torch.no_grad():
        for name, module in model.named_modules():
            name = ".".join(part for part in name.split(".") if part != "_orig_mod")
            if enter is not None:
                handle = module.register_forward_pre_hook(partial(enter, name))
                stack.callback(handle.remove)
            stack.callback(module.register_forward_hook(partial(leave, name)).remove)
        try:
            model.eval()
            yield
        finally:
            for module, mode in training.items():
                module.training = mode


@contextmanager
def _slow_but_visible() -> Iterator[None]:
    """Takes attention and compiled code apart into the products that they consist of."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), _uncompiled():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _uncompiled() -> AbstractContextManager[Any]:
    """Runs what `torch.compile` compiled as it was written."""
    set_stance = getattr(torch.compiler, "set_stance", None)  # since torch 2.6
    return nullcontext() if set_stance is None else set_stance("force_eager")


def _run(model: nn.Module, batch: Any) -> None:
    if isinstance(batch, tuple):
        model(*batch)
    elif isinstance(batch, Mapping):
        model(**batch)
    else:
        model(batch)


def _spikes(output: Any) -> Tensor:
    """Returns the spikes from what a neuron returns: a tensor, or spikes and state."""
    return output[0] if isinstance(output, tuple) else output


def _note(fired: dict[str, list[int]], name: str, spikes: Tensor) -> int:
    count = int(spikes.count_nonzero())
    tally = fired.setdefault(name, [0, 0])
    tally[0] += spikes.numel()
    tally[1] += count
    return count


def _layer(name: str, kind: str, tally: Tally, clips: int) -> LayerCost:
    digital = tally.operations - tally.analog
    return LayerCost(
        name=name,
        kind=kind,
        operations=tally.operations / clips,
        rate=tally.rated / digital if digital else None,
        paper_mac=tally.analog / clips,
        paper_ac=tally.rated / clips,
        strict_mac=tally.mac / clips,
        strict_ac=tally.ac / clips,
        synaptic_operations=tally.synops / clips,
        sparsity=tally.zeros / tally.operations if tally.operations else 0.0,
        binary=tally.binary / tally.operations if tally.operations else 0.0,
        reasons={reason: count / clips for reason, count in tally.reasons.items()},
    )
