"""The outbox itself: one object, one connection, one thread. The package tells the theory."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.outbox import commands, earlier, lanes, quota, raw, schema
from edge.outbox.connection import Connection, OutboxBroken, OutboxFull, configure, errors, transaction
from edge.outbox.rows import Row, cells_of, groups_of, row_of
from edge.record import Record, Values
from firmware import wire
from firmware.receipt import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from firmware.receipt import Stretch

MIB = 1024 * 1024
DAY_MS = 86_400_000
RUNS_KEPT = 256  # per lane; a receipt names the last 32 at most
COUNTED_ROWS = 10_000  # more are not counted one by one each time somebody asks
OLDER_EPOCHS = 8  # whose ends are offered again on each connection
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
class Settled:
    """What a receipt changed in one lane of one epoch."""

    epoch: str
    lane: str
    mark: int
    was: int
    moved: int | None = None  # rows that got a new identity after a fork; None: no fork
    is_ahead: bool = False

    @property
    def is_lowered(self) -> bool:
        return self.mark < self.was


@dataclass(frozen=True, slots=True)
class Depth:
    """What still waits for a receipt."""

    rows: int
    age_ms: int
    dropped: int
    by_lane: dict[str, int]


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
        self._new_epoch = new_epoch
        self._epochs: dict[str, int] = {}
        self._epoch, self._epoch_id = "", 0
        configure(connection, int(self._limits.max_mib * MIB))
        schema.prepare(connection, new_epoch)
        with errors():
            self._boot = self._begin_boot(boot)
            self._boots: dict[int, str] = {entry.number: entry.boot for entry in lanes.boots_of(connection)}
            self._next_raw_id: int = raw.next_id(connection)
            # The numbers if a commit that failed has happened after all: to be compared after reopening.
            self.attempted: Heights | None = None
            self._now = (0, 0, 0, "none")  # mono_ms, time_ms, boot_at_ms, clock of the newest record
            self._check_window_at_ms = 0
            self._read_epoch()

    @property
    def epoch(self) -> str:
        """The identity under which new records are numbered."""
        return self._epoch

    @property
    def boot(self) -> str:
        return self._boots[self._boot]

    @property
    def heights(self) -> Heights:
        with errors():
            found = self._db.execute("SELECT seq FROM lanes WHERE epoch = ? ORDER BY lane", (self._epoch_id,))
            seqs = tuple(row[0] for row in found.fetchall())
            return Heights(self._epoch, seqs, raw.next_id(self._db) - 1)

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
        raw_id = self._next_raw_id
        with transaction(self._db):
            fixes: list[Row] = []
            by_lane: dict[int, list[Row]] = {}
            for record in records:
                if record.kind == "fix":
                    fixes.append(row_of(record, raw_id, self._boot_of(record)))
                    raw_id += 1
                else:
                    lane = wire.LANES.index(record.lane)
                    by_lane.setdefault(lane, []).append(row_of(record, 0, self._boot_of(record)))
            raw.put(self._db, fixes)
            for lane, rows in by_lane.items():
                lanes.put(self._db, self._epoch_id, lane, rows)
            for key, value in notes.items():
                schema.set_meta(self._db, schema.NOTE + key, value)
            self.attempted = self.heights
        self.attempted = None
        self._next_raw_id = raw_id
        if records:
            last = records[-1]
            self._now = (last.mono_ms, last.time_ms, last.boot_at_ms, last.clock)

    def close_windows(self, mono_ms: int, *, is_final: bool = False) -> int:
        """Hand what has been recorded of the track to its lane, once the window is over; how many rows."""
        if mono_ms < self._check_window_at_ms and not is_final:
            return 0
        rows = self._sound_fixes()
        limits = self._limits
        if not rows:
            return 0
        if not is_final and not raw.is_over(rows, self._boot, mono_ms, limits.window_ms, limits.tolerance_m):
            age_ms = mono_ms - rows[0].mono_ms
            wait_ms = limits.window_ms - age_ms if age_ms < limits.window_ms else limits.window_ms
            self._check_window_at_ms = mono_ms + wait_ms
            return 0
        with transaction(self._db):
            return raw.close_window(self._db, self._epoch_id, rows, limits.tolerance_m)

    def _sound_fixes(self) -> list[Row]:
        """The open window without damaged rows; those are dropped and counted."""
        with errors():
            rows = raw.open_rows(self._db)
            bad = {row.seq for row in rows if cells_of(row) is None or row.boot not in self._boots}
            if bad:
                with transaction(self._db):
                    for number in bad:
                        self._db.execute("DELETE FROM raw WHERE id = ?", (number,))
                    schema.count_meta(self._db, "dropped", len(bad))
        return [row for row in rows if row.seq not in bad]

    def set_clock(self, boot_at_ms: int, clock: str) -> tuple[int, str] | None:
        """Time what was not offered yet; the step for what was, and what had timed that."""
        rank = wire.CLOCKS.index(clock)
        with transaction(self._db):
            before = next(entry for entry in lanes.boots_of(self._db) if entry.number == self._boot)
            if (before.clock, before.boot_at_ms) == (rank, boot_at_ms):
                return None
            lanes.save_boot(self._db, replace(before, boot_at_ms=boot_at_ms, clock=rank))
            lanes.correct(self._db, self._boot, boot_at_ms, rank)
            raw.correct(self._db, self._boot, boot_at_ms, rank)
        return boot_at_ms - before.boot_at_ms, wire.CLOCKS[before.clock]

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
        with errors():
            for entry in lanes.lanes_of(self._db, wire.LANES.index(lane)):
                batch = self._take(
                    entry, self._behind(entry, after), most or self._limits.batch_rows, is_waiting
                )
                if batch is not None:
                    return batch
        return None

    def _behind(self, entry: lanes.Lane, after: tuple[str, int] | None) -> int:
        if after is None or after[0] not in self._epochs:
            return entry.mark
        epoch_id = self._epochs[after[0]]
        if epoch_id == entry.epoch:
            return max(entry.mark, after[1])
        return entry.seq if entry.epoch < epoch_id else entry.mark

    def _take(self, entry: lanes.Lane, behind: int, most: int, is_waiting: bool) -> wire.Batch | None:
        rows = self._sound(entry, lanes.rows_between(self._db, entry, behind, entry.seq, most))
        rows = lanes.one_boot(rows)
        if is_waiting and rows and rows[0].boot == self._boot:
            untimed = [index for index, row in enumerate(rows) if not row.clock and row.seq > entry.offered]
            rows = rows[: untimed[0]] if untimed else rows
        if not rows:
            return None
        if rows[-1].seq > entry.offered:
            with transaction(self._db):
                rows = lanes.freeze(self._db, entry, rows)
        return self._batch(entry, rows)

    def _sound(self, entry: lanes.Lane, rows: list[Row]) -> list[Row]:
        """The rows without damaged ones; those are dropped, and answered for."""
        bad = [row.seq for row in rows if cells_of(row) is None or row.boot not in self._boots]
        if bad:
            with transaction(self._db):
                for seq in bad:
                    self._db.execute(
                        "DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq = ?",
                        (entry.epoch, entry.lane, seq),
                    )
                schema.count_meta(self._db, "dropped", len(bad))
                self._answer_for(quota.Loss(entry.lane, bad[0], bad[-1], len(bad), "damaged"))
        return [row for row in rows if row.seq not in bad]

    def _batch(self, entry: lanes.Lane, rows: Sequence[Row]) -> wire.Batch:
        before = lanes.row_before(self._db, entry, rows[0].seq)
        prev, prev_boot = (0, None) if before is None else (before[0], self._boots.get(before[1]))
        boot = self._boots[rows[0].boot]
        groups = groups_of([(row, cells_of(row) or []) for row in rows])
        epoch = next(word for word, number in self._epochs.items() if number == entry.epoch)
        return wire.Batch(
            epoch, wire.LANES[entry.lane], prev, boot, None if prev_boot == boot else prev_boot, groups
        )

    def ends(self) -> list[wire.Batch]:
        """Of each older epoch a row that has its receipt, to be sent once more.

        A birth is answered for the current epoch. The answer to such a row tells where the service stands in
        an older one, which is lower than it was when the service is back from an old copy.
        """
        older = [number for number in self._epochs.values() if number != self._epoch_id][-OLDER_EPOCHS:]
        with errors():
            found = [self._end(number) for number in older]
        return [batch for batch in found if batch is not None]

    def _end(self, epoch_id: int) -> wire.Batch | None:
        for index in reversed(range(len(wire.LANES))):
            entry = lanes.lane_of(self._db, epoch_id, index)
            last = lanes.row_before(self._db, entry, entry.mark + 1)
            if last is not None:
                rows = lanes.rows_between(self._db, entry, last[0] - 1, last[0], 1)
                return self._batch(entry, rows) if cells_of(rows[0]) is not None else None
        return None

    def settle(self, receipt: dict[str, Any], conn: int) -> list[Settled]:
        """Mark what the service has; a fork or a store that is ahead begins a new epoch."""
        epoch_id = self._epochs.get(receipt["epoch"])
        if epoch_id is None:
            return []
        out = []
        for name, told in receipt["lanes"].items():
            entry = next(
                lane for lane in lanes.lanes_of(self._db, wire.LANES.index(name)) if lane.epoch == epoch_id
            )
            out.append(self._settle(entry, told, is_current=receipt["conn"] == conn))
        return out

    def _settle(self, entry: lanes.Lane, told: dict[str, Any], *, is_current: bool) -> Settled:
        runs = [(int(first), str(boot)) for first, boot in told["runs"]]
        own = self._stretches(entry, told["mark"])
        verdict = judge(entry.seq, entry.mark, own, told["mark"], runs, is_current)
        epoch = next(word for word, number in self._epochs.items() if number == entry.epoch)
        is_own = entry.epoch == self._epoch_id
        is_ahead = verdict.is_ahead and is_own
        settled = Settled(epoch, wire.LANES[entry.lane], verdict.mark, entry.mark, None, is_ahead)
        if verdict.mark == entry.mark and verdict.fork_seq is None and not is_ahead:
            return settled
        with self._epoch_kept(), transaction(self._db):
            lanes.save(self._db, replace(entry, mark=verdict.mark))
            if is_ahead or (is_own and verdict.fork_seq is not None):
                self._epoch_id = schema.begin_epoch(self._db, self._new_epoch())
            if verdict.fork_seq is None:
                return settled
            moved = lanes.move(self._db, entry, verdict.fork_seq, self._epoch_id)
            return replace(settled, moved=moved)

    def _stretches(self, entry: lanes.Lane, told_mark: int) -> list[Stretch]:
        runs = lanes.runs_of(self._db, entry, 2 * wire.MAX_RUNS)
        ends = [first - 1 for first, _ in runs[1:]] + [max(entry.seq, told_mark)]
        found = []
        for (first, boot), end in zip(runs, ends, strict=False):
            low = lanes.rows_between(self._db, entry, first - 1, end, 1)
            high = lanes.row_before(self._db, entry, end + 1)
            if low and high is not None:
                found.append((low[0].seq, high[0], boot))
        return found

    # --- commands ---------------------------------------------------------------------------------------

    def obey(self, command: dict[str, Any]) -> bool:
        """Do what the service asks, once, and record the answer with it; False: done before."""
        with errors():
            if commands.is_done(self._db, command["id"]):
                return False
        erased = commands.erase(self._db) if command["what"] == "erase" else None
        with transaction(self._db):
            answer = commands.do(self._db, self._epoch_id, command) if erased is None else erased
            self._put_event("answer", "unit", answer.values(command["id"]))
            commands.remember(self._db, command["id"])
        return True

    def take_resend(self) -> tuple[int, wire.Batch] | None:
        """The next batch of the black box that was asked for, and the number to give to `resent`."""
        with errors():
            found = commands.next_stretch(self._db, self._limits.batch_rows)
            if found is None:
                return None
            if found.rows:
                return found.number, self._batch(found.lane, found.rows)
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
                moment = self._moment_before(mono_ms, int(days * DAY_MS))
                with transaction(self._db):
                    drop(self._db, quota.ROWS_AT_ONCE, moment)
            with self._epoch_kept(), transaction(self._db):
                self._forget()
        self.make_room()
        with contextlib.suppress(OutboxFull):  # the next time there may be room
            self._date_earlier_boots()

    def _date_earlier_boots(self) -> None:
        """Time boots that never knew the time; of rows that were sent so, by corrections in a new epoch."""
        with self._epoch_kept(), transaction(self._db):
            corrections = earlier.dated(self._db)
            if corrections:
                self._epoch_id = schema.begin_epoch(self._db, self._new_epoch())
                lanes.put(self._db, self._epoch_id, wire.LANES.index("event"), corrections)

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
                        self._answer_for(loss)
                has_gone = has_gone or is_room_made
                if not is_room_made or not quota.is_over(self._db, quota.LOW):
                    break
            return has_gone

    def depth(self, mono_ms: int) -> Depth:
        """How many records wait for a receipt, how long the oldest has, how many were lost so far."""
        by_lane, oldest = dict.fromkeys(wire.LANES, 0), []
        with errors():
            for index, name in enumerate(wire.LANES):
                for lane in lanes.lanes_of(self._db, index):
                    by_lane[name] += self._waiting(lane)
                    oldest += lanes.rows_between(self._db, lane, lane.mark, lane.seq, 1)
            age_ms = max(
                (self._ran_ms(self._boot, mono_ms) - self._ran_ms(r.boot, r.mono_ms) for r in oldest),
                default=0,
            )
            dropped = int(schema.meta(self._db, "dropped") or 0)
        return Depth(sum(by_lane.values()), max(age_ms, 0), dropped, by_lane)

    def _waiting(self, lane: lanes.Lane) -> int:
        """Rows above the mark: counted while they are few, else taken from the numbers, gaps included."""
        if lane.seq - lane.mark > COUNTED_ROWS:
            return lane.seq - lane.mark
        found = self._db.execute(
            "SELECT count(*) FROM rows WHERE epoch = ? AND lane = ? AND seq > ?",
            (lane.epoch, lane.lane, lane.mark),
        )
        return int(found.fetchone()[0])

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
        """The last moment at which a clock was good, as far as recorded; 0 when none ever was."""
        with errors():
            found = self._db.execute(
                "SELECT max(boot_at_ms + last_mono_ms) FROM boots WHERE clock > ?", (lanes.ESTIMATED,)
            ).fetchone()
        return found[0] or 0

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

    # --- inside -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _epoch_kept(self) -> Iterator[None]:
        """What is remembered of the epochs agrees with the file, whether or not the change went through."""
        try:
            yield
        finally:
            with contextlib.suppress(Exception):
                self._read_epoch()

    def _read_epoch(self) -> None:
        found = self._db.execute("SELECT epoch, id FROM epochs ORDER BY id").fetchall()
        self._epochs = dict(found)
        self._epoch, self._epoch_id = found[-1]

    def _begin_boot(self, boot: str) -> int:
        boots = lanes.boots_of(self._db)
        for entry in boots:
            if entry.boot == boot:
                return entry.number
        number, ran_ms = 1, 0
        with transaction(self._db):
            if boots:
                last = replace(boots[-1], last_mono_ms=self._last_mono_ms(boots[-1]))
                lanes.save_boot(self._db, last)
                number, ran_ms = last.number + 1, last.ran_before_ms + last.last_mono_ms
            lanes.save_boot(self._db, lanes.BootEntry(number, boot, 0, 0, 0, ran_ms))
        return number

    def _last_mono_ms(self, boot: lanes.BootEntry) -> int:
        """How long a boot ran: as long as it recorded."""
        newest = [self._db.execute("SELECT boot, mono_ms FROM raw ORDER BY id DESC LIMIT 1").fetchone()]
        for index in range(len(wire.LANES)):
            lane = lanes.lanes_of(self._db, index)[-1]
            found = lanes.rows_between(self._db, lane, lane.seq - 1, lane.seq, 1)
            newest += [(row.boot, row.mono_ms) for row in found]
        ran_ms = [int(row[1]) for row in newest if row is not None and row[0] == boot.number]
        return max(boot.last_mono_ms, *ran_ms, 0)

    def _boot_of(self, record: Record) -> int:
        if record.boot != self._boots[self._boot]:
            raise ValueError(f"a record of boot {record.boot}, this is {self._boots[self._boot]}")
        return self._boot

    def _ran_ms(self, boot: int, mono_ms: int) -> int:
        """Running time since the outbox was made: age is counted without any wall clock."""
        found = [entry.ran_before_ms for entry in lanes.boots_of(self._db) if entry.number == boot]
        return mono_ms + sum(found)

    def _moment_before(self, mono_ms: int, age_ms: int) -> tuple[int, int]:
        """(boot, mono_ms) of the moment that much running time ago."""
        ran_ms = self._ran_ms(self._boot, mono_ms) - age_ms
        found = self._db.execute(
            "SELECT id, ran_before_ms FROM boots WHERE ran_before_ms <= ? ORDER BY id DESC LIMIT 1", (ran_ms,)
        ).fetchone()
        return (0, 0) if found is None else (found[0], ran_ms - found[1])

    def _forget(self) -> None:
        """Drop runs no receipt will name, and epochs without rows."""
        for index in range(len(wire.LANES)):
            for lane in lanes.lanes_of(self._db, index):
                self._db.execute(
                    "DELETE FROM runs WHERE epoch = ? AND lane = ? AND first_seq < coalesce((SELECT first_seq"
                    " FROM runs WHERE epoch = ? AND lane = ? ORDER BY first_seq DESC LIMIT 1 OFFSET ?), 0)",
                    (lane.epoch, index, lane.epoch, index, RUNS_KEPT),
                )
        for number in [number for number in self._epochs.values() if number != self._epoch_id]:
            if self._db.execute("SELECT 1 FROM rows WHERE epoch = ? LIMIT 1", (number,)).fetchone() is None:
                self._db.execute("DELETE FROM epochs WHERE id = ?", (number,))
                for table in ("lanes", "runs", "resends"):
                    self._db.execute(f"DELETE FROM {table} WHERE epoch = ?", (number,))  # noqa: S608 (of our own)

    def _answer_for(self, loss: quota.Loss) -> None:
        words = wire.KINDS["thinned"].by_name["reason"].words
        values: Values = {
            "lane": loss.lane,
            "first_seq": loss.first_seq,
            "last_seq": loss.last_seq,
            "count": loss.count,
            "reason": words.index(loss.reason),
            "bound_m": loss.bound_m,
        }
        self._put_event("thinned", "outbox", values)

    def _put_event(self, kind: str, source: str, values: Values) -> None:
        """An event of the outbox's own, at the time of the newest record. Within a transaction."""
        wire.check_values(kind, values)
        mono_ms, time_ms, boot_at_ms, clock = self._now
        record = Record(kind, source, self.boot, mono_ms, time_ms, boot_at_ms, clock, values)
        row = row_of(record, 0, self._boot)
        lanes.put(self._db, self._epoch_id, wire.LANES.index("event"), [row])
