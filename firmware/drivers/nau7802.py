"""A NAU7802 before a load cell, on I2C (Nuvoton, data sheet 1.7).

    00 PU_CTRL   RR | PUD | PUA | PUR | CS | CR | OSCS | AVDDS      CR (bit 5): a value is there
    01 CTRL1     CRP | DRDY_SEL | VLDO 3 | GAIN 3                   2F: 3.0 V, gain 128
    12 to 14     the value, two's complement, msb first

Start: RR on and off, PUD and PUA on, wait for PUR, set CTRL1, AVDDS and CS on.

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
PU_CTRL, CTRL1, VALUE = 0x00, 0x01, 0x12
IS_UP, IS_READY = 0x08, 0x20
LOOKS, LOOK_S = 30, 0.01


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
        except OSError as error:
            self._is_begun = False
            raise DriverFault("no_reply", str(error))
        try:
            return [("mass", {"mass_mg": mass_mg(parse(bits), self._zero, self._mg)})]
        except DriverFault:
            return [("mass", {"mass_mg": None})]

    async def _begin(self) -> None:
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x01")
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x06")
        await self._wait_for(IS_UP)
        self._bus.writeto_mem(ADDRESS, CTRL1, b"\x2f")
        self._bus.writeto_mem(ADDRESS, PU_CTRL, b"\x96")
        self._is_begun = True

    async def _wait_for(self, bit: int) -> None:
        for _ in range(LOOKS):
            if self._bus.readfrom_mem(ADDRESS, PU_CTRL, 1)[0] & bit:
                return
            await asyncio.sleep(LOOK_S)
        raise DriverFault("no_reply", "never ready")
