"""What a forward pass costs, by layer, in the two countings of the literature."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sgnkit.energy.presets import EnergyPreset

__all__ = ["EnergyReport", "LayerCost", "NeuronCost"]


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
    """

    name: str
    kind: str
    operations: float
    rate: float | None
    paper_mac: float
    paper_ac: float
    strict_mac: float
    strict_ac: float

    def energy(self, preset: EnergyPreset) -> tuple[float, float]:
        """Returns the energy in the paper's and in the strict counting, in picojoules."""
        paper = preset.mac_pj * self.paper_mac + preset.ac_pj * self.paper_ac
        return paper, preset.mac_pj * self.strict_mac + preset.ac_pj * self.strict_ac


@dataclass(frozen=True)
class NeuronCost:
    """Membrane updates and spikes of one layer of neurons, for one clip."""

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
        """Operations for a clip: `operations`, and MAC and AC of both countings."""
        names = ("operations", "paper_mac", "paper_ac", "strict_mac", "strict_ac")
        return {name: sum(getattr(layer, name) for layer in self.layers) for name in names}

    @property
    def firing_rate(self) -> float:
        """Spikes for each neuron and step, over all neurons."""
        updates = sum(neuron.updates for neuron in self.neurons)
        return sum(neuron.spikes for neuron in self.neurons) / updates if updates else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as plain values, for JSON."""
        return {**asdict(self), "totals": self.totals, "counts": self.counts}

    def table(self) -> str:
        """Returns a table: one row for each layer and kind of operation, and the totals."""
        head = ("layer", "kind", "operations", "rate", "MAC", "AC", "paper nJ", "strict nJ")
        rows = []
        for layer in self.layers:
            paper, strict = layer.energy(self.preset)
            rate = "-" if layer.rate is None else f"{layer.rate:.4f}"
            cells = (_si(layer.operations), rate, _si(layer.strict_mac), _si(layer.strict_ac))
            name = layer.name or "(model)"
            rows.append((name, layer.kind, *cells, f"{paper / 1e3:,.2f}", f"{strict / 1e3:,.2f}"))
        counts, totals = self.counts, self.totals
        cells = (_si(counts["operations"]), "", _si(counts["strict_mac"]), _si(counts["strict_ac"]))
        energy = (f"{totals['paper'] * 1e6:,.2f}", f"{totals['strict'] * 1e6:,.2f}")
        lines = _align([head, *rows, ("total", "", *cells, *energy)])
        lines.insert(1, "-" * len(lines[0]))
        lines.insert(-1, lines[1])
        lines += ["", *self._notes()]
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        totals, preset = self.totals, self.preset
        notes = [
            f"Estimate for one clip (mean of {self.num_clips}), not measured: "
            f"{preset.mac_pj:g} pJ x MAC + {preset.ac_pj:g} pJ x AC ({preset.name}).",
            f"paper  {totals['paper']:.4g} mJ: all after the first neuron is AC = operations x "
            "firing rate of its input.",
            f"strict {totals['strict']:.4g} mJ: AC only where an operand is spikes at that point. "
            "The columns MAC and AC are these.",
        ]
        if self.neurons:
            updates = sum(neuron.updates for neuron in self.neurons)
            notes.append(
                f"Apart from this: {_si(updates)} membrane updates, firing rate "
                f"{self.firing_rate:.4f}."
            )
        if self.uncounted:
            names = ", ".join(f"{name} ({times}x)" for name, times in self.uncounted.items())
            notes.append(f"Not counted: {names}.")
        return notes

    def __str__(self) -> str:
        return self.table()


def _align(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _si(count: float) -> str:
    """Writes a count with three digits and a letter for thousands."""
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}" if count < 999.5 * unit else f"{count:.3g}"
    return f"{count:.3g}"
