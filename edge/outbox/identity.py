"""Under which names records go: the epoch, the boot, and their numbers in the file.

They are remembered, because every record and every batch needs them; after a change that may have failed they
are read again, so that memory never says other than the file. The newest moment goes with them: what the
outbox itself has to tell is recorded at the time of the newest record.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.outbox import boots, lanes, schema
from edge.outbox.connection import transaction
from edge.outbox.rows import row_of
from edge.record import Record
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.outbox.connection import Connection
    from edge.outbox.quota import Loss
    from edge.record import Values

EVENT = wire.LANES.index("event")


class Identity:
    """Of one open file, in one boot."""

    def __init__(self, db: Connection, boot: str, new_epoch: Callable[[], str]) -> None:
        self._new_epoch = new_epoch
        self._now = (0, 0, 0, "none")  # mono_ms, time_ms, boot_at_ms, clock of the newest record
        self.boot_number = _begun(db, boot)
        self.boots: dict[int, str] = {entry.number: entry.boot for entry in boots.boots_of(db)}
        self.epochs: dict[str, int] = {}
        self.epoch, self.epoch_id = "", 0
        self.read(db)

    @property
    def boot(self) -> str:
        """This start of the unit."""
        return self.boots[self.boot_number]

    def read(self, db: Connection) -> None:
        """Take the epochs from the file; the last is the current one."""
        found = db.execute("SELECT epoch, id FROM epochs ORDER BY id").fetchall()
        self.epochs = dict(found)
        self.epoch, self.epoch_id = found[-1]

    @contextlib.contextmanager
    def kept(self, db: Connection) -> Iterator[None]:
        """What is remembered of the epochs agrees with the file, whether or not the change went through."""
        try:
            yield
        finally:
            with contextlib.suppress(Exception):
                self.read(db)

    def begin_epoch(self, db: Connection) -> None:
        """Number new records anew. Within a transaction, and within `kept`."""
        self.epoch_id = schema.begin_epoch(db, self._new_epoch())

    def forget_epochs(self, db: Connection) -> None:
        """Drop older epochs without rows. Within a transaction, and within `kept`."""
        for number in self.older():
            if db.execute("SELECT 1 FROM rows WHERE epoch = ? LIMIT 1", (number,)).fetchone() is None:
                db.execute("DELETE FROM epochs WHERE id = ?", (number,))
                for table in ("lanes", "runs", "resends"):
                    db.execute(f"DELETE FROM {table} WHERE epoch = ?", (number,))  # noqa: S608 (of our own)

    def older(self) -> list[int]:
        """The epochs before the current one, oldest first."""
        return [number for number in self.epochs.values() if number != self.epoch_id]

    def word_of(self, epoch_id: int) -> str:
        """The epoch of a number."""
        return next(word for word, number in self.epochs.items() if number == epoch_id)

    def number_of(self, record: Record) -> int:
        """The number of the boot of a record, which must be this one."""
        if record.boot != self.boot:
            raise ValueError(f"a record of boot {record.boot}, this is {self.boot}")
        return self.boot_number

    # --- what the outbox itself tells -------------------------------------------------------------------

    def note_newest(self, record: Record) -> None:
        """This is the newest record."""
        self._now = (record.mono_ms, record.time_ms, record.boot_at_ms, record.clock)

    def put_event(
        self,
        db: Connection,
        kind: str,
        source: str,
        values: Values,
        moment: tuple[int, int, int, str] | None = None,
    ) -> None:
        """An event of the outbox's own, at the time of the newest record. Within a transaction."""
        wire.check_values(kind, values)
        mono_ms, time_ms, boot_at_ms, clock = moment or self._now
        record = Record(kind, source, self.boot, mono_ms, time_ms, boot_at_ms, clock, values)
        lanes.put(db, self.epoch_id, EVENT, [row_of(record, 0, self.boot_number)])

    def answer_for(self, db: Connection, loss: Loss) -> None:
        """Tell of rows that are gone. Within a transaction."""
        words = wire.KINDS["thinned"].by_name["reason"].words
        values: Values = {
            "lane": loss.lane,
            "first_seq": loss.first_seq,
            "last_seq": loss.last_seq,
            "count": loss.count,
            "reason": words.index(loss.reason),
            "bound_m": loss.bound_m,
        }
        self.put_event(db, "thinned", "outbox", values)


def _begun(db: Connection, boot: str) -> int:
    """The number of a boot, which begins now unless it is known."""
    known = boots.boots_of(db)
    for entry in known:
        if entry.boot == boot:
            return entry.number
    number, ran_ms = 1, 0
    with transaction(db):
        if known:
            last = replace(known[-1], last_mono_ms=_last_mono_ms(db, known[-1]))
            boots.save(db, last)
            number, ran_ms = last.number + 1, last.ran_before_ms + last.last_mono_ms
        boots.save(db, boots.BootEntry(number, boot, 0, 0, 0, ran_ms))
    return number


def _last_mono_ms(db: Connection, boot: boots.BootEntry) -> int:
    """How long a boot ran: as long as it recorded."""
    newest = [db.execute("SELECT boot, mono_ms FROM raw ORDER BY id DESC LIMIT 1").fetchone()]
    for index in range(len(wire.LANES)):
        lane = lanes.lanes_of(db, index)[-1]
        found = lanes.rows_between(db, lane, lane.seq - 1, lane.seq, 1)
        newest += [(row.boot, row.mono_ms) for row in found]
    ran_ms = [int(row[1]) for row in newest if row is not None and row[0] == boot.number]
    return max(boot.last_mono_ms, *ran_ms, 0)
