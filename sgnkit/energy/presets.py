"""Energy of one operation, by technology."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PRESETS", "EnergyPreset", "get_preset"]


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
    "45nm": EnergyPreset(
        name="45nm",
        mac_pj=4.6,
        ac_pj=0.9,
        source="M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014: "
        "32-bit floating-point multiplication 3.7 pJ, addition 0.9 pJ",
    )
}
"""Presets by name."""


def get_preset(preset: str | EnergyPreset) -> EnergyPreset:
    """Returns a preset by name; a preset is returned as it is.

    Raises:
        ValueError: The name is unknown.

    Examples:
        >>> get_preset("45nm").mac_pj
        4.6
    """
    if isinstance(preset, EnergyPreset):
        return preset
    if preset not in PRESETS:
        raise ValueError(
            f"unknown energy preset {preset!r}; known are {', '.join(PRESETS)}, or pass an "
            "EnergyPreset of your own"
        )
    return PRESETS[preset]
