"""Light and buzzer as the Pi says, as long as it is heard; a node's own alarm goes first."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.ports.port import Port
    from firmware.senses import Senses
    from firmware.watchdog import Watchdog

BEEP_MS = 200
LONGEST_S = 5.0
IDLE_S = 0.5


class Signal:
    """`pattern`: ms on, ms off, beeps, and every so many seconds; None for dark and still."""

    def __init__(self, port: "Port", senses: "Senses") -> None:
        self._port = port
        self._senses = senses
        self._beeped_ms = 0
        self.pattern: "list[int] | None" = None

    async def run(self, watchdog: "Watchdog") -> None:
        while True:
            watchdog.report("signal", self._port.now_ms())
            if self.pattern is None or not self._is_ours():
                await asyncio.sleep(IDLE_S)
                continue
            on_ms, off_ms, beeps, every_s = self.pattern
            self._beep(beeps, every_s)
            self._port.light(True)
            await asyncio.sleep(min(on_ms / 1000, LONGEST_S))
            self._port.light(False)
            await asyncio.sleep(min(off_ms / 1000, LONGEST_S))

    def _is_ours(self) -> bool:
        link = self._senses.link
        return not self._senses.is_alarmed and link is not None and link.is_heard(self._port.now_ms())

    def _beep(self, beeps: int, every_s: int) -> None:
        now_ms = self._port.now_ms()
        if beeps and now_ms - self._beeped_ms >= every_s * 1000:
            self._beeped_ms = now_ms
            self._port.buzz(beeps * BEEP_MS)
