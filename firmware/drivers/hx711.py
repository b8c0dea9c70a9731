"""An HX711 before a load cell, on two pins (Avia Semiconductor, data sheet of 2012).

    DATA    ‾‾‾|____ 23 22 21 ... 1 0 ‾|___     low: a value is there; then a bit after each rise of CLOCK
    CLOCK   ___________|‾|_|‾|_ ... |‾|____     24 bits, and a 25th pulse: channel A, gain 128, next

Two's complement; 7FFFFF and 800000 are beyond its range. CLOCK high for 60 us would switch it off, so the
pulses are not to be interrupted; then it takes 400 ms to the next value. What lies on the scale is
(value - zero) * mg_per_kcount / 1000.

Scales on one clock are read together, once all have a value: pulses that began while one measured would be
counted by it when it has, and its next value be shifted. What the others said is theirs for a second.

    {"type": "hx711", "name": "scale-a", "data": "SCALE_DATA_A", "clock": "SCALE_CLOCK", "zero": 8388,
     "mg_per_kcount": 2450}
"""

import asyncio

from firmware.drivers import DriverFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Input, Port

READY_LOOKS, LOOK_S = 60, 0.01  # ten values a second, the first after four
PULSES = 25
KEPT_MS = 1000
HIGHEST, LOWEST = 0x7FFFFF, -0x800000


def parse(bits: int) -> int:
    """The value of 24 bits; DriverFault overload beyond the range."""
    value = bits - 0x1000000 if bits & 0x800000 else bits
    if value in (HIGHEST, LOWEST):
        raise DriverFault("overload", "beyond its range")
    return value


def mass_mg(value: int, zero: int, mg_per_kcount: int) -> int:
    """What lies there, in mg, by the scale's calibration."""
    return (value - zero) * mg_per_kcount // 1000


class Scales:
    """All on one clock."""

    def __init__(self, port: "Port", clock: str) -> None:
        self.port = port
        self._clock = port.pin_out(clock)
        self._pins: "dict[str, Input]" = {}
        self._kept: "dict[str, int]" = {}
        self._kept_ms = 0

    def add(self, data: str) -> None:
        self._pins[data] = self.port.pin_in(data)

    async def value(self, data: str) -> int:
        """The 24 bits of one; DriverFault no_reply."""
        for _ in range(READY_LOOKS):
            ready = [name for name in self._pins if not self._pins[name].value()]
            if self._has(data) or len(ready) == len(self._pins):
                break
            await asyncio.sleep(LOOK_S)
        if not self._has(data):
            if data not in ready:
                raise DriverFault("no_reply", "never ready")
            found = self.port.clock_in([self._pins[name] for name in ready], self._clock, PULSES)
            self._kept, self._kept_ms = dict(zip(ready, found)), self.port.now_ms()
        return self._kept.pop(data) >> 1  # the 25th says nothing

    def _has(self, data: str) -> bool:
        """Whether it was read with another just now."""
        return data in self._kept and self.port.now_ms() - self._kept_ms < KEPT_MS


_scales: "dict[str, Scales]" = {}


def scales_on(port: "Port", clock: str) -> Scales:
    """Those on that clock."""
    found = _scales.get(clock)
    if found is None or found.port is not port:
        found = _scales[clock] = Scales(port, clock)
    return found


class Hx711:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 1)) * 1000
        self._zero, self._mg = int(given["zero"]), int(given["mg_per_kcount"])
        self._data, self._scales = given["data"], scales_on(port, given["clock"])
        self._scales.add(self._data)

    async def read(self) -> "Readings":
        bits = await self._scales.value(self._data)
        try:
            return [("mass", {"mass_mg": mass_mg(parse(bits), self._zero, self._mg)})]
        except DriverFault:
            return [("mass", {"mass_mg": None})]
