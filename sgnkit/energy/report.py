"""What a forward pass costs, by layer, in the two countings of the literature."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sgnkit.energy import table
from sgnkit.energy.presets import EnergyPreset, get_preset

__all__ = ["EnergyReport", "LayerCost", "NeuronCost"]

COUNTS = (
    *("operations", "synaptic_operations"),
    *("paper_mac", "paper_ac", "strict_mac", "strict_ac"),
)


@dataclass(frozen=True)
class LayerCost:
    """Operations of one layer and kind, for one clip.

    Args:
        name: Name of the module in the model; empty for the model itself.
        kind: `"matmul"`, `"conv"` or `"aggregate"` (sums of messages over edges).
        operations: Dense operations, all spiking steps included.
        rate: Firing rate of the input, `None` where no neuron comes before.
        paper_mac: MAC in the paper's counting: all operations before the first neuron.
        paper_ac: AC in the paper's counting: operations times the firing rate of their input.
        strict_mac: MAC in the strict counting: operations on two real operands.
        strict_ac: AC in the strict counting: additions that spikes really cause.
        synaptic_operations: Operations that an event starts: one for each spike, whatever its
            value, and each place that it reaches.
        sparsity: Share of zeros in the input, real or spikes.
        binary: Share of the input that is spikes of value 0 or 1.
        reasons: Why operations are not spike-driven, and how many are not for this reason.
    """

    name: str
    kind: str
    operations: float
    rate: float | None
    paper_mac: float
    paper_ac: float
    strict_mac: float
    strict_ac: float
    synaptic_operations: float = 0.0
    sparsity: float = 0.0
    binary: float = 0.0
    reasons: dict[str, float] = field(default_factory=dict)

    @property
    def spike_driven(self) -> bool:
        """Whether every operation is an addition that a single binary spike starts."""
        return not self.reasons

    def energy(self, preset: EnergyPreset) -> tuple[float, float]:
        """Returns the energy in the paper's and in the strict counting, in picojoules."""
        paper = preset.mac_pj * self.paper_mac + preset.ac_pj * self.paper_ac
        return paper, preset.mac_pj * self.strict_mac + preset.ac_pj * self.strict_ac


@dataclass(frozen=True)
class NeuronCost:
    """Membrane updates and spikes of one layer of neurons, for one clip.

    Attributes:
        name: Name of the layer in the network.
        updates: Membrane updates over all nodes, frames and steps.
        spikes: Spikes among them.
    """

    name: str
    updates: float
    spikes: float

    @property
    def rate(self) -> float:
        """Spikes for each neuron and step."""
        return self.spikes / self.updates if self.updates else 0.0


@dataclass(frozen=True)
class EnergyReport:
    r"""Estimate of the energy of a forward pass, for one clip.

    $$
    E = e_{\mathrm{MAC}} \cdot \mathrm{MAC} + e_{\mathrm{AC}} \cdot \mathrm{AC}
    $$

    It is an estimate from counted operations, not a measurement. Batch-norm folds into the
    product before it; biases, other elementwise work, membrane updates and memory traffic
    are not in the totals. Updates and spikes are listed in `neurons`.

    Args:
        layers: Cost of each layer that does any product or sum of messages.
        neurons: Updates and spikes of each layer of neurons.
        preset: Energy of a MAC and an AC.
        num_clips: Number of clips that the counts were divided by.
        uncounted: Costly operations that have no rule and how often they ran.
    """

    layers: tuple[LayerCost, ...]
    neurons: tuple[NeuronCost, ...]
    preset: EnergyPreset
    num_clips: int = 1
    uncounted: dict[str, int] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, float]:
        """Energy `paper`, `strict`, and `dense` (were every operation a MAC), in mJ for a clip."""
        energies = [layer.energy(self.preset) for layer in self.layers]
        operations = sum(layer.operations for layer in self.layers)
        return {
            "paper": sum(paper for paper, _ in energies) * 1e-9,
            "strict": sum(strict for _, strict in energies) * 1e-9,
            "dense": operations * self.preset.mac_pj * 1e-9,
        }

    @property
    def counts(self) -> dict[str, float]:
        """Operations and synaptic operations for a clip, and MAC and AC of both countings."""
        return {name: sum(getattr(layer, name) for layer in self.layers) for name in COUNTS}

    @property
    def kinds(self) -> tuple[LayerCost, ...]:
        """The same costs, one row for each kind of operation."""
        names = dict.fromkeys(layer.kind for layer in self.layers)
        return tuple(
            merged(kind, (layer for layer in self.layers if layer.kind == kind)) for kind in names
        )

    @property
    def total(self) -> LayerCost:
        """The sum of all costs."""
        return merged("", self.layers)

    @property
    def not_spike_driven(self) -> tuple[LayerCost, ...]:
        """The layers with operations that a binary spike does not start; `reasons` says why."""
        return tuple(layer for layer in self.layers if not layer.spike_driven)

    @property
    def firing_rate(self) -> float:
        """Spikes for each neuron and step, over all neurons."""
        updates = sum(neuron.updates for neuron in self.neurons)
        return sum(neuron.spikes for neuron in self.neurons) / updates if updates else 0.0

    def with_preset(self, preset: str | EnergyPreset) -> EnergyReport:
        """Returns the same counts under another preset."""
        own = get_preset(preset)
        return EnergyReport(self.layers, self.neurons, own, self.num_clips, self.uncounted)

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as plain values, for JSON."""
        rows = table.rows(self)
        values = {**asdict(self), "totals": self.totals, "counts": self.counts}
        for layer, row in zip(values["layers"], rows, strict=True):
            layer.update(paper_pj=row["paper_pj"], strict_pj=row["strict_pj"])
        return {"estimate": True, **values}

    def table(self) -> str:
        """Returns a table: one row for each layer and kind of operation, and the totals."""
        return table.text(self)

    def audit(self) -> str:
        """Returns a list of the operations that are not spike-driven, and why."""
        return table.audit(self)

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        return table.markdown(self)

    def to_csv(self) -> str:
        """Returns one line for each layer and kind, with full numbers."""
        return table.csv_text(table.rows(self))

    def save(self, path: str | Path) -> None:
        """Writes the report; the ending says how: `.json`, `.csv`, `.md` or `.txt`.

        Raises:
            ValueError: If the ending is another one.
        """
        path = Path(path)
        if path.suffix == ".json":
            content = json.dumps(self.to_dict(), indent=1) + "\n"
        elif path.suffix == ".csv":
            content = self.to_csv()
        elif path.suffix == ".md":
            content = self.to_markdown() + "\n"
        elif path.suffix == ".txt":
            content = f"{self.table()}\n\n{self.audit()}\n"
        else:
            raise ValueError(
                f"EnergyReport: cannot write {path.name!r}; expected .json, .csv, .md or .txt"
            )
        path.write_text(content, encoding="utf-8")

    def __str__(self) -> str:
        return self.table()


def merged(name: str, layers: Iterable[LayerCost]) -> LayerCost:
    """Returns the sum of costs; rates and shares are means over operations."""
    layers = list(layers)
    operations = sum(layer.operations for layer in layers)
    rated = [layer for layer in layers if layer.rate is not None]
    digital = sum(layer.operations for layer in rated)
    reasons: dict[str, float] = {}
    for layer in layers:
        for reason, count in layer.reasons.items():
            reasons[reason] = reasons.get(reason, 0.0) + count
    return LayerCost(
        name="",
        kind=name,
        rate=sum(c.rate * c.operations for c in rated if c.rate is not None) / digital
        if digital
        else None,
        sparsity=sum(c.sparsity * c.operations for c in layers) / max(operations, 1),
        binary=sum(c.binary * c.operations for c in layers) / max(operations, 1),
        reasons=reasons,
        **{count: sum(getattr(layer, count) for layer in layers) for count in COUNTS},
    )
