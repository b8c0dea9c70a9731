"""A DS18B20 on 1-Wire: temperature (data sheet 19-7487, table 1).

    to all       reset | CC | 44, and 750 ms later at the latest, at any temperature
    to one       reset | 55 | its ROM, 8 bytes | BE, then nine bytes come: the scratchpad
    scratchpad   T low | T high | TH | TL | configuration | FF | reserved | 10 | CRC-8
    T            two's complement in 1/16 deg C; 05 50 (85 deg C) stands there before the first reading

The check sum is Dallas' own: x^8 + x^5 + x^4 + 1, reflected, begins with 0.

    {"type": "ds18b20", "name": "probe-1", "pin": "PROBES", "rom": "28ff...", "period_s": 60}
"""

import asyncio

from firmware.drivers import DriverFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

FAMILY = 0x28
SKIP_ROM, CONVERT, READ = 0xCC, 0x44, 0xBE
CONVERT_MS = 750
POWER_ON = 0x0550


def crc8(data: bytes) -> int:
    """Dallas' check sum."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def parse(scratch: bytes) -> int:
    """0.01 deg C of nine bytes, rounded; DriverFault crc, no_reply or power_on."""
    if len(scratch) != 9 or scratch == b"\xff" * 9 or not any(scratch):
        raise DriverFault("no_reply", "nothing on the wire")
    if crc8(scratch[:8]) != scratch[8]:
        raise DriverFault("crc", "its check sum is wrong: a bad cable?")
    raw = scratch[1] << 8 | scratch[0]
    if raw == POWER_ON:
        raise DriverFault("power_on", "it has not measured yet")
    if raw & 0x8000:
        raw -= 0x10000
    return (raw * 100 + 8) >> 4


class Ds18b20:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 60)) * 1000
        self._wire = port.onewire(given.get("pin", "PROBES"))
        self._rom = bytes.fromhex(given["rom"]) if "rom" in given else None

    async def read(self) -> "Readings":
        scratch = bytearray(9)
        try:
            rom = self._rom or self._found()
            self._wire.reset(True)
            self._wire.writebyte(SKIP_ROM)
            self._wire.writebyte(CONVERT)
            await asyncio.sleep(CONVERT_MS / 1000)
            self._wire.reset(True)
            self._wire.select_rom(rom)
            self._wire.writebyte(READ)
            self._wire.readinto(scratch)
        except DriverFault:
            raise
        except Exception as error:  # noqa: BLE001 - MicroPython's OneWireError is a bare one
            raise DriverFault("no_reply", str(error))
        return [("climate", {"temperature_cc": parse(bytes(scratch))})]

    def _found(self) -> bytes:
        """The first of its family."""
        for rom in self._wire.scan():
            if rom[0] == FAMILY:
                return bytes(rom)
        raise DriverFault("no_reply", "no probe on the wire")
