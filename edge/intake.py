"""The intake: readings become records, and records are on disk within a second; events at once.

When the disk fails or is full nothing is claimed: what came waits in memory, bounded, and is tried again.
After a failed commit the file is reopened and verified, and its numbers tell whether the commit happened
after all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge import standing
from edge.fixes import Fixes
from edge.outbox import (
    Heights,
    Limits,
    Outbox,
    OutboxBroken,
    OutboxDamaged,
    OutboxError,
    OutboxFull,
    Salvage,
    open_outbox,
)
from edge.record import Mark, Reading, Record, record_of
from edge.sources.faults import Faults
from edge.timekeeper import EVIDENCE_MS, Timekeeper
from firmware import wire

if TYPE_CHECKING:
    from edge.clock import Clock, ClockSet, Evidence
    from edge.time_source import TimeSource

log = logging.getLogger(__name__)

MOST_WAITING = 5000  # an hour and more at one reading a second
RETRY_MS = 5_000
OpenFile = Callable[[Path, str, Limits, str | None], tuple[Outbox, Salvage | None]]
TIDY_MS = 60_000
MOST_REFUSED = 256


class Intake:
    """Owns clock and outbox. Everything here runs in the agent's one main thread."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        time: TimeSource,
        make_clock: Callable[[int], Clock],
        *,
        group_ms: int,
        anchor_radius_m: float,
        open_file: OpenFile = open_outbox,
    ) -> None:
        self._path = path
        self._open_file = open_file
        self._limits = limits
        self._time = time
        self._group_ms = group_ms
        self._fixes = Fixes(anchor_radius_m)
        self._timekeeper = Timekeeper(make_clock, time, self._wait)
        self._is_first = True
        self._outbox: Outbox | None = None
        self._damage: str | None = None
        self._waiting: list[Reading] = []
        self._overflow = 0
        self._attempted: tuple[Heights, int] | None = None
        self._notes: dict[str, str] = {}
        self._clock_ms: int | None = None  # when the clock was set, as long as the outbox does not know it
        self._refused: set[tuple[str, str]] = set()
        self._marks: dict[str, Mark] = {}  # of sources that keep their own rows: what was taken
        self._noted_ms = 0
        self._retry_ms = 0
        self._tidied_ms = -EVIDENCE_MS
        self._faults = Faults("outbox", self._waiting.append, time.mono_ms)
        self._standing = standing.Standing()
        self.is_in_trouble = False
        self.commits = 0

    @property
    def outbox(self) -> Outbox | None:
        """The outbox, unless the disk keeps us from it."""
        return self._outbox

    @property
    def clock(self) -> Clock:
        """What time it is, as far as the evidence goes."""
        return self._timekeeper.clock

    @property
    def newest_fix(self) -> Reading | None:
        """Where the unit is, parked or not."""
        return self._fixes.newest

    @property
    def odometer_m(self) -> int:
        return self._fixes.metres

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_settled(self) -> bool:
        """Whether all that was taken and kept is on disk."""
        return not self._waiting and not self._notes

    def take(self, reading: Reading) -> None:
        """Accept a reading; it is safe once `commit` has gone through."""
        if reading.mark is not None:
            self.take_row(reading, reading.mark)
        elif reading.kind == "fix":
            self._take_fix(reading)
        else:
            self._wait(reading)

    def keep(self, key: str, text: str, now_ms: int) -> None:
        """Have a note of the outbox committed together with what was taken before."""
        if not self._notes:
            self._noted_ms = now_ms
        self._notes[key] = text

    def take_row(self, reading: Reading, mark: Mark) -> Reading | None:
        """A row of a source that keeps it until it is told: once and in order, or not at all for now.

        What was taken, in this boot's time; None when the source has to send it again, or need not.
        """
        if self._outbox is None or len(self._waiting) > MOST_WAITING // 2:
            return None
        last = self._marks.get(mark.key) or mark.noted(self._outbox.note(mark.key))
        if not mark.follows(last):
            if last is not None and not self._waiting and not self._notes:
                mark.settled(last)
            return None
        mono_ms = self._moment(reading, mark)
        if mono_ms is None:
            return None
        mark = mark.after(last)
        self._marks[mark.key] = mark
        self.keep(mark.key, mark.note, self._time.mono_ms())
        taken = replace(reading, mono_ms=mono_ms, utc_ms=None, mark=mark)
        self._wait(taken)
        return taken

    def _moment(self, reading: Reading, mark: Mark) -> int | None:
        """When it was; None: only a clock will tell, since it was before this boot."""
        if mark.is_by_utc and reading.utc_ms is not None:
            boot_at_ms = self.clock.boot_at_ms
            return None if boot_at_ms is None else reading.utc_ms - boot_at_ms
        is_told = reading.mono_ms >= 0 or self.clock.boot_at_ms is not None
        return reading.mono_ms if is_told else None

    def _take_fix(self, fix: Reading) -> None:
        self.offer_time("gnss", fix.utc_ms, fix.mono_ms)
        for reading in self._fixes.take(fix):
            self._wait(reading)

    def _wait(self, reading: Reading) -> None:
        # What a source keeps by itself stands as long as that says so.
        note = self._standing.take(reading) if reading.mark is None else None
        if note is not None:
            self.keep(standing.NOTE, note, reading.mono_ms)
        if len(self._waiting) >= MOST_WAITING:
            at = next((i for i, old in enumerate(self._waiting) if _lane(old) != "event"), 0)
            del self._waiting[at]
            self._overflow += 1
            if self._attempted is not None and at < self._attempted[1]:
                self._attempted = (self._attempted[0], self._attempted[1] - 1)
        self._waiting.append(reading)

    # --- committing -------------------------------------------------------------------------------------

    def is_commit_due(self, now_ms: int) -> bool:
        begun_ms = self._begun_ms()
        if begun_ms is None or now_ms < self._retry_ms:
            return False
        if any(_lane(reading) == "event" for reading in self._waiting):
            return True
        return not 0 <= now_ms - begun_ms < self._group_ms  # what is dated ahead holds nobody up

    def _begun_ms(self) -> int | None:
        """Since when something waits for its commit."""
        begun_ms = [self._waiting[0].mono_ms] if self._waiting else []
        return min([*begun_ms, self._noted_ms] if self._notes else begun_ms, default=None)

    def wait_ms(self, now_ms: int) -> int:
        """How long nothing will be due by itself."""
        begun_ms = self._begun_ms()
        if begun_ms is None:
            return EVIDENCE_MS
        due_ms = max(begun_ms + self._group_ms, self._retry_ms)
        return max(0, due_ms - now_ms)

    def commit(self, now_ms: int) -> bool:
        """Put on disk what waits; False when it has to wait on."""
        if not self.open(now_ms):
            return False
        try:
            count = len(self._waiting)
            self._append(self._records(self._waiting), count)
            taken = self._waiting[:count]
            del self._waiting[:count]
            self._notes.clear()
            _settle(taken)
            self._count_overflow()
        except OutboxError as error:
            self.fail(error, now_ms)
            return False
        self.commits += 1
        if self.is_in_trouble:
            log.warning("%s: writing again", self._path)
            self.is_in_trouble = False
        self._faults.end()
        return True

    def _append(self, records: list[Record], count: int) -> None:
        outbox = self._need()
        try:
            outbox.append(records, self._notes)
        finally:
            attempted = outbox.attempted
            self._attempted = None if attempted is None else (attempted, count)

    def _forget_committed(self, outbox: Outbox) -> None:
        """After a commit that failed: if it is on disk after all, its readings need not go again."""
        if self._attempted is None:
            return
        heights, count = self._attempted
        if outbox.has_reached(heights):
            del self._waiting[:count]
        self._attempted = None

    def _count_overflow(self) -> None:
        if self._overflow:
            self._need().count_dropped(self._overflow)
            self._overflow = 0

    def _records(self, readings: list[Reading]) -> list[Record]:
        records = []
        for reading in readings:
            try:
                records.append(record_of(reading, self._time.boot, self.clock))
            except wire.WireError as error:
                self._refuse(reading, error)
        return records

    def _refuse(self, reading: Reading, error: wire.WireError) -> None:
        """Counted, and told once of each source and kind: ten a second would fill the journal."""
        self._overflow += 1
        key = (reading.source, reading.kind)
        if key not in self._refused and len(self._refused) < MOST_REFUSED:
            self._refused.add(key)
            log.warning("a reading of %s is refused, and from now on in silence: %s", reading.source, error)

    def fail(self, error: OutboxError, now_ms: int) -> None:
        """The outbox cannot do it now. What waits stays; a file that failed is reopened before it is used."""
        self._retry_ms = now_ms + RETRY_MS
        code = "full" if isinstance(error, OutboxFull) else "broken"
        text = f"{self._path}: {error}; nothing is lost yet, {len(self._waiting)} readings wait in memory"
        if not self.is_in_trouble:
            log.error("%s; trying again every %d s", text, RETRY_MS // 1000)
        self.is_in_trouble = True
        self._faults.begin(code, str(error))
        if isinstance(error, OutboxDamaged):
            self._damage = str(error)
        if isinstance(error, OutboxFull):
            self._attempted = None  # rolled back: what was committed since may have the same numbers
        elif self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    # --- opening ----------------------------------------------------------------------------------------

    def open(self, now_ms: int) -> bool:
        """Open and verify the outbox; False when the disk does not let us, which may pass."""
        if self._outbox is not None:
            return True
        if now_ms < self._retry_ms:
            return False
        try:
            outbox, salvage = self._open_file(self._path, self._time.boot, self._limits, self._damage)
        except OutboxError as error:
            self.fail(error, now_ms)
            return False
        self._damage = None
        self._outbox = outbox
        if salvage is not None:
            log.error(
                "%s was damaged (%s): set aside as %s, %d records and %d fixes of it saved",
                self._path,
                salvage.reason,
                salvage.moved_to,
                salvage.rows,
                salvage.raw_rows,
            )
            detail = f"{salvage.reason}; set aside as {salvage.moved_to}; {salvage.rows} records saved"
            self._faults.begin("damaged", detail)
        try:
            self._forget_committed(outbox)  # before anything gives out more numbers
            self._know_time(outbox)
        except OutboxError as error:
            self.fail(error, now_ms)
        return self._outbox is not None

    def _know_time(self, outbox: Outbox) -> None:
        if self._is_first:
            metres, left, good_ms = (
                outbox.note("odometer_m"),
                outbox.note(standing.NOTE),
                outbox.last_good_ms(),
            )
            self._is_first = False
            self._fixes.metres += int(metres or 0)
            for over in self._standing.over(left, self._time.mono_ms()):
                self._wait(over)
            self._timekeeper.begin_after(good_ms)
        if self.clock.boot_at_ms is not None and self._clock_ms is None:
            self._clock_ms = self._time.mono_ms()
        self._tell_clock()

    # --- time, windows, room ----------------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """What is due by itself: evidence for the clock, windows of the track, room in the file."""
        self._set_clock(self._timekeeper.look(now_ms), now_ms)
        if self._outbox is None or now_ms < self._retry_ms:
            return
        try:
            self._tell_clock()
            self._outbox.close_windows(now_ms)
            if now_ms - self._tidied_ms >= TIDY_MS:
                self._tidied_ms = now_ms
                self._timekeeper.end_doubt()
                self._outbox.note("odometer_m", str(self.odometer_m))
                self._outbox.tidy(now_ms)
        except OutboxError as error:
            self.fail(error, now_ms)

    def offer_time(self, source: Evidence, utc_ms: int | None, mono_ms: int) -> None:
        """Somebody says what time it was at a moment of this boot."""
        self._set_clock(self._timekeeper.offer(source, utc_ms, mono_ms), mono_ms)

    def _set_clock(self, won: ClockSet | None, mono_ms: int) -> None:
        if won is None:
            return
        log.info("the time is known by %s", won.clock)
        self._clock_ms = mono_ms
        try:
            self._tell_clock()
        except OutboxError as error:
            self.fail(error, mono_ms)

    def _tell_clock(self) -> None:
        """Have the outbox time what was recorded before, and record by how much the clock was set."""
        boot_at_ms = self.clock.boot_at_ms
        if self._clock_ms is None or self._outbox is None or boot_at_ms is None:
            return
        self._outbox.set_clock(boot_at_ms, self.clock.word, self._clock_ms)
        self._clock_ms = None

    def close(self, now_ms: int) -> None:
        """Commit what was accepted, hand the track to its lane, close."""
        self._retry_ms = now_ms
        if self._waiting or self._notes:
            self.commit(now_ms)
        if self._outbox is not None:
            try:
                self._outbox.note("odometer_m", str(self.odometer_m))
                self._outbox.close_windows(now_ms, is_final=True)
            except OutboxError as error:
                log.error("%s", error)  # noqa: TRY400 - the cause is in it
            self._outbox.close()
            self._outbox = None
        if self._waiting:
            log.error("%d readings could not be put on disk and are lost", len(self._waiting))

    def _need(self) -> Outbox:
        if self._outbox is None:
            raise OutboxBroken(f"{self._path}: not open")
        return self._outbox


def _lane(reading: Reading) -> str:
    return wire.KINDS[reading.kind].lane if reading.kind in wire.KINDS else ""


def _settle(readings: list[Reading]) -> None:
    """Tell the sources that keep their own rows what is on disk."""
    newest = {reading.mark.key: reading.mark for reading in readings if reading.mark is not None}
    for mark in newest.values():
        mark.settled(mark)
