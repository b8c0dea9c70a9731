"""An RP2350 (Pico 2 W). Its watchdog takes 16.7 s at most; it knows two causes of a reset."""

import machine
import rp2

from firmware.ports.micro import Micro

COUNTRY = "CN"


class Rp2(Micro):
    name = "pico-2-w"
    watchdog_ms = 8_000
    resets = {machine.PWRON_RESET: "power", machine.WDT_RESET: "watchdog"}

    def begin(self) -> None:
        rp2.country(COUNTRY)
        super().begin()
