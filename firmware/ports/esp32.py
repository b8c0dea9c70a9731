"""An ESP32-S3: its clock counts from 2000, its watchdog takes any time, a door ends its deep sleep.

Its causes of a reset (ports/esp32/modmachine.c): PWRON is a brown-out and its button too, and HARD is
machine.reset() or a crash of MicroPython itself.
"""

import struct
import time

import esp32
import machine

from firmware import board
from firmware.ports.micro import Micro

_KEPT = "<8sQQ"  # boot, ms of it, ms of the RTC


class Esp32(Micro):
    name = "esp32-s3"
    watchdog_ms = 15_000
    sleeps = True
    resets = {
        machine.PWRON_RESET: "power",
        machine.WDT_RESET: "watchdog",
        machine.SOFT_RESET: "software",
        machine.DEEPSLEEP_RESET: "deep_sleep",
        machine.HARD_RESET: "software",
    }

    def __init__(self) -> None:
        super().__init__()
        self.spare_tx = self.pins["LED"]  # all others are taken; `light` makes it an output again
        kept = machine.RTC().memory()
        if machine.reset_cause() == machine.DEEPSLEEP_RESET and len(kept) == struct.calcsize(_KEPT):
            boot, now_ms, slept_at_ms = struct.unpack(_KEPT, kept)
            self.resume(boot.hex(), now_ms + max(0, _rtc_ms() - slept_at_ms))

    def sleep(self, ms: int) -> None:
        """Deep sleep, from which a door or a button wakes it too; the boot goes on in the RTC's memory."""
        if self._station is not None:  # Espressif: Wi-Fi is to be stopped before
            self._station.active(False)
        machine.RTC().memory(struct.pack(_KEPT, bytes.fromhex(self.boot()), self.now_ms(), _rtc_ms()))
        at = {signal: machine.Pin(self.pins[signal], machine.Pin.IN) for signal in board.WAKES}
        high = [at[signal] for signal in board.WAKES if board.WAKES[signal] and not at[signal].value()]
        low = [at[signal] for signal in board.WAKES if not board.WAKES[signal] and at[signal].value()]
        if high:  # one that is there already, as an open door, would end the sleep at once
            esp32.wake_on_ext1(tuple(high), esp32.WAKEUP_ANY_HIGH)
        if low:  # the chip takes a single pin of the other level
            esp32.wake_on_ext0(low[0], esp32.WAKEUP_ALL_LOW)
        machine.deepsleep(ms)

    def millivolts(self, signal: str) -> int:
        """As the chip's own calibration corrects it, at the far end of the divider."""
        converter = machine.ADC(machine.Pin(self.pins[signal]), atten=machine.ADC.ATTN_11DB)
        return int(converter.read_uv()) * board.DIVIDERS[signal] // 1000


def _rtc_ms() -> int:
    """Of the clock that goes on in a deep sleep, whatever it counts from."""
    return time.time_ns() // 1_000_000
