"""Light and buzzer: a call for help first, then the node's own alarm, then what the Pi says."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.call import Call
    from firmware.ports.port import Port
    from firmware.senses import Senses
    from firmware.watchdog import Watchdog

_BEEP_MS = 200
LONGEST_S = 5.0
_IDLE_S = 0.5


class Signal:
    """`pattern`: ms on, ms off, beeps, and every so many seconds; None for dark and still."""

    def __init__(self, port: "Port", senses: "Senses", call: "Call | None" = None) -> None:
        self._port = port
        self._senses = senses
        self._call = call
        self._beeped_ms = 0
        self.pattern: "list[int] | None" = None

    async def run(self, watchdog: "Watchdog") -> None:
        while True:
            watchdog.report("signal", self._port.now_ms())
            light = self._of_call() or self._of_pi()
            if light is None:
                await asyncio.sleep(_IDLE_S)
                continue
            self._port.light(True)
            await asyncio.sleep(min(light[0] / 1000, LONGEST_S))
            self._port.light(False)
            await asyncio.sleep(min(light[1] / 1000, LONGEST_S))

    def _of_call(self) -> "tuple[int, int] | None":
        """ms on and off; what is new sounds, too."""
        if self._call is None:
            return None
        beeps = self._call.take_beeps()
        if beeps is not None:
            self._port.log("help: " + self._call.state)
        if beeps:
            self._port.buzz(beeps * _BEEP_MS)
        return self._call.light

    def _of_pi(self) -> "tuple[int, int] | None":
        link = self._senses.link
        if self.pattern is None or self._senses.is_alarmed:
            return None
        if link is None or not link.is_heard(self._port.now_ms()):
            return None
        on_ms, off_ms, beeps, every_s = self.pattern
        self._beep(beeps, every_s)
        return on_ms, off_ms

    def _beep(self, beeps: int, every_s: int) -> None:
        now_ms = self._port.now_ms()
        if beeps and now_ms - self._beeped_ms >= every_s * 1000:
            self._beeped_ms = now_ms
            self._port.buzz(beeps * _BEEP_MS)
