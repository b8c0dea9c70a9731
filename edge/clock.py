"""The clock: UTC is only given by a source that has earned it.

A unit may boot in 1970, carry a receiver whose weeks have rolled over, or hear a canned date. So monotonic
time is the ground, and UTC is one number on top of it, `boot_at_ms`: the UTC of the boot. Evidence climbs a
ladder, none < estimated < rtc < ntp < gnss: what ranks lower never moves what ranks higher.

    within bounds?  floor (build date) .. floor + 20 years. A receiver below the floor may have lost 1,024
                    weeks, once: that is tried; all else is refused.
    going back?     Before the last good time of earlier boots a clock on board is not believed, and others
                    only after half a minute of agreement: that time itself may have been wrong, and a unit
                    must not hold on to a wrong date for ever.
    agreed?         A receiver's word counts when several consecutive fixes keep one distance to monotonic
                    time, and longer when its weeks had to be corrected and no other source is of its mind.
                    Moving a clock that is already earned asks the same of anyone, so that a single spoofed
                    or garbled fix moves nothing; moving it far asks for half a minute.
    moves?          Within 250 ms of what we have the evidence raises the rank and moves nothing, so that
                    `boot_at_ms` stays constant and costs nothing on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firmware import wire

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS + DAY_MS // 4
ROLLOVER_MS = 1024 * 7 * DAY_MS

STEP_MS = 250  # less than this is jitter of the serial line
AGREEMENT_MS = 500  # evidence in agreement stays within this of its first word
AGREEMENT_SPAN_MS = 1_500  # and lasts this long, so that a stopped clock at 10 Hz is found out
AGREEING = 3
JUMP_MS = 60_000  # an earned clock is moved farther than this only by
JUMP_SPAN_MS = 30_000  # agreement that lasts this long
AGREEING_CORRECTED = 10  # a date that had to be corrected by a rollover is a guess, and asked for longer
OWN_TIME_MS = 1_000  # a fix is late on the line by less than this

Evidence = Literal["rtc", "ntp", "gnss"]


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The clock was won or stepped: what was timed by `was` happened `step_ms` later than it says."""

    time_ms: int
    boot_at_ms: int
    clock: str
    step_ms: int
    was: str


@dataclass(slots=True)
class _Run:
    """Consecutive evidence of one source that agrees with its first word."""

    first_boot_at_ms: int
    first_mono_ms: int
    best_boot_at_ms: int  # the latest: a sentence is only ever late, never early
    last_mono_ms: int
    count: int = 1

    def has_taken(self, boot_at_ms: int, mono_ms: int) -> bool:
        if mono_ms < self.last_mono_ms:
            return False
        if abs(boot_at_ms - self.first_boot_at_ms) > AGREEMENT_MS:
            return False
        self.best_boot_at_ms = max(self.best_boot_at_ms, boot_at_ms)
        self.last_mono_ms = mono_ms
        self.count += 1
        return True


class Clock:
    """Maps monotonic time to UTC, as far as the evidence goes.

    `floor_ms` is a moment surely past; so is `last_good_ms`, unless the clock was wrong then.
    """

    def __init__(self, floor_ms: int, last_good_ms: int = 0, *, ceiling_ms: int | None = None) -> None:
        # What could not be the time, or contradicted an earned clock and has not agreed for long enough.
        self.refused = 0
        self.floor_ms = floor_ms
        self._last_good_ms = last_good_ms
        self.ceiling_ms = floor_ms + 20 * YEAR_MS if ceiling_ms is None else ceiling_ms
        self.word = "none"
        self.boot_at_ms: int | None = None
        self._runs: dict[str, _Run] = {}

    def offer(self, source: Evidence, utc_ms: int, mono_ms: int) -> ClockSet | None:
        """Take evidence that it is `utc_ms` at `mono_ms`; answers what changed, if anything."""
        corrected_ms = self.corrected_utc(utc_ms) if source == "gnss" else utc_ms
        if corrected_ms is None or not self._is_plausible(corrected_ms):
            self.refused += 1
            return None
        rank = wire.CLOCKS.index(source) - wire.CLOCKS.index(self.word)
        if rank < 0:
            return None
        boot_at_ms = corrected_ms - mono_ms
        if rank == 0 and self._is_near(boot_at_ms):
            self._runs.pop(source, None)
            return None
        is_back = corrected_ms < self._last_good_ms
        if is_back and source == "rtc":
            self.refused += 1
            return None
        needed = self._needed(source, rank, boot_at_ms, is_corrected=corrected_ms != utc_ms, is_back=is_back)
        span_ms = JUMP_SPAN_MS if is_back else self._needed_ms(rank, boot_at_ms, needed)
        agreed_ms = self._agreed(source, boot_at_ms, mono_ms, needed, span_ms)
        if agreed_ms is None:
            self.refused += is_back or (rank == 0 and not self._is_near(boot_at_ms, OWN_TIME_MS))
            return None
        return self._set(source, agreed_ms, mono_ms)

    def time_of(self, mono_ms: int) -> tuple[int, int, str]:
        """(time_ms, boot_at_ms, clock) of a moment; with clock "none" the time counts from boot."""
        if self.boot_at_ms is None:
            return mono_ms, 0, "none"
        return self.boot_at_ms + mono_ms, self.boot_at_ms, self.word

    def corrected_utc(self, utc_ms: int) -> int | None:
        """A receiver's UTC with a week rollover put right; None when no such time can be."""
        for candidate_ms in (utc_ms, utc_ms + ROLLOVER_MS):
            if self._is_plausible(candidate_ms):
                return candidate_ms
        return None

    def own_time(self, utc_ms: int | None, mono_ms: int) -> int | None:
        """A fix's own UTC, corrected, when the clock bears it out: a garbled one does not date a record."""
        if utc_ms is None or self.boot_at_ms is None:
            return None
        own_ms = self.corrected_utc(utc_ms)
        if own_ms is None or abs(own_ms - self.boot_at_ms - mono_ms) > OWN_TIME_MS:
            return None
        return own_ms

    def _is_plausible(self, utc_ms: int) -> bool:
        return self.floor_ms <= utc_ms <= min(self.ceiling_ms, wire.MAX_TIME_MS)

    def _is_near(self, boot_at_ms: int, within_ms: int = STEP_MS) -> bool:
        return self.boot_at_ms is not None and abs(boot_at_ms - self.boot_at_ms) <= within_ms

    def _needed(self, source: str, rank: int, boot_at_ms: int, *, is_corrected: bool, is_back: bool) -> int:
        if source != "gnss" and rank > 0 and not is_back:
            return 1
        is_seconded = self.boot_at_ms is not None and abs(boot_at_ms - self.boot_at_ms) < DAY_MS
        return AGREEING_CORRECTED if is_corrected and not is_seconded else AGREEING

    def _needed_ms(self, rank: int, boot_at_ms: int, needed: int) -> int:
        if rank == 0 and not self._is_near(boot_at_ms, JUMP_MS):
            return JUMP_SPAN_MS
        return AGREEMENT_SPAN_MS if needed > 1 else 0

    def _agreed(self, source: str, boot_at_ms: int, mono_ms: int, needed: int, needed_ms: int) -> int | None:
        run = self._runs.get(source)
        if run is None or not run.has_taken(boot_at_ms, mono_ms):
            run = self._runs[source] = _Run(boot_at_ms, mono_ms, boot_at_ms, mono_ms)
        if run.count < needed or run.last_mono_ms - run.first_mono_ms < needed_ms:
            return None
        del self._runs[source]
        return run.best_boot_at_ms

    def _set(self, source: str, boot_at_ms: int, mono_ms: int) -> ClockSet:
        was, before_ms = self.word, self.boot_at_ms
        if not self._is_near(boot_at_ms):
            self.boot_at_ms = boot_at_ms
        self.word = source
        time_ms, now_boot_at_ms, _ = self.time_of(mono_ms)
        return ClockSet(time_ms, now_boot_at_ms, source, now_boot_at_ms - (before_ms or 0), was)
