"""Rows into lanes, rows out of them: seq, runs, batches, and the freezing of time.

A seq is taken in the transaction that inserts its row and is never used again. A row's time may still be
corrected until it is first offered for sending; `offered` is committed before the batch leaves, so a resend
is always identical.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.outbox.rows import COLUMNS, Row
from edge.outbox.times import Boot, estimated
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge.outbox.connection import Connection

MOVED_AT_ONCE = 1000
ESTIMATED = wire.CLOCKS.index("estimated")


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of one epoch: the highest seq given and offered, the service's mark."""

    epoch: int
    lane: int
    seq: int
    offered: int
    mark: int


def lanes_of(db: Connection, lane: int) -> list[Lane]:
    """The lane in every epoch, oldest first."""
    found = db.execute(
        "SELECT epoch, lane, seq, offered, mark FROM lanes WHERE lane = ? ORDER BY epoch", (lane,)
    )
    return [Lane(*row) for row in found.fetchall()]


def put(db: Connection, epoch: int, lane: int, rows: Iterable[Row]) -> int:
    """Give the rows their seq and insert them; how many. Within a transaction."""
    seq: int = db.execute("SELECT seq FROM lanes WHERE epoch = ? AND lane = ?", (epoch, lane)).fetchone()[0]
    last = seq
    run = db.execute(
        "SELECT boot FROM runs WHERE epoch = ? AND lane = ? ORDER BY first_seq DESC LIMIT 1", (epoch, lane)
    ).fetchone()
    boot = None if run is None else run[0]
    for row in rows:
        last += 1
        if row.boot != boot:
            boot = row.boot
            db.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (epoch, lane, last, boot))
        db.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (epoch, lane, last, *row[1:])
        )
    db.execute("UPDATE lanes SET seq = ? WHERE epoch = ? AND lane = ?", (last, epoch, lane))
    return last - seq


def rows_between(db: Connection, lane: Lane, after: int, last: int, most: int) -> list[Row]:
    """The oldest rows with after < seq <= last."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM rows WHERE epoch = ? AND lane = ? AND seq > ? AND seq <= ?"  # noqa: S608 (names of our own)
        " ORDER BY seq LIMIT ?",
        (lane.epoch, lane.lane, after, last, most),
    )
    return [Row(*row) for row in found.fetchall()]


def row_before(db: Connection, lane: Lane, seq: int) -> tuple[int, int] | None:
    """(seq, boot) of the last row that still exists before `seq`."""
    found: tuple[int, int] | None = db.execute(
        "SELECT seq, boot FROM rows WHERE epoch = ? AND lane = ? AND seq < ? ORDER BY seq DESC LIMIT 1",
        (lane.epoch, lane.lane, seq),
    ).fetchone()
    return found


def one_boot(rows: Sequence[Row]) -> list[Row]:
    """The rows up to the first change of boot: a batch never spans two."""
    return list(itertools.takewhile(lambda row: row.boot == rows[0].boot, rows))


def freeze(db: Connection, lane: Lane, rows: Sequence[Row]) -> list[Row]:
    """The rows with the times they will keep for ever, written down. Within a transaction."""
    boot_at_ms = _boot_at(db, rows[0].boot)
    out = []
    for row in rows:
        if row.seq <= lane.offered or row.clock or boot_at_ms is None:
            out.append(row)
            continue
        timed = row._replace(time_ms=boot_at_ms + row.mono_ms, boot_at_ms=boot_at_ms, clock=ESTIMATED)
        db.execute(
            "UPDATE rows SET time_ms = ?, boot_at_ms = ?, clock = ? WHERE epoch = ? AND lane = ? AND seq = ?",
            (timed.time_ms, boot_at_ms, ESTIMATED, lane.epoch, lane.lane, row.seq),
        )
        out.append(timed)
    offered = max(lane.offered, rows[-1].seq)
    db.execute("UPDATE lanes SET offered = ? WHERE epoch = ? AND lane = ?", (offered, lane.epoch, lane.lane))
    return out


def _boot_at(db: Connection, boot: int) -> int | None:
    """When the boot began: known, or estimated now and kept, so that all its lanes say the same."""
    known, clock = db.execute("SELECT boot_at_ms, clock FROM boots WHERE id = ?", (boot,)).fetchone()
    if clock:
        return int(known)
    found = db.execute("SELECT id, boot_at_ms, clock, last_mono_ms FROM boots ORDER BY id").fetchall()
    boots = [Boot(row[1] if row[2] else None, row[3]) for row in found]
    boot_at_ms = estimated(boots, [row[0] for row in found].index(boot))
    if boot_at_ms is not None:
        db.execute("UPDATE boots SET boot_at_ms = ?, clock = ? WHERE id = ?", (boot_at_ms, ESTIMATED, boot))
    return boot_at_ms


def correct(db: Connection, boot: int, boot_at_ms: int, clock: int) -> None:
    """Time what was not offered yet: the clock was won. Within a transaction."""
    for lane, epoch, offered in db.execute("SELECT lane, epoch, offered FROM lanes").fetchall():
        db.execute(
            "UPDATE rows SET time_ms = mono_ms + ?, boot_at_ms = ?, clock = ?"
            " WHERE epoch = ? AND lane = ? AND seq > ? AND boot = ? AND clock < ?",
            (boot_at_ms, boot_at_ms, clock, epoch, lane, offered, boot, clock),
        )
    other = db.execute("SELECT id FROM raw WHERE boot <> ? ORDER BY id DESC LIMIT 1", (boot,)).fetchone()
    db.execute(
        "UPDATE raw SET time_ms = mono_ms + ?, boot_at_ms = ?, clock = ? WHERE id > ? AND clock < ?",
        (boot_at_ms, boot_at_ms, clock, 0 if other is None else other[0], clock),
    )


def move(db: Connection, lane: Lane, from_seq: int, epoch: int) -> int:
    """Rows from a fork on get numbers in another epoch; how many. Within a transaction."""
    moved, after = 0, from_seq - 1
    while rows := rows_between(db, lane, after, lane.seq, MOVED_AT_ONCE):
        moved += put(db, epoch, lane.lane, rows)
        after = rows[-1].seq
    db.execute(
        "DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq >= ?", (lane.epoch, lane.lane, from_seq)
    )
    return moved


def runs_of(db: Connection, lane: Lane, most: int) -> list[tuple[int, str]]:
    """The last runs of the lane, (first seq, boot), rising."""
    found: list[Any] = db.execute(
        "SELECT first_seq, boots.boot FROM runs JOIN boots ON boots.id = runs.boot"
        " WHERE epoch = ? AND lane = ? ORDER BY first_seq DESC LIMIT ?",
        (lane.epoch, lane.lane, most),
    ).fetchall()
    return [(first_seq, boot) for first_seq, boot in reversed(found)]
