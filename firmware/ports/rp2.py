"""An RP2350 (Pico 2 W). Its watchdog takes 8.3 s in MicroPython, and ends machine.reset() too.

So reset_cause() says WDT_RESET of a restart that was asked for, too (ports/rp2/modmachine.c): only the
watchdog's own register knows whether somebody pulled its trigger or its time ran out.
"""

import machine
import rp2

from firmware.ports.micro import Micro

COUNTRY = "CN"
WATCHDOG_REASON, TIMER = 0x400D8008, 1  # RP2350 data sheet, 12.9: bit 0 timer, bit 1 forced


class Rp2(Micro):
    name = "pico-2-w"
    watchdog_ms = 8_000
    spare_tx = 28  # nothing is wired to it
    resets = {machine.PWRON_RESET: "power", machine.WDT_RESET: "watchdog"}

    def begin(self) -> None:
        rp2.country(COUNTRY)
        super().begin()

    def reset(self) -> str:
        cause = super().reset()
        return "software" if cause == "watchdog" and not machine.mem32[WATCHDOG_REASON] & TIMER else cause
