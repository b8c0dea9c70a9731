"""A cabinet's node as the firmware itself is one: hello, reports, rows until they are acknowledged, commands.

Its flash is a folder. What it has no need of here is missing: drivers, tasks, a clock of its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from edge.simulate.dice import dice
from firmware.call import OVER, Call
from firmware.clock import Clock
from firmware.drivers.help import CALLED, CANCELLED
from firmware.line.link import Link
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    from firmware.line import frame

log = logging.getLogger(__name__)

CAPABILITIES = ["door", "ds18b20", "help", "hx711"]
BUTTON = "help"
MAX_FLASH_BYTES = 65_536


class Node:
    """One start of a node, at a moment."""

    def __init__(self, seed: str, flash: Path, at_ms: int) -> None:
        self._dice = dice(seed, "node", at_ms)
        self._begin_ms = self._now_ms = at_ms
        self._outbox = Outbox(
            Folder(str(flash)), self._dice.randbytes(8).hex(), self._dice.randbytes, MAX_FLASH_BYTES
        )
        self._clock = Clock(0)
        self.call = Call(self._outbox.notes)
        self.signal = ""
        random, unheard = self._dice.randbytes, lambda *_: None
        self._link = Link(self._outbox, random, "power", CAPABILITIES, self._do, self._know_time, unheard)

    @property
    def _ticks(self) -> int:
        return self._now_ms - self._begin_ms

    def step(self, said: bytes, entries: list[frame.Entry], at_ms: int) -> bytes:
        """Live on to a moment; what the node says to what its unit said, with what was measured."""
        self._now_ms = max(self._now_ms, at_ms)  # the world's seconds may begin before us
        self._link.feed(said, self._ticks)
        self._link.report(entries)
        self._link.step(self._ticks)
        return self._link.output()

    def press(self) -> None:
        """Somebody presses the help button."""
        self._tell({"event": CALLED, "call": self._dice.randrange(1, 1 << 31)})

    def take_back(self) -> None:
        """Somebody holds it, until the call is taken back."""
        if self.call.state != OVER:
            self._tell({"event": CANCELLED, "call": self.call.number, "held_ms": 10_000})

    def _tell(self, values: dict[str, Any]) -> None:
        self._outbox.append([("help", BUTTON, values, self._ticks)], self._clock)
        self.call.kept(BUTTON, values)

    def _know_time(self, word: str, utc_ms: int) -> None:
        won = self._clock.offer("ntp" if word == "gnss" else word, utc_ms, self._ticks)
        if won is not None:
            self._outbox.clock_won(self._clock, self._ticks, won[0], won[1], False)

    def _do(self, command: dict[str, Any]) -> tuple[bool, str]:
        if command["do"] == "signal":
            self._show(f"{command['light']} light, {command['beeps']} beeps")
        elif command["do"] == "help":
            is_done = self.call.answer(command["source"], command["call"], command["state"])
            if self.call.take_beeps() is not None:
                log.info("the button shows: %s", self.call.state)
            return is_done, ""
        else:
            return False, "no such command"
        return True, ""

    def _show(self, signal: str) -> None:
        if self.signal != signal:
            log.info("the cabinet shows: %s", signal)
        self.signal = signal
