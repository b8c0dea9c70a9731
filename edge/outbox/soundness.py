"""Rows that are no longer what was written: dropped where they are met, counted, and answered for.

A card may flip a bit of a row that was sound for weeks. Sent as it is, it would be set aside by the service
for ever; left in place it would block its lane. So it goes, and a `thinned` record says which number it was.
The same becomes of a row that a newer program has written and this one cannot put on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.outbox import raw, schema
from edge.outbox.connection import transaction
from edge.outbox.quota import Loss
from edge.outbox.rows import KINDS_BY_NUMBER, Row, cells_of
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.connection import Connection
    from edge.outbox.identity import Identity
    from edge.outbox.lanes import Lane


def sound_rows(db: Connection, identity: Identity, lane: Lane, rows: list[Row]) -> list[Row]:
    """The rows of a lane without damaged ones."""
    bad = _damaged(identity, rows)
    bad += [row.seq for row in rows if row.seq not in bad and not _is_sendable(row)]
    if bad:
        bad.sort()
        with transaction(db):
            for seq in bad:
                db.execute(
                    "DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq = ?", (lane.epoch, lane.lane, seq)
                )
            schema.count_meta(db, "dropped", len(bad))
            identity.answer_for(db, Loss(lane.lane, bad[0], bad[-1], len(bad), "damaged"))
    return [row for row in rows if row.seq not in bad]


def sound_fixes(db: Connection, identity: Identity) -> list[Row]:
    """The open window of the raw track without damaged rows."""
    rows = raw.open_rows(db)
    bad = _damaged(identity, rows)
    if bad:
        with transaction(db):
            for number in bad:
                db.execute("DELETE FROM raw WHERE id = ?", (number,))
            schema.count_meta(db, "dropped", len(bad))
    return [row for row in rows if row.seq not in bad]


def _damaged(identity: Identity, rows: list[Row]) -> list[int]:
    return [row.seq for row in rows if cells_of(row) is None or row.boot not in identity.boots]


def _is_sendable(row: Row) -> bool:
    kind = KINDS_BY_NUMBER[row.kind]
    names = [field.name for field in wire.KINDS[kind].fields]
    try:
        wire.check_values(kind, dict(zip(names, cells_of(row) or [], strict=True)))
    except wire.WireError:
        return False
    is_dated = all(0 <= at_ms <= wire.MAX_TIME_MS for at_ms in (row.time_ms, row.boot_at_ms))
    return is_dated and 0 <= row.clock < len(wire.CLOCKS) and wire.is_source(row.source)
