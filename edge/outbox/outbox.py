"""The outbox itself: one object, one connection, one thread. The package tells the theory."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.outbox import batches, boots, commands, earlier, lanes, quota, raw, schema, settling
from edge.outbox.connection import Connection, OutboxBroken, OutboxFull, configure, errors, transaction
from edge.outbox.depth import Depth, depth
from edge.outbox.identity import EVENT, Identity
from edge.outbox.rows import Row, row_of
from edge.outbox.soundness import sound_fixes
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.outbox.settling import Settled
    from edge.record import Record, Values

MIB = 1024 * 1024
DAY_MS = 86_400_000
STEPS_AT_ONCE = 64  # of making room in one call, so that the caller's loop goes on


@dataclass(frozen=True, slots=True)
class Limits:
    """How large, how long, how fine."""

    max_mib: float = 128
    black_box_days: float = 30.0
    raw_track_days: float = 7.0
    tolerance_m: float = 5.0
    window_ms: int = 120_000
    batch_rows: int = 60


@dataclass(frozen=True, slots=True)
class Heights:
    """The highest numbers given: tells after a failed commit whether it happened after all."""

    epoch: str
    seqs: tuple[int, ...]
    raw_id: int


def new_id() -> str:
    """64 random bits as 16 hex digits."""
    return secrets.token_hex(wire.ID_BYTES)


class Outbox:
    """Every record until the service's receipt, and for a while after. Not for use by several threads."""

    def __init__(
        self,
        connection: Connection,
        boot: str,
        limits: Limits | None = None,
        *,
        new_epoch: Callable[[], str] = new_id,
    ) -> None:
        self._db = connection
        self._limits = limits or Limits()
        configure(connection, int(self._limits.max_mib * MIB))
        schema.prepare(connection, new_epoch)
        with errors():
            self._identity = Identity(connection, boot, new_epoch)
            self._next_raw_id: int = raw.next_id(connection)
        # The numbers if a commit that failed has happened after all: to be compared after reopening.
        self.attempted: Heights | None = None
        self._check_window_at_ms = 0

    @property
    def epoch(self) -> str:
        """The identity under which new records are numbered."""
        return self._identity.epoch

    @property
    def boot(self) -> str:
        return self._identity.boot

    @property
    def heights(self) -> Heights:
        return self._heights_of(self.epoch, self._identity.epoch_id)

    def _heights_of(self, epoch: str, epoch_id: int) -> Heights:
        with errors():
            found = self._db.execute("SELECT seq FROM lanes WHERE epoch = ? ORDER BY lane", (epoch_id,))
            seqs = tuple(row[0] for row in found.fetchall())
            return Heights(epoch, seqs, raw.next_id(self._db) - 1)

    def has_reached(self, heights: Heights) -> bool:
        """Whether a commit that would have led there has happened; also in a file that was saved since."""
        epoch_id = self._identity.epochs.get(heights.epoch)
        return epoch_id is not None and self._heights_of(heights.epoch, epoch_id) == heights

    # --- taking records in ------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], notes: Mapping[str, str] | None = None) -> None:
        """Commit the records, all or none, and with them what `note` is to know.

        Fixes go to the raw track, and in windows to their lane.
        """
        if not records and not notes:
            return
        try:
            self._append(records, notes or {})
        except OutboxFull:
            if not self.make_room():
                raise
            self._append(records, notes or {})

    def _append(self, records: Sequence[Record], notes: Mapping[str, str]) -> None:
        raw_id, self.attempted = self._next_raw_id, None
        with transaction(self._db):
            fixes: list[Row] = []
            by_lane: dict[int, list[Row]] = {}
            for record in records:
                if record.kind == "fix":
                    fixes.append(row_of(record, raw_id, self._identity.number_of(record)))
                    raw_id += 1
                else:
                    lane = wire.LANES.index(record.lane)
                    by_lane.setdefault(lane, []).append(row_of(record, 0, self._identity.number_of(record)))
            raw.put(self._db, fixes)
            for lane, rows in by_lane.items():
                lanes.put(self._db, self._identity.epoch_id, lane, rows)
            for key, value in notes.items():
                schema.set_meta(self._db, schema.NOTE + key, value)
            self.attempted = self.heights
        self.attempted = None
        self._next_raw_id = raw_id
        if records:
            self._identity.note_newest(records[-1])

    def close_windows(self, mono_ms: int, *, is_final: bool = False) -> int:
        """Hand what has been recorded of the track to its lane, once the window is over; how many rows."""
        if mono_ms < self._check_window_at_ms and not is_final:
            return 0
        with errors():
            rows = sound_fixes(self._db, self._identity)
        limits, boot = self._limits, self._identity.boot_number
        if not rows:
            return 0
        if not is_final and not raw.is_over(rows, boot, mono_ms, limits.window_ms, limits.tolerance_m):
            age_ms = mono_ms - rows[0].mono_ms
            wait_ms = limits.window_ms - age_ms if age_ms < limits.window_ms else limits.window_ms
            self._check_window_at_ms = mono_ms + wait_ms
            return 0
        with transaction(self._db):
            return raw.close_window(self._db, self._identity.epoch_id, rows, limits.tolerance_m)

    def set_clock(self, boot_at_ms: int, clock: str, mono_ms: int | None = None) -> tuple[int, str] | None:
        """Time what was not offered yet; the step for what was, and what had timed that.

        With `mono_ms`, when that was, the step is recorded in the same transaction.
        """
        try:
            return self._set_clock(boot_at_ms, clock, mono_ms)
        except OutboxFull:
            if not self.make_room():
                raise
            return self._set_clock(boot_at_ms, clock, mono_ms)

    def _set_clock(self, boot_at_ms: int, clock: str, mono_ms: int | None) -> tuple[int, str] | None:
        rank, boot = wire.CLOCKS.index(clock), self._identity.boot_number
        with transaction(self._db):
            before = boots.find(self._db, boot)
            if (before.clock, before.boot_at_ms) == (rank, boot_at_ms):
                return None
            boots.save(self._db, replace(before, boot_at_ms=boot_at_ms, clock=rank))
            lanes.correct(self._db, boot, boot_at_ms, rank)
            raw.correct(self._db, boot, boot_at_ms, rank)
            step_ms = boot_at_ms - before.boot_at_ms
            if mono_ms is not None:
                moment = (mono_ms, boot_at_ms + mono_ms, boot_at_ms, clock)
                values: Values = {"step_ms": step_ms, "was": before.clock}
                self._identity.put_event(self._db, "clock_set", "clock", values, moment)
        return step_ms, wire.CLOCKS[before.clock]

    # --- sending ----------------------------------------------------------------------------------------

    def take(
        self,
        lane: str,
        after: tuple[str, int] | None = None,
        *,
        most: int | None = None,
        is_waiting: bool = False,
    ) -> wire.Batch | None:
        """The next batch of a lane behind the mark, or behind `after` (epoch, seq), what is under way.

        Its times are frozen, and that is committed, before this returns. While `is_waiting` for the clock,
        records of this boot without a time are held back.
        """
        rows = most or self._limits.batch_rows
        with errors():
            return batches.next_batch(self._db, self._identity, lane, after, rows, is_waiting=is_waiting)

    def ends(self) -> list[wire.Batch]:
        """Of each older epoch a row that has its receipt, to be sent once more.

        A birth is answered for the current epoch. The answer to such a row tells where the service stands in
        an older one, which is lower than it was when the service is back from an old copy.
        """
        with errors():
            return batches.ends(self._db, self._identity)

    def settle(self, receipt: dict[str, Any], conn: int) -> list[Settled]:
        """Mark what the service has; a fork or a store that is ahead begins a new epoch."""
        return settling.settle(self._db, self._identity, receipt, conn)

    # --- commands ---------------------------------------------------------------------------------------

    def obey(self, command: dict[str, Any]) -> bool:
        """Do what the service asks, once, and record the answer with it; False: done before."""
        with errors():
            if commands.is_done(self._db, command["id"]):
                return False
        erased = commands.erase(self._db) if command["what"] == "erase" else None
        with transaction(self._db):
            answer = commands.do(self._db, self._identity.epoch_id, command) if erased is None else erased
            self._identity.put_event(self._db, "answer", "unit", answer.values(command["id"]))
            commands.remember(self._db, command["id"])
        return True

    def take_resend(self) -> tuple[int, wire.Batch] | None:
        """The next batch of the black box that was asked for, and the number to give to `resent`."""
        with errors():
            found = commands.next_stretch(self._db, self._limits.batch_rows)
            if found is None:
                return None
            if found.rows:
                return found.number, batches.batch_of(self._db, self._identity, found.lane, found.rows)
            with transaction(self._db):
                commands.forget_stretch(self._db, found.number)
        return None

    def resent(self, number: int, batch: wire.Batch) -> None:
        """The broker has taken a batch of `take_resend`."""
        with transaction(self._db):
            commands.stretch_sent(self._db, number, batch.last_seq)

    # --- room, age, state -------------------------------------------------------------------------------

    def tidy(self, mono_ms: int) -> None:
        """Drop what is too old, make room below the cap. To be called every minute or so."""
        with errors():
            for days, drop in (
                (self._limits.black_box_days, quota.drop_black_box),
                (self._limits.raw_track_days, quota.drop_raw),
            ):
                age_ms = int(days * DAY_MS)
                moment = boots.moment_before(self._db, self._identity.boot_number, mono_ms, age_ms)
                with transaction(self._db):
                    drop(self._db, quota.ROWS_AT_ONCE, moment)
            with self._identity.kept(self._db), transaction(self._db):
                lanes.forget_runs(self._db)
                self._identity.forget_epochs(self._db)
        self.make_room()
        with contextlib.suppress(OutboxFull):  # the next time there may be room
            self._date_earlier_boots()

    def _date_earlier_boots(self) -> None:
        """Time boots that never knew the time; of rows that were sent so, by corrections in a new epoch."""
        with self._identity.kept(self._db), transaction(self._db):
            corrections = earlier.dated(self._db)
            if corrections:
                self._identity.begin_epoch(self._db)
                lanes.put(self._db, self._identity.epoch_id, EVENT, corrections)

    def make_room(self) -> bool:
        """Below the cap again, as far as some steps go; False when nothing could go, or nothing had to."""
        with errors():
            if not quota.is_over(self._db, quota.HIGH):
                return False
            has_gone = False
            for _ in range(STEPS_AT_ONCE):
                with transaction(self._db):
                    is_room_made, loss = quota.make_room(self._db, self._limits.tolerance_m)
                    if loss is not None:
                        self._identity.answer_for(self._db, loss)
                has_gone = has_gone or is_room_made
                if not is_room_made or not quota.is_over(self._db, quota.LOW):
                    break
            return has_gone

    def depth(self, mono_ms: int) -> Depth:
        """How many records wait for a receipt, how long the oldest has, how many were lost so far."""
        with errors():
            return depth(self._db, self._identity.boot_number, mono_ms)

    def count_dropped(self, rows: int) -> None:
        """Readings that could not be taken in are counted with those that were thinned."""
        with transaction(self._db):
            schema.count_meta(self._db, "dropped", rows)

    def next_conn(self) -> int:
        """The number of a new connection: larger than every one before, also across restarts."""
        with transaction(self._db):
            schema.count_meta(self._db, "conn", 1)
            return int(schema.meta(self._db, "conn") or 0)

    def last_good_ms(self) -> int:
        """The last moment at which the clock was good, as far as recorded; 0 when none ever was."""
        with errors():
            return boots.last_good_ms(self._db)

    def note(self, key: str, value: str | None = None) -> str | None:
        """A small fact to keep across restarts, as which protocol worked; written when `value` is given."""
        if value is not None:
            with transaction(self._db):
                schema.set_meta(self._db, schema.NOTE + key, value)
        found = schema.meta(self._db, schema.NOTE + key)
        return None if found is None else str(found)

    def notes(self, prefix: str) -> dict[str, str]:
        """All notes whose keys begin so, by the rest of the key."""
        found = schema.metas(self._db, schema.NOTE + prefix)
        return {key: str(value) for key, value in found.items()}

    def marks(self) -> dict[str, dict[str, int]]:
        """Of the current epoch, per lane: seq, offered, mark."""
        with errors():
            entries = [lanes.lanes_of(self._db, index)[-1] for index in range(len(wire.LANES))]
        return {wire.LANES[e.lane]: {"seq": e.seq, "offered": e.offered, "mark": e.mark} for e in entries}

    def close(self) -> None:
        """Close; everything appended is on disk already."""
        with contextlib.suppress(OutboxBroken), errors():
            self._db.close()
