"""What a probe says -> a temperature, or why it is none. Pure.

A DS18B20 says 85.00 after power-on, before its first conversion (Maxim data sheet, table 1), and -127 stands
for no answer in the usual drivers. Both are possible temperatures of nothing in a cabinet. A jump is refused
once, and believed when the next sample agrees: a probe pulled from the fridge is real, a single flip is not.
"""

from __future__ import annotations

from dataclasses import dataclass

POWER_ON_CC = 8500
DISCONNECTED_CC = -12700
LOW_CC, HIGH_CC = -12000, 12500  # what any probe of ours can measure
NEAR_CC = 1000  # 85.00 is believed when the sample before was as near as this
AGREES_CC = 300
JUMP_CC, JUMP_CC_PER_S = 500, 10  # a door that opens on a hot day makes 5 K at once and 6 K a minute


@dataclass(frozen=True, slots=True)
class Verdict:
    """A temperature, or the code of the fault."""

    temperature_cc: int | None
    fault: str = ""


class Gate:
    """Judges one probe's samples in their order."""

    def __init__(self) -> None:
        self._good: tuple[int, int] | None = None  # moment, temperature
        self._doubted_cc: int | None = None

    def take(self, at_ms: int, temperature_cc: int) -> Verdict:
        """power_on, no_reply, range and jump are the faults."""
        if temperature_cc == DISCONNECTED_CC:
            return Verdict(None, "no_reply")
        if not LOW_CC <= temperature_cc <= HIGH_CC:
            return Verdict(None, "range")
        if temperature_cc == POWER_ON_CC and not self._is_warm():
            return Verdict(None, "power_on")
        if self._is_jump(at_ms, temperature_cc):
            self._doubted_cc = temperature_cc
            return Verdict(None, "jump")
        self._good, self._doubted_cc = (at_ms, temperature_cc), None
        return Verdict(temperature_cc)

    def _is_warm(self) -> bool:
        return self._good is not None and abs(self._good[1] - POWER_ON_CC) <= NEAR_CC

    def _is_jump(self, at_ms: int, temperature_cc: int) -> bool:
        if self._good is None:
            return False
        if self._doubted_cc is not None and abs(temperature_cc - self._doubted_cc) <= AGREES_CC:
            return False
        apart_s = max(at_ms - self._good[0], 0) // 1000
        return abs(temperature_cc - self._good[1]) > JUMP_CC + JUMP_CC_PER_S * apart_s
