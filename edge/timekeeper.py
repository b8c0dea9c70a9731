"""The timekeeper: gathers evidence of what time it is, and tells of whom it did not believe.

`clock` weighs the evidence; here it is asked for every so often, and who contradicts the clock, or names a
date that cannot be, is a fault until nothing of the kind has been said for a minute.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from edge.sources.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.clock import Clock, ClockSet, Evidence
    from edge.record import Reading
    from edge.time_source import TimeSource

EVIDENCE_MS = 10_000
SAYERS: dict[str, str] = {"gnss": "the receiver", "ntp": "the network", "rtc": "the clock on board"}


class Timekeeper:
    """Keeps one clock; `make_clock` makes it anew when a moment is known that is surely past."""

    def __init__(
        self, make_clock: Callable[[int], Clock], time: TimeSource, emit: Callable[[Reading], None]
    ) -> None:
        self._make_clock = make_clock
        self._time = time
        self._jumps = Faults("clock", emit, time.mono_ms)
        self._refused = 0
        self._evidence_ms = -EVIDENCE_MS
        self.clock = make_clock(0)

    def begin_after(self, last_good_ms: int) -> None:
        """It was that late once, so it should be later now; of no use once the time is known."""
        if self.clock.boot_at_ms is None:
            self.clock = self._make_clock(last_good_ms)

    def look(self, now_ms: int) -> ClockSet | None:
        """Ask the machine, when that is due; what changed."""
        if now_ms - self._evidence_ms < EVIDENCE_MS:
            return None
        self._evidence_ms = now_ms
        evidence = self._time.evidence()
        return None if evidence is None else self.offer(evidence[0], evidence[1], now_ms)

    def offer(self, source: Evidence, utc_ms: int | None, mono_ms: int) -> ClockSet | None:
        """Take what somebody says; what changed."""
        if utc_ms is None:
            return None
        refused = self.clock.refused
        won = self.clock.offer(source, utc_ms, mono_ms)
        if won is None and self.clock.refused > refused:
            self._doubt(source, utc_ms)
        return won

    def _doubt(self, source: Evidence, utc_ms: int) -> None:
        """Tell of a receiver that contradicts the clock; while there is none, of any date that cannot be."""
        is_timed = self.clock.boot_at_ms is not None
        if is_timed and source != "gnss":
            return
        said = datetime.datetime.fromtimestamp(utc_ms / 1000, datetime.UTC)
        code = "jump" if is_timed else "impossible"
        self._jumps.begin(code, f"{SAYERS[source]} says {said:%Y-%m-%d %H:%M:%S} UTC, not believed")

    def end_doubt(self) -> None:
        """Nothing unbelievable was said since the last call: it is over. To be called every minute or so."""
        if self.clock.refused == self._refused:
            self._jumps.end()
        self._refused = self.clock.refused
