"""The intake: readings become rows on flash, and evidence becomes time.

Events are written at once, the rest every `group_s`: each write costs an erase. While the flash fails or is
full nothing is claimed: what came waits in memory, bounded, and is tried again.
"""

import asyncio

from firmware import wire
from firmware.clock import Clock
from firmware.faults import Faults
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox, OutboxFull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.call import Call
    from firmware.cabinet.cabinet import Cabinet
    from firmware.ports.port import Port
    from firmware.watchdog import Watchdog

_MOST_WAITING = 60  # more than a board has room for is no help
STEP_MS = 2_000
_LOOK_S = 0.05


class Intake:
    """Owns outbox, clock and faults."""

    def __init__(self, port: "Port") -> None:
        self._port = port
        self.outbox = Outbox(Folder(port.path("rows")), port.boot(), port.random)
        self.notes = self.outbox.notes
        self.clock = Clock(self.notes.get("good_ms", 0))
        known = self.notes.get("times", {}).get(self.outbox.boot)
        if known is not None:  # woken from a sleep of the same boot
            self.clock.resume(wire.CLOCKS[known[1]], known[0])
        self.waiting: "list[tuple[str, str, dict[str, Any], int]]" = []
        self.overflow = 0
        self.cabinet: "Cabinet | None" = None  # whose note belongs to the rows
        self._has_event = asyncio.Event()
        self.faults = Faults(self.emit)
        self.faults.resume(self.notes.get("faults", []), self.outbox.is_resumed)
        self.call: "Call | None" = None  # of a node with a help button

    def emit(self, kind: str, source: str, values: "dict[str, Any]", at_ms: "int | None" = None) -> None:
        """Take a reading, of now or of `at_ms`; it is safe with the next write, an event within moments."""
        try:
            wire.check_values(kind, values)
        except wire.WireError as error:
            self._port.log("refused: %s" % error)
            return
        if len(self.waiting) >= _MOST_WAITING:
            self.waiting.pop(0)
            self.overflow += 1
        self.waiting.append((kind, source, values, self._port.now_ms() if at_ms is None else at_ms))
        if wire.KINDS[kind].lane == "event":
            self._has_event.set()

    def is_waiting(self, lane: str) -> bool:
        """Whether something of this lane is not on flash yet."""
        return any([wire.KINDS[row[0]].lane == lane for row in self.waiting])

    def hurry(self) -> None:
        """Have what waits written at once."""
        self._has_event.set()

    def keep(self) -> None:
        """Write what waits to flash."""
        given, self.waiting = self.waiting, []
        if not given:
            self._keep_cabinet()
            return
        landed: "list[tuple[str, str, dict[str, Any], int]]" = []
        try:
            standing = self.faults.standing()
            if standing != self.notes.get("faults", []):
                self.notes.put({"faults": standing})
            self.outbox.append(given, self.clock)
            landed = given
            self.faults.end("flash")
        except OutboxFull as error:
            landed = given[: error.landed]
            self.waiting = given[error.landed :] + self.waiting
            self.faults.begin("flash", "full")
        except OSError as error:
            self.waiting = given + self.waiting
            self.faults.begin("flash", "broken", str(error))
        self._keep_cabinet()
        for kind, source, values, _ in landed:
            if kind == "help" and self.call is not None:
                self.call.kept(source, values)
        self._port.log(
            "safe: " + " ".join(["%s %d" % (lane, self.outbox.last_seq(lane)) for lane in wire.LANES])
        )

    def _keep_cabinet(self) -> None:
        """Behind the rows, and only when they are there."""
        if self.cabinet is None or self.waiting:
            return
        try:
            self.cabinet.keep(self.notes, self._port.now_ms())
        except OSError as error:
            self.faults.begin("flash", "broken", str(error))

    async def run(self, group_s: int, watchdog: "Watchdog") -> None:
        """Write whenever it is due."""
        kept_ms = self._port.now_ms()
        while True:
            now_ms = self._port.now_ms()
            watchdog.report("keep", now_ms)
            if self._has_event.is_set() or now_ms - kept_ms >= group_s * 1000:
                self._has_event.clear()
                self.keep()
                kept_ms = now_ms
            await asyncio.sleep(_LOOK_S)

    def offer_time(self, source: str, utc_ms: int) -> None:
        """Evidence of what time it is."""
        now_ms = self._port.now_ms()
        won = self.clock.offer(source, utc_ms, now_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, now_ms, won[0], won[1])
            self.notes.put({"good_ms": self.clock.time_of(now_ms)[0]})
            self._port.log("time from " + source)

    def know_time(self, word: str, utc_ms: int) -> None:
        """The Pi says what time it is; its line is too slow for less than STEP_MS."""
        now_ms = self._port.now_ms()
        word = "ntp" if word == "gnss" else word  # second hand
        if self.clock.word == word and abs(self.clock.boot_at_ms + now_ms - utc_ms) < STEP_MS:
            return
        won = self.clock.offer(word, utc_ms, now_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, now_ms, won[0], won[1], False)
