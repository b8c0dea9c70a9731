"""An ESP32-S3: its clock counts from 2000, its watchdog takes any time, a door ends its deep sleep."""

import esp32
import machine

from firmware import board
from firmware.ports.micro import Micro


class Esp32(Micro):
    name = "esp32-s3"
    watchdog_ms = 15_000
    resets = {
        machine.PWRON_RESET: "power",
        machine.WDT_RESET: "watchdog",
        machine.SOFT_RESET: "software",
        machine.DEEPSLEEP_RESET: "deep_sleep",
        machine.HARD_RESET: "button",
    }

    def sleep(self, ms: int) -> None:
        """Deep sleep, from which a door, a button or the ignition wakes it too."""
        wakes = [
            machine.Pin(self.pins[signal], machine.Pin.IN) for signal in board.WAKES if signal in self.pins
        ]
        esp32.wake_on_ext1(tuple(wakes), esp32.WAKEUP_ALL_LOW)
        machine.deepsleep(ms)
