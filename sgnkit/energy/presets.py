"""Energy of one operation, by technology."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sgnkit.errors import ConfigError

__all__ = ["PRESETS", "EnergyPreset", "get_preset"]

_HOROWITZ = "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014"


@dataclass(frozen=True)
class EnergyPreset:
    """Energy of the two kinds of operations that the estimate knows.

    Args:
        name: Name of the preset.
        mac_pj: Energy of a multiply-accumulate operation (MAC), in picojoules.
        ac_pj: Energy of an accumulate operation (AC), in picojoules.
        source: Where the figures come from.

    Raises:
        ValueError: An energy is negative.
    """

    name: str
    mac_pj: float
    ac_pj: float
    source: str = ""

    def __post_init__(self) -> None:
        if self.mac_pj < 0 or self.ac_pj < 0:
            raise ValueError(
                f"EnergyPreset {self.name!r}: energies must not be negative, got "
                f"mac_pj={self.mac_pj}, ac_pj={self.ac_pj}"
            )


PRESETS = {
    preset.name: preset
    for preset in (
        EnergyPreset(
            "45nm",
            mac_pj=4.6,
            ac_pj=0.9,
            source=f"{_HOROWITZ}: 32-bit floating-point multiplication 3.7 pJ, addition 0.9 pJ",
        ),
        EnergyPreset(
            "45nm-int8",
            mac_pj=0.23,
            ac_pj=0.03,
            source=f"{_HOROWITZ}: 8-bit integer multiplication 0.2 pJ, addition 0.03 pJ. Sums "
            "that need a wider accumulator cost more, 0.1 pJ for an addition of 32 bits",
        ),
        EnergyPreset(
            "pas-net",
            mac_pj=4.6,
            ac_pj=0.1,
            source="PAS-Net, arXiv 2604.10458: 0.1 pJ for an integer accumulation. It has "
            "no multiplications, so a MAC is that of 45nm",
        ),
    )
}
"""Presets by name."""


def get_preset(preset: str | Path | EnergyPreset) -> EnergyPreset:
    """Returns a preset by name or from a YAML or JSON file; a preset is returned as it is.

    A file holds `mac_pj` and `ac_pj`, and may hold `name` and `source`.

    Args:
        preset: A name of [`PRESETS`][sgnkit.energy.PRESETS], a file, or a preset.

    Raises:
        ValueError: The name is unknown.
        ConfigError: The file lacks a figure or holds something else.

    Examples:
        >>> get_preset("45nm").mac_pj
        4.6
    """
    if isinstance(preset, EnergyPreset):
        return preset
    if str(preset) in PRESETS:
        return PRESETS[str(preset)]
    path = Path(preset)
    if path.suffix in (".yaml", ".yml", ".json"):
        return _read(path)
    raise ValueError(
        f"unknown energy preset {str(preset)!r}; known are {', '.join(PRESETS)}, or pass an "
        "EnergyPreset of your own, or a YAML file with mac_pj and ac_pj"
    )


def _read(path: Path) -> EnergyPreset:
    values: Any
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("the preset cannot be read", file=path, found=str(error)) from None
    names = {"name": str, "mac_pj": (int, float), "ac_pj": (int, float), "source": str}
    expected = "mac_pj: 4.6 and ac_pj: 0.9, with name and source if wanted"
    if not isinstance(values, dict) or not {"mac_pj", "ac_pj"} <= set(values) <= set(names):
        raise ConfigError("not an energy preset", file=path, expected=expected, found=repr(values))
    for key, value in values.items():
        if not isinstance(value, names[key]) or isinstance(value, bool):  # type: ignore[arg-type]
            raise ConfigError(
                "wrong type", file=path, place=key, expected=expected, found=repr(value)
            )
    try:
        return EnergyPreset(**{"name": path.stem, **values})
    except ValueError as error:
        raise ConfigError(str(error), file=path) from None
