"""A GNSS receiver on a UART of a node without a Pi; the sentences are read by `firmware/nmea.py`.

    {"type": "gnss", "name": "gnss", "uart": "aux", "every_s": 10}

Fixes come once a second and one in `every_s` is recorded; the time of all of them wins the clock.
"""

from firmware import nmea

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port


class Gnss:
    period_ms = 200

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self._uart = port.uart(given.get("uart", "aux"))
        self._now_ms = port.now_ms
        self._every_ms = int(given.get("every_s", 10)) * 1000
        self._reader = nmea.Reader()
        self._kept_ms = -self._every_ms

    async def read(self) -> "Readings":
        waiting = self._uart.any()
        data = self._uart.read(waiting) if waiting else None
        out: "Readings" = []
        for utc_ms, fix in self._reader.feed(data or b""):
            if utc_ms is not None and fix["fix_mode"]:
                out.append(("utc_ms", utc_ms))
            if self._now_ms() - self._kept_ms >= self._every_ms:
                self._kept_ms = self._now_ms()
                out.append(("fix", fix))
        return out
