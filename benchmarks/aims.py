"""What this library wants to reach, and what the results say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["aims"]

Row = dict[str, Any]
RIVALS = ("SpikingJelly + Conv2d + einsum", "Conv2d + einsum")


def _ratio(row: Row, over: str, side: str) -> float | None:
    """How many times as long `over` takes as `side`; None where one of them is missing."""
    sides = row.get("sides", {})
    if over not in sides or side not in sides:
        return None
    return sides[over]["ratio"] / sides[side]["ratio"]


def _rival(row: Row, side: str) -> float | None:
    """The ratio to the faster of the rival networks."""
    found = [r for name in RIVALS if (r := _ratio(row, name, side)) is not None]
    return min(found) if found else None


def _memory(row: Row) -> float | None:
    values = row.get("values", {})
    found = [values[f"{name}, MB"] for name in RIVALS if f"{name}, MB" in values]
    return values["sgnkit, MB"] / min(found) if found and "sgnkit, MB" in values else None


def _aims() -> Iterator[tuple[str, str, Callable[[Row], float | None], str, float]]:
    """Yields text, benchmark, value of a row, `"least"` or `"most"`, and the bound."""

    def neuron(over: str, side: str, **case: str) -> Callable[[Row], float | None]:
        def value(row: Row) -> float | None:
            case_of = row["case"]
            if case_of["pass"] != "forward + backward":
                return None
            if any(case_of[key] != wanted for key, wanted in case.items()):
                return None
            return _ratio(row, over, side)

        return value

    def network(value: Callable[[Row], float | None], work: str) -> Callable[[Row], float | None]:
        return lambda row: value(row) if row["case"]["work"] == work else None

    fast = "sgnkit compiled"
    yield "Neuron, compiled: Norse takes", "neuron", neuron("Norse cell", fast), "least", 4.0
    yield (
        "Neuron, compiled: SpikingJelly takes",
        "neuron",
        neuron("SpikingJelly", fast),
        "least",
        3.0,
    )
    yield "Neuron, compiled: snnTorch takes", "neuron", neuron("snnTorch", fast), "least", 3.0
    for kind in ("float32", "bfloat16"):
        yield (
            f"over the memory floor, {kind}",
            "neuron",
            neuron(fast, "floor", type=kind),
            "most",
            1.5,
        )
    without = neuron("Norse cell", "sgnkit fused")
    yield "Neuron without a compiler: Norse takes", "neuron", without, "least", 2.0
    yield (
        "SGC, fixed graph, V = 25: sparse over dense",
        "graph_conv",
        lambda row: (
            _ratio(row, "sparse", "dense")
            if (row["case"]["layer"], row["case"]["graph"], row["case"]["V"])
            == ("SGC", "fixed", 25)
            else None
        ),
        "most",
        1.5,
    )
    yield "Automatic path over the better one", "graph_conv", lambda row: row["choice"], "most", 1.1
    rival = network(lambda row: _rival(row, "sgnkit"), "training step")
    yield "Network, training: the faster rival takes", "network", rival, "least", 1.4
    rival = network(lambda row: _rival(row, "sgnkit"), "inference")
    yield "Network, inference: the faster rival takes", "network", rival, "least", 1.4
    floor = network(lambda row: _ratio(row, "sgnkit", "products"), "inference")
    yield "Network, inference: over the floor of products", "network", floor, "most", 1.3
    yield "Peak memory of a training step over the lower rival's", "memory", _memory, "most", 1.0


def aims(results: list[dict[str, Any]]) -> str:
    """Returns a Markdown table of the aims on a CPU and the range that was measured."""
    lines = ["| | aim | measured | |", "|---|---|---|---|"]
    for text, name, value, way, bound in _aims():
        rows = [
            row
            for found in results
            if found["name"] == name and found["options"]["device"] == "cpu"
            for row in found["rows"]
        ]
        values = [v for row in rows if (v := value(row)) is not None]
        if not values:
            lines.append(f"| {text} | at {way} {bound:g}× | not measured | |")
            continue
        low, high = min(values), max(values)
        reached = low >= bound if way == "least" else high <= bound
        some = high >= bound if way == "least" else low <= bound
        span = f"{low:.2f}×" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}×"
        verdict = "reached" if reached else "in part" if some else "not reached"
        lines.append(f"| {text} | at {way} {bound:g}× | {span} | {verdict} |")
    return "\n".join(lines) + "\n"
