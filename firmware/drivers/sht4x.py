"""A Sensirion SHT4x on I2C: temperature and humidity (data sheet version 6.5).

    write 0xFD, wait 10 ms, read   T msb | T lsb | CRC-8 | RH msb | RH lsb | CRC-8
    T = -45 + 175 S / 65535 deg C      RH = -6 + 125 S / 65535 %, cut to 0..100

The check sum has polynomial 0x31 and begins with 0xFF: of BE EF it is 92.

    {"type": "sht4x", "name": "probe-1", "bus": "climate", "address": 68, "period_s": 60}
"""

import asyncio

from firmware.drivers import DriverFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

MEASURE = b"\xfd"
MEASURE_MS = 10


def crc8(data: bytes) -> int:
    """Sensirion's check sum."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def parse(answer: bytes) -> "tuple[int, int]":
    """(0.01 deg C, 0.01 %) of six bytes; DriverFault when a check sum is wrong."""
    if len(answer) != 6:
        raise DriverFault("no_reply", "%d bytes of 6" % len(answer))
    if crc8(answer[:2]) != answer[2] or crc8(answer[3:5]) != answer[5]:
        raise DriverFault("crc", "its check sum is wrong")
    warmth = answer[0] << 8 | answer[1]
    damp = answer[3] << 8 | answer[4]
    return (17500 * warmth + 32767) // 65535 - 4500, min(max((12500 * damp + 32767) // 65535 - 600, 0), 10000)


class Sht4x:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 60)) * 1000
        self._bus = port.i2c(given["bus"])
        self._address = int(given.get("address", 0x44))

    async def read(self) -> "Readings":
        self._bus.writeto(self._address, MEASURE)
        await asyncio.sleep(MEASURE_MS / 1000)
        warmth, damp = parse(self._bus.readfrom(self._address, 6))
        return [("climate", {"temperature_cc": warmth, "humidity_cpct": damp})]
