"""An HX711 before a load cell, on two pins (Avia Semiconductor, data sheet of 2012).

    DATA    ‾‾‾|____ 23 22 21 ... 1 0 ‾|___     low: a value is there; then a bit after each rise of CLOCK
    CLOCK   ___________|‾|_|‾|_ ... |‾|____     24 bits, and a 25th pulse: channel A, gain 128, next

Two's complement; 7FFFFF and 800000 are beyond its range. CLOCK high for 60 us would switch it off, so the
pulses are not to be interrupted. What lies on the scale is (value - zero) * mg_per_kcount / 1000.

    {"type": "hx711", "name": "scale-a", "data": "SCALE_DATA_A", "clock": "SCALE_CLOCK", "zero": 8388,
     "mg_per_kcount": 2450}
"""

import asyncio

from firmware.drivers import DriverFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

READY_LOOKS, LOOK_S = 30, 0.01  # ten values a second
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


class Hx711:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 1)) * 1000
        self._zero, self._mg = int(given["zero"]), int(given["mg_per_kcount"])
        self._data, self._clock = port.pin_in(given["data"]), port.pin_out(given["clock"])

    async def read(self) -> "Readings":
        for _ in range(READY_LOOKS):
            if not self._data.value():
                break
            await asyncio.sleep(LOOK_S)
        else:
            raise DriverFault("no_reply", "never ready")
        try:
            return [("mass", {"mass_mg": mass_mg(parse(self._bits()), self._zero, self._mg)})]
        except DriverFault:
            return [("mass", {"mass_mg": None})]

    def _bits(self) -> int:
        bits = 0
        for _ in range(24):
            self._clock.value(1)
            bits = bits << 1 | self._data.value()
            self._clock.value(0)
        self._clock.value(1)
        self._clock.value(0)
        return bits
