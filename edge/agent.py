"""The agent: joins sources, intake and courier. One main thread owns clock, outbox and uplink.

Source threads and the line's thread only put things on a queue and never touch anything else. The main thread
sleeps until something comes or is due, so a unit at 1 Hz wakes once a second.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import random as dice
import secrets
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import parts
from edge.courier import Courier
from edge.health import Machine
from edge.outbox import OutboxError
from edge.record import Reading
from edge.sources import Commander, TagWriter, TimeTaker
from edge.sources.faults import Faults
from edge.watchdog import Watchdog
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.books.librarian import Librarian
    from edge.cabinet.status import Pattern
    from edge.settings import Settings
    from edge.sources import Source
    from edge.time_source import TimeSource

log = logging.getLogger(__name__)

MOST_QUEUED = 1000
MOST_AT_ONCE = 200  # readings taken before the rest of the loop has its turn
LONGEST_WAIT_S = 0.5  # of real time: a stop is seen within this
SOURCE_RESTART_S = (2.5, 300.0)  # doubled before each: one that dies at once would fill the journal
SOURCE_LIVES_MS = 60_000
DEPTH_MS = 10_000
ENDING_MS = 1_000  # for all sources together: systemd kills what takes longer than ten


class Agent:
    """One unit. `run` returns when `stop` is set, with everything accepted on disk."""

    def __init__(
        self,
        settings: Settings,
        time: TimeSource,
        *,
        sources: Sequence[Source] | None = None,
        watchdog: Watchdog | None = None,
        machine: Machine | None = None,
        random: Callable[[], float] = dice.random,
    ) -> None:
        self._settings = settings
        self._time = time
        self._watchdog = watchdog or Watchdog(None, None)
        # Simple: a signal's handler may wake us while this very thread is inside the queue.
        self._inbox: queue.SimpleQueue[Reading | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(MOST_QUEUED)
        self._sources = list(parts.sources_of(settings, time) if sources is None else sources)
        self._intake = parts.intake_of(settings, time)
        self._faults = Faults("uplink", self._intake.take, time.mono_ms)
        self._uplink = parts.uplink_of(settings, random)
        self._courier: Courier | None = None
        self._helpline = parts.helpline_of(self._sources)
        self._rollout = parts.rollout_of(settings, self._sources) if settings.releases.key_file else None
        self._keeper = parts.keeper_of(settings, time, self._intake, self._signal, self._helpline)
        self._librarian = self._make_librarian() if settings.books.folder else None
        self._machine = machine or Machine(Path(settings.outbox.path).parent)
        self._stop = threading.Event()
        self._sensed_ms: int | None = None
        self._shown: Reading | None = None
        self._depth_ms: int | None = None
        self.depth_rows = self.depth_age_s = self.dropped = 0
        self._power: dict[str, int | str | None] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; source threads end with it."""
        self._stop = stop
        begin_ms = self._time.mono_ms()
        self._intake.open(begin_ms)
        for source in self._sources:
            if isinstance(source, TimeTaker):
                source.know_time(self._utc)
        threads = [self._start(source) for source in self._sources]
        self._watchdog.ready("started")
        try:
            while not stop.is_set():
                self._turn(begin_ms)
                self._wait()
        finally:  # whatever has gone wrong, what was accepted goes to disk
            stop.set()
            self._watchdog.stopping()
            self._end(threads)

    def wake(self) -> None:
        """Have the main thread look around. From any thread, and from a signal's handler."""
        self._inbox.put(None)

    def emit(self, reading: Reading) -> None:
        """Hand in a reading. From any thread; waits while the agent is behind."""
        while not self._stop.is_set():
            if self._room.acquire(timeout=LONGEST_WAIT_S):
                self._inbox.put(reading)
                return

    # --- the loop ---------------------------------------------------------------------------------------

    def _turn(self, begin_ms: int) -> None:
        now_ms = self._time.mono_ms()
        try:
            self._record(now_ms)
        except OutboxError as error:
            self._intake.fail(error, now_ms)
        self._live(now_ms)  # ahead of the batches, which would keep the line busy
        self._send(now_ms, begin_ms)
        self._watchdog.progress(int(now_ms / self._time.speed), self.status())

    def _record(self, now_ms: int) -> None:
        self._drain()
        self.sense(now_ms)
        self._intake.step(now_ms)
        if self._keeper is not None:
            self._keeper.step(now_ms)
        if self._librarian is not None:
            self._librarian.step(now_ms)
        if self._intake.is_commit_due(now_ms):
            self._intake.commit(now_ms)
        if self._librarian is not None:
            self._librarian.settle()

    def _drain(self) -> None:
        with contextlib.suppress(queue.Empty):
            for _ in range(MOST_AT_ONCE):
                self._take(self._inbox.get_nowait())

    def _take(self, reading: Reading | None) -> None:
        if reading is None:
            return
        self._room.release()
        try:
            self._accept(reading)
        except OutboxError as error:  # of a row that its source keeps and sends again
            self._intake.fail(error, self._time.mono_ms())

    def _accept(self, reading: Reading) -> None:
        if reading.kind == "help" and self._helpline is not None:
            reading = self._helpline.take(reading, self._intake.newest_fix)
        if self._rollout is not None and self._intake.outbox is not None:
            self._rollout.heard(self._intake.outbox, reading)
        if reading.mark is not None:  # a record already: nobody here makes another of it
            if self._keeper is None:
                self._intake.take(reading)
            else:
                self._keeper.take_row(reading, reading.mark)
            return
        if self._librarian is not None and self._librarian.take(reading):
            return
        if self._keeper is None:
            self._intake.take(reading)
        else:
            self._keeper.take(reading)

    def _wait(self) -> None:
        """Sleep until something comes or is due."""
        if not self._inbox.empty():
            return
        now_ms = self._time.mono_ms()
        due_ms = min(self._intake.wait_ms(now_ms), self._uplink.wait_ms(now_ms))
        seconds = min(due_ms / 1000 / self._time.speed, LONGEST_WAIT_S)
        with contextlib.suppress(queue.Empty):
            self._take(self._inbox.get(timeout=max(seconds, 0.002)))

    def _send(self, now_ms: int, begin_ms: int) -> None:
        outbox = self._intake.outbox
        if outbox is None:
            return
        is_timed = self._intake.clock.boot_at_ms is not None
        is_waiting = not is_timed and now_ms - begin_ms < self._settings.clock.hold_s * 1000
        try:
            if self._courier is None:
                self._courier = self._make_courier(outbox.note("protocol"))
            self._courier.step(outbox, now_ms, is_waiting=is_waiting, is_clock_good=is_timed)
            if self._helpline is not None:
                self._helpline.step(outbox, now_ms)
        except OutboxError as error:
            self._intake.fail(error, now_ms)

    def _live(self, now_ms: int) -> None:
        newest = self._intake.newest_fix
        if self._courier is not None and self._courier.send_live(
            lambda: self._live_message(newest, now_ms), now_ms, has_news=newest is not self._shown
        ):
            self._shown = newest

    def _live_message(self, newest: Reading | None, now_ms: int) -> dict[str, Any]:
        clock = self._intake.clock
        time_ms, _, word = clock.time_of(now_ms if newest is None else newest.mono_ms)
        message: dict[str, Any] = {"time_ms": time_ms, "clock": word}
        if newest is not None:
            if word == "gnss":
                own_ms = clock.own_time(newest.utc_ms, newest.mono_ms)
                message["time_ms"] = time_ms if own_ms is None else own_ms
            for name, value in newest.values.items():
                words = wire.KINDS["fix"].by_name[name].words
                message[name] = words[value] if words and isinstance(value, int) else value
        message["outbox_rows"], message["outbox_age_s"] = self.depth_rows, self.depth_age_s
        message["supply_mv"] = self._power.get("supply_mv")
        return message

    # --- the unit's own records -------------------------------------------------------------------------

    def sense(self, now_ms: int) -> None:
        """Make the unit's own records that are due. Called in each turn; another agent may make others."""
        if self._depth_ms is None or now_ms - self._depth_ms >= DEPTH_MS:
            self._depth_ms = now_ms
            self.measure_depth(now_ms)
        period_ms = self._settings.sense.period_s * 1000
        if self._sensed_ms is not None and now_ms - self._sensed_ms < period_ms:
            return
        self._sensed_ms = now_ms
        self._power = self._machine.power()
        if any(value is not None for value in self._power.values()):
            self._intake.take(Reading("power", "unit", now_ms, self._power))
        health = {
            **self._machine.health(),
            "outbox_rows": self.depth_rows,
            "outbox_age_s": self.depth_age_s,
            "odometer_m": self._intake.odometer_m,
            "dropped": self.dropped,
            "nmea_refused": sum(sum(source.refused.values()) for source in self._sources),
            "reconnects": self._uplink.reconnects,
        }
        self._intake.take(Reading("health", "unit", now_ms, health))

    def measure_depth(self, now_ms: int) -> bool:
        """Have `depth_rows`, `depth_age_s` and `dropped` tell of now; False while the disk is in the way."""
        if self._intake.outbox is None:
            return False
        try:
            depth = self._intake.outbox.depth(now_ms)
        except OutboxError as error:
            self._intake.fail(error, now_ms)
            return False
        self.depth_rows, self.depth_age_s, self.dropped = depth.rows, depth.age_ms // 1000, depth.dropped
        return True

    @property
    def is_online(self) -> bool:
        """Whether a connection to the broker stands."""
        return self._uplink.is_open

    def status(self) -> str:
        """One line for people."""
        line = "online" if self.is_online else "offline"
        waiting = f", {self._intake.waiting} in memory" if self._intake.is_in_trouble else ""
        return f"{line}, {self.depth_rows} records to send, the oldest {self.depth_age_s} s old{waiting}"

    # --- sources ----------------------------------------------------------------------------------------

    def _start(self, source: Source) -> threading.Thread:
        thread = threading.Thread(
            target=self._run_source, args=(source,), name=f"source-{source.name}", daemon=True
        )
        thread.start()
        return thread

    def _run_source(self, source: Source) -> None:
        """The body of a source's thread: a source that dies is told and started again."""
        faults = Faults(source.name, self.emit, self._time.mono_ms)
        wait_s = SOURCE_RESTART_S[0]

        def emit(reading: Reading) -> None:
            self.emit(reading)
            if reading.kind != "fault":
                faults.end()

        while not self._stop.is_set():
            detail, begun_ms = "ended", self._time.mono_ms()
            try:
                source.run(emit, self._stop)
            except Exception as error:
                detail = f"{type(error).__name__}: {error}"
                log.exception("source %s died; it is started again", source.name)
            if not self._stop.is_set():
                faults.begin("died", detail)
                has_lived = self._time.mono_ms() - begun_ms >= SOURCE_LIVES_MS
                wait_s = SOURCE_RESTART_S[0] if has_lived else min(2 * wait_s, SOURCE_RESTART_S[1])
                self._stop.wait(wait_s / self._time.speed)

    def _signal(self, pattern: Pattern) -> None:
        """Have the nodes show what the crew is to know, by light and buzzer."""
        text = json.dumps({"do": "signal", **asdict(pattern)}, separators=(",", ":"))
        for source in self._sources:
            if isinstance(source, Commander):
                source.command(secrets.token_bytes(8), text)

    def _utc(self) -> tuple[int | None, str]:
        """What time it is, as far as the clock has earned it. From any thread."""
        clock = self._intake.clock
        time_ms, _, word = clock.time_of(self._time.mono_ms())
        return (None, word) if clock.boot_at_ms is None else (time_ms, word)

    def _write_tag(self, source: str, uid: str, afi: int) -> None:
        """Have a reader write a tag's AFI; what it reads back comes as a reading."""
        for found in self._sources:
            if found.name == source and isinstance(found, TagWriter):
                found.write_afi(uid, afi)

    # --- beginning and end ------------------------------------------------------------------------------

    def _make_librarian(self) -> Librarian:
        door = parts.door_of(self._settings, self._time)
        self._sources.append(door)
        return parts.librarian_of(self._settings, self._intake, door, self._write_tag)

    def _make_courier(self, known_protocol: str | None) -> Courier:
        uplink = self._settings.uplink
        return Courier(
            parts.line_of(self._settings, self.wake, known_protocol),
            self._uplink,
            self._faults,
            birth=parts.birth_of(self._settings),
            batch_rows=uplink.batch_rows,
            batch_bytes=uplink.batch_bytes,
            is_deflated=uplink.is_deflated,
            on_help=None if self._helpline is None else self._helpline.answer,
            rollout=self._rollout,
        )

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        until_ms = self._time.mono_ms() + ENDING_MS * self._time.speed
        for thread in threads:
            thread.join(max(until_ms - self._time.mono_ms(), 0) / 1000 / self._time.speed)
        try:
            while not self._inbox.empty():
                self._drain()
        finally:
            self._intake.close(self._time.mono_ms())
            if self._courier is not None:
                self._courier.close()
