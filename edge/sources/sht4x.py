"""A Sensirion SHT4x on the Pi's I2C bus: temperature and humidity (data sheet version 6.5).

    write 0xFD, wait 10 ms, read   T msb | T lsb | CRC-8 | RH msb | RH lsb | CRC-8
    T = -45 + 175 S / 65535 deg C      RH = -6 + 125 S / 65535 %, cut to 0..100

The check sum has polynomial 0x31 and begins with 0xFF: of BE EF it is 92.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.faults import Faults

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

I2C_SLAVE = 0x0703  # of linux/i2c-dev.h; a write and a read of this sensor are apart, so no library is needed
MEASURE = 0xFD
MEASURE_S = 0.01
READ_S = 20.0


def crc8(data: bytes) -> int:
    """Sensirion's check sum."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x31 if crc & 0x80 else crc << 1
            crc &= 0xFF
    return crc


def values_of(answer: bytes) -> tuple[int, int] | None:
    """(0.01 deg C, 0.01 %) of six bytes; None when a check sum is wrong."""
    if len(answer) != 6 or crc8(answer[:2]) != answer[2] or crc8(answer[3:5]) != answer[5]:
        return None
    warmth, damp = int.from_bytes(answer[:2], "big"), int.from_bytes(answer[3:5], "big")
    return round(-4500 + 17500 * warmth / 65535), min(max(round(-600 + 12500 * damp / 65535), 0), 10000)


class Sht4x:
    """Source of one sensor; `port` is bus and address, as 1:0x44."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del baud
        self.name = name
        self.refused: dict[str, int] = {"crc": 0, "no_reply": 0}
        bus, _, address = port.partition(":")
        self._device, self._address = f"/dev/i2c-{bus}", int(address or "0x44", 16)
        self._mono_ms = mono_ms
        self._pause = pause

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read every so often until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        while not stop.is_set():
            try:
                values, fault = values_of(self._read()), "crc"
            except OSError as error:
                values, fault = None, "no_reply"
                faults.begin("no_reply", f"{self._device}, {self._address:#x}: {error.strerror}")
            if values is None:
                self.refused[fault] += 1
                faults.begin(fault, f"{self._device}, {self._address:#x}: its check sum is wrong")
            else:
                faults.end()
                found = {"temperature_cc": values[0], "humidity_cpct": values[1]}
                emit(Reading("climate", self.name, self._mono_ms(), {**found}))
            stop.wait(READ_S)

    def _read(self) -> bytes:
        bus = os.open(self._device, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(bus, I2C_SLAVE, self._address)
            os.write(bus, bytes([MEASURE]))
            self._pause(MEASURE_S)
            return os.read(bus, 6)
        finally:
            os.close(bus)
