"""What the values in circuit.csv amount to: voltages, times and currents, each within bounds that are stated.

The reference voltages are those of the datasheets named with the symbols, and to be checked with them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware.pinmap import table
from hardware.source import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.carrier.circuit import Circuit
    from hardware.pinmap import PinMap

FACTORS = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "R": 1.0, "k": 1e3, "M": 1e6}
_VALUE = re.compile(r"^(\d+)([pnumRkM])(\d*)\b")
LOGIC_V = 3.3
HIGH_V = 0.75 * LOGIC_V  # what an input of the node takes for high
SWITCH_V = 1.05  # what the load switch takes for on
COLD_CAPACITY = 0.6  # of a ceramic capacitor at its voltage, in the cold
DIODE_V, LED_V, HIGHEST_V = 3.3, 2.0, 32.0


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A figure that parts make; `of` are the parts, the first of which is named when it is wrong."""

    what: str
    of: str
    figure: float
    low: float
    high: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Within its bounds."""
        return self.low <= self.figure <= self.high


def value_of(text: str) -> float:
    """4k99 -> 4990.0, 100n 100V -> 1e-7; ValueError for another spelling."""
    found = _VALUE.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no value as 4k99 or 100n")
    return float(f"{found[1]}.{found[3] or 0}") * FACTORS[found[2]]


def setpoints(circuit: Circuit, pinmap: PinMap, power: dict[str, Any]) -> list[Setpoint]:
    """Every figure; KeyError or ValueError when a part is missing or has no value."""
    v = {part.ref: part.value for part in circuit.parts}

    def of(ref: str) -> float:
        return value_of(v[ref])

    def divided(reference: float, upper: float, lower: float) -> float:
        return reference * (1 + upper / lower)

    full = power["holdup"]["full_v"]
    lowest = power["vehicle"]["lowest_v"]
    found = [
        Setpoint("5 V of U3", "R12 R13", divided(1.006, of("R12"), of("R13")), 4.95, 5.15, "V"),
        Setpoint("U3 starts above", "R10 R11", divided(1.2, of("R10"), of("R11")), 6.0, lowest - 1, "V"),
        Setpoint("5 V while U5 holds it", "R15 R16", divided(1.2, of("R15"), of("R16")), 4.6, 4.85, "V"),
        Setpoint("capacitors full", "R24 R25 R26", divided(0.5, of("R24") + of("R25"), of("R26")),
                 full * 0.98, full * 1.02, "V"),
        Setpoint("surge held at (option A)", "R5 R6", divided(1.275, of("R5"), of("R6")), 32.5, 36.0, "V"),
        Setpoint("current ends at (option A)", "R4", 0.05 / of("R4"), 4.0, 6.0, "A"),
        Setpoint(f"ignition at the pin, {lowest:g} V outside", "R34 R35",
                 lowest * of("R35") / (of("R34") + of("R35")), HIGH_V, 5.0, "V"),
        Setpoint(f"into D5 at {HIGHEST_V:g} V", "R34", (HIGHEST_V - DIODE_V) / of("R34") * 1e3, 0.0, 0.5, "mA"),
        Setpoint("the Pi's supply is kept in a reset", "R51 C24",
                 of("R51") * of("C24") * COLD_CAPACITY * math.log(LOGIC_V / SWITCH_V), 3.0, 10.0, "s"),
        Setpoint("and goes when the node says so", "R50 C24",
                 of("R50") * of("C24") * math.log(LOGIC_V / 0.5), 0.0, 0.1, "s"),
        Setpoint("through a shut door, and a pressed button", "R42 R44",
                 max(LOGIC_V / of("R42"), LOGIC_V / of("R44")) * 1e6, 1.0, 5.0, "µA"),
        Setpoint("a probe has to pull down", "R52", (LOGIC_V - 0.4) / of("R52") * 1e3, 0.5, 4.0, "mA"),
        Setpoint("the light", "R46", (LOGIC_V - LED_V) / of("R46") * 1e3, 2.0, 10.0, "mA"),
    ]  # fmt: skip
    for signal in pinmap.signals.values():
        if signal.divide > 1:
            upper, lower = signal.through
            ratio = (of(upper) + of(lower)) / of(lower)
            name = f"{signal.name} is divided by"
            found.append(
                Setpoint(name, f"{upper} {lower}", ratio, signal.divide * 0.99, signal.divide * 1.01, "")
            )
    return found


def faults(circuit: Circuit, found: list[Setpoint]) -> Iterator[Fault]:
    """Figures beyond their bounds, at the line of the first part."""
    lines = {part.ref: part.line for part in circuit.parts}
    for one in found:
        if not one.is_met:
            text = (
                f"{one.of}: {one.what} is {one.figure:.3g} {one.unit}, to be {one.low:.3g} to {one.high:.3g}"
            )
            yield Fault(circuit.name, lines[one.of.split()[0]], text)


def page(found: list[Setpoint]) -> str:
    """setpoints.md: what the parts make."""
    rows = [
        (
            one.what,
            one.of,
            f"{one.figure:.3g} {one.unit}".strip(),
            f"{one.low:.3g} to {one.high:.3g} {one.unit}".strip(),
        )
        for one in found
    ]
    return (
        "# Set points\n\nMade from the values in [circuit.csv](../carrier/circuit.csv) by `./dev hardware`. Reference voltages are from "
        "memory of\nthe datasheets named in [symbols.toml](../carrier/symbols.toml), to be checked. Designed, not built.\n\n"
        + table(("what", "parts", "figure", "has to be"), rows)
    )
