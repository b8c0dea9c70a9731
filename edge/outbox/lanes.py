"""Rows into lanes, rows out of them: seq, runs, batches, and the freezing of time.

A seq is taken in the transaction that inserts its row and is never used again. A row's time may still be
corrected until it is first offered for sending; `offered` is committed before the batch leaves, so a resend
is always identical.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.outbox import boots
from edge.outbox.rows import COLUMNS, Row, cells_of, loaded, sealed
from edge.outbox.schema import write
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge.outbox.connection import Connection

AT_ONCE = 1000
COUNTED_ROWS = 10_000  # more are not counted one by one each time somebody asks
RUNS_KEPT = 256  # per lane; a receipt names the last 32 at most


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of one epoch: the highest seq given and offered, the service's mark."""

    epoch: int
    lane: int
    seq: int
    offered: int
    mark: int


def lane_of(db: Connection, epoch: int, lane: int) -> Lane:
    return next(entry for entry in lanes_of(db, lane) if entry.epoch == epoch)


def lanes_of(db: Connection, lane: int) -> list[Lane]:
    """The lane in every epoch, oldest first."""
    found = db.execute(
        "SELECT epoch, lane, seq, offered, mark FROM lanes WHERE lane = ? ORDER BY epoch", (lane,)
    )
    return [Lane(*row) for row in found.fetchall()]


def put(db: Connection, epoch: int, lane: int, rows: Iterable[Row]) -> int:
    """Give the rows their seq and insert them; how many. Within a transaction."""
    entry = lane_of(db, epoch, lane)
    last = entry.seq
    run = db.execute(
        "SELECT boot FROM runs WHERE epoch = ? AND lane = ? ORDER BY first_seq DESC LIMIT 1", (epoch, lane)
    ).fetchone()
    boot = None if run is None else run[0]
    for row in rows:
        last += 1
        if row.boot != boot:
            boot = row.boot
            write(db, "runs", epoch, lane, last, boot)
        insert(db, epoch, lane, sealed(row._replace(seq=last)))
    save(db, replace(entry, seq=last))
    return last - entry.seq


def insert(db: Connection, epoch: int, lane: int, row: Row) -> None:
    db.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (epoch, lane, *row))


def save(db: Connection, lane: Lane) -> None:
    """Write a lane's numbers. Within a transaction."""
    write(db, "lanes", lane.epoch, lane.lane, lane.seq, lane.offered, lane.mark)


def rows_between(db: Connection, lane: Lane, after: int, last: int, most: int) -> list[Row]:
    """The oldest rows with after < seq <= last."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM rows WHERE epoch = ? AND lane = ? AND seq > ? AND seq <= ?"  # noqa: S608 (names of our own)
        " ORDER BY seq LIMIT ?",
        (lane.epoch, lane.lane, after, last, most),
    )
    return [loaded(row) for row in found.fetchall()]


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
    boot_at_ms = boots.began_at(db, rows[0].boot)
    out = []
    for row in rows:
        if row.seq <= lane.offered or row.clock or boot_at_ms is None:
            out.append(row)
            continue
        timed = at_boot(row, boot_at_ms, boots.ESTIMATED)
        _retime(db, lane, timed)
        out.append(timed)
    save(db, replace(lane, offered=max(lane.offered, rows[-1].seq)))
    return out


def at_boot(row: Row, boot_at_ms: int, clock: int) -> Row:
    """The row, timed by a boot at that time."""
    return sealed(row._replace(time_ms=boot_at_ms + row.mono_ms, boot_at_ms=boot_at_ms, clock=clock))


def _retime(db: Connection, lane: Lane, row: Row) -> None:
    db.execute(
        "UPDATE rows SET time_ms = ?, boot_at_ms = ?, clock = ?, crc = ?"
        " WHERE epoch = ? AND lane = ? AND seq = ?",
        (row.time_ms, row.boot_at_ms, row.clock, row.crc, lane.epoch, lane.lane, row.seq),
    )


def correct(db: Connection, boot: int, boot_at_ms: int, clock: int) -> None:
    """Time what was not offered yet: the clock was won. Within a transaction."""
    for lane in [entry for index in range(len(wire.LANES)) for entry in lanes_of(db, index)]:
        after = lane.offered
        while rows := rows_between(db, lane, after, lane.seq, AT_ONCE):
            after = rows[-1].seq
            for row in rows:
                if row.boot == boot and row.clock < clock and cells_of(row) is not None:
                    _retime(db, lane, at_boot(row, boot_at_ms, clock))


def move(db: Connection, lane: Lane, from_seq: int, epoch: int) -> int:
    """Rows from a fork on get numbers in another epoch; how many. Within a transaction."""
    moved, after = 0, from_seq - 1
    while rows := rows_between(db, lane, after, lane.seq, AT_ONCE):
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


def waiting(db: Connection, lane: Lane) -> int:
    """Rows above the mark: counted while they are few, else taken from the numbers, gaps included."""
    if lane.seq - lane.mark > COUNTED_ROWS:
        return lane.seq - lane.mark
    found = db.execute(
        "SELECT count(*) FROM rows WHERE epoch = ? AND lane = ? AND seq > ?",
        (lane.epoch, lane.lane, lane.mark),
    )
    return int(found.fetchone()[0])


def forget_runs(db: Connection) -> None:
    """Drop runs that no receipt will name. Within a transaction."""
    for lane in [entry for index in range(len(wire.LANES)) for entry in lanes_of(db, index)]:
        db.execute(
            "DELETE FROM runs WHERE epoch = ? AND lane = ? AND first_seq < coalesce((SELECT first_seq"
            " FROM runs WHERE epoch = ? AND lane = ? ORDER BY first_seq DESC LIMIT 1 OFFSET ?), 0)",
            (lane.epoch, lane.lane, lane.epoch, lane.lane, RUNS_KEPT),
        )
