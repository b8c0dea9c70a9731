"""A NAU7802 before a load cell, on I2C (Nuvoton, data sheet 1.7).

    00 PU_CTRL   RR | PUD | PUA | PUR | CS | CR | OSCS | AVDDS      CR (bit 5): a value is there
    01 CTRL1     CRP | DRDY_SEL | VLDO 3 | GAIN 3                   2F: 3.0 V, gain 128
    02 CTRL2     CHS | CRS 3 | CAL_ERR | CALS | CALMOD 2            04: set its zero; CALS falls when done
    12 to 14     the value, two's complement, msb first
    15 ADC       30: the chopper of the reference off (9.1, power on)

Start: RR on and off, PUD and PUA on, wait for PUR, set CTRL1 and ADC, AVDDS and CS on; when the supply of the
bridge stands, CALS.

    {"type": "nau7802", "name": "scale-a", "bus": "scale-a", "zero": 8388, "mg_per_kcount": 2450}
"""

import asyncio

from firmware.drivers import DriverFault
from firmware.drivers.hx711 import mass_mg, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

ADDRESS = 0x2A
PU_CTRL, CTRL1, CTRL2, VALUE, ADC = 0x00, 0x01, 0x02, 0x12, 0x15
IS_UP, IS_READY, CALS, CAL_ERR = 0x08, 0x20, 0x04, 0x08
LOOKS, LOOK_S = 60, 0.01  # ten values a second, the first after four; its zero takes 344 ms
SUPPLY_S = 0.2  # until 3.0 V stand


class Nau7802:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 1)) * 1000
        self._bus = port.i2c(given["bus"])
        self._zero, self._mg = int(given["zero"]), int(given["mg_per_kcount"])
        self._is_begun = False

    async def read(self) -> "Readings":
        try:
            if not self._is_begun:
                await self._begin()
            await self._wait_for(IS_READY)
            bits = int.from_bytes(self._bus.readfrom_mem(ADDRESS, VALUE, 3), "big")
        except (OSError, DriverFault) as error:
            self._is_begun = False  # one whose supply was gone for a moment answers, but does not measure
            raise DriverFault("no_reply", getattr(error, "detail", str(error)))
        try:
            return [("mass", {"mass_mg": mass_mg(parse(bits), self._zero, self._mg)})]
        except DriverFault:
            return [("mass", {"mass_mg": None})]

    async def _begin(self) -> None:
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x01")
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x06")
        await self._wait_for(IS_UP)
        self._bus.writeto_mem(ADDRESS, CTRL1, b"\x2f")
        self._bus.writeto_mem(ADDRESS, ADC, b"\x30")
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x96")
        await asyncio.sleep(SUPPLY_S)
        self._bus.writeto_mem(ADDRESS, CTRL2, bytes((CALS,)))
        if await self._waited(CTRL2, CALS, 0) & CAL_ERR:
            raise DriverFault("no_reply", "cannot set its zero: no load cell?")
        self._is_begun = True

    async def _wait_for(self, bit: int) -> None:
        await self._waited(PU_CTRL, bit, bit)

    async def _waited(self, register: int, bit: int, wanted: int) -> int:
        """What stands there once that bit does."""
        for _ in range(LOOKS):
            found = self._bus.readfrom_mem(ADDRESS, register, 1)[0]
            if found & bit == wanted:
                return found
            await asyncio.sleep(LOOK_S)
        raise DriverFault("no_reply", "never ready")
