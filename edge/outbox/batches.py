"""What goes out: the next batch of a lane, made of rows whose times are frozen.

A batch holds rows of one epoch, one lane and one boot, and names the last row that still exists before it.
Its times are frozen, and that is committed, before it leaves: a resend is always identical.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.outbox import lanes
from edge.outbox.connection import transaction
from edge.outbox.rows import Row, cells_of, groups_of
from edge.outbox.soundness import sound_rows
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.outbox.connection import Connection
    from edge.outbox.identity import Identity
    from edge.outbox.lanes import Lane

OLDER_EPOCHS = 8  # whose ends are offered again on each connection


def next_batch(
    db: Connection,
    identity: Identity,
    lane: str,
    after: tuple[str, int] | None,
    most: int,
    *,
    is_waiting: bool,
) -> wire.Batch | None:
    """The oldest rows of a lane behind the mark, or behind `after` (epoch, seq); as `Outbox.take` says."""
    for entry in lanes.lanes_of(db, wire.LANES.index(lane)):
        rows = _next_rows(db, identity, entry, _behind(identity, entry, after), most, is_waiting=is_waiting)
        if rows:
            return batch_of(db, identity, entry, rows)
    return None


def _behind(identity: Identity, entry: Lane, after: tuple[str, int] | None) -> int:
    if after is None or after[0] not in identity.epochs:
        return entry.mark
    epoch_id = identity.epochs[after[0]]
    if epoch_id == entry.epoch:
        return max(entry.mark, after[1])
    return entry.seq if entry.epoch < epoch_id else entry.mark


def _next_rows(
    db: Connection, identity: Identity, entry: Lane, behind: int, most: int, *, is_waiting: bool
) -> list[Row]:
    rows = sound_rows(db, identity, entry, lanes.rows_between(db, entry, behind, entry.seq, most))
    rows = lanes.one_boot(rows)
    if is_waiting and rows and rows[0].boot == identity.boot_number:
        untimed = [index for index, row in enumerate(rows) if not row.clock and row.seq > entry.offered]
        rows = rows[: untimed[0]] if untimed else rows
    if rows and rows[-1].seq > entry.offered:
        with transaction(db):
            rows = lanes.freeze(db, entry, rows)
    return rows


def batch_of(db: Connection, identity: Identity, entry: Lane, rows: Sequence[Row]) -> wire.Batch:
    """Sound rows of one boot as a batch."""
    before = lanes.row_before(db, entry, rows[0].seq)
    prev, prev_boot = (0, None) if before is None else (before[0], identity.boots.get(before[1]))
    boot = identity.boots[rows[0].boot]
    groups = groups_of([(row, cells_of(row) or []) for row in rows])
    return wire.Batch(
        identity.word_of(entry.epoch),
        wire.LANES[entry.lane],
        prev,
        boot,
        None if prev_boot == boot else prev_boot,
        groups,
    )


def ends(db: Connection, identity: Identity) -> list[wire.Batch]:
    """Of each older epoch a row that has its receipt."""
    found = [_end(db, identity, number) for number in identity.older()[-OLDER_EPOCHS:]]
    return [batch for batch in found if batch is not None]


def _end(db: Connection, identity: Identity, epoch_id: int) -> wire.Batch | None:
    for index in reversed(range(len(wire.LANES))):
        entry = lanes.lane_of(db, epoch_id, index)
        last = lanes.row_before(db, entry, entry.mark + 1)
        if last is not None:
            rows = lanes.rows_between(db, entry, last[0] - 1, last[0], 1)
            return batch_of(db, identity, entry, rows) if cells_of(rows[0]) is not None else None
    return None
