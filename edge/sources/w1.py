"""A DS18B20 on the Pi's 1-Wire bus, as the kernel shows it.

    /sys/bus/w1/devices/28-…/w1_slave      72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
                                           72 01 4b 46 7f ff 0e 10 57 t=23125        0.001 deg C

The kernel checks the sum and says YES or NO; a sensor that is gone has no file, or an empty one.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.faults import Faults

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

READ_S = 20.0
DETAILS = {
    "no_reply": "cannot be read: is the probe plugged in?",
    "crc": "its check sum is wrong: a bad cable?",
}
_VALUE = re.compile(r"\bt=(-?\d+)\s*$")


def temperature_of(text: str) -> tuple[int | None, str]:
    """(0.01 deg C, "") of a w1_slave file, or (None, fault): no_reply or crc."""
    found = _VALUE.search(text)
    if found is None:
        return None, "no_reply"
    if "YES" not in text:
        return None, "crc"
    return round(int(found.group(1)) / 10), ""


class W1:
    """Source of one probe; `port` is its folder."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
        *,
        read_s: float = READ_S,
    ) -> None:
        del baud, pause
        self.name = name
        self.refused: dict[str, int] = {"crc": 0, "no_reply": 0}
        self._path = Path(port) / "w1_slave"
        self._mono_ms = mono_ms
        self._read_s = read_s

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read every so often until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        while not stop.is_set():
            temperature_cc, fault = self._read()
            if temperature_cc is None:
                self.refused[fault] += 1
                faults.begin(fault, f"{self._path}: {DETAILS[fault]}")
            else:
                faults.end()
                emit(Reading("climate", self.name, self._mono_ms(), {"temperature_cc": temperature_cc}))
            stop.wait(self._read_s)

    def _read(self) -> tuple[int | None, str]:
        try:
            return temperature_of(self._path.read_text())
        except (OSError, UnicodeDecodeError):
            return None, "no_reply"
